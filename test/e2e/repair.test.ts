import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { ApiServer } from '../support/api-server.js';
import { CertificateAuthority } from '../support/certificate-authority.js';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { apiError } from '../support/ens-faults.js';
import { execInfo } from '../support/exec-info.js';
import { programs, runProgram, type Program } from '../support/sandbox.js';

useSandbox();

const clients: Client[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.stop();
});

const reviews = (): number => sandbox.apiServer.requests.filter(({ method }) => method === 'POST').length;
const serial = (index: number): string => String(sandbox.ens.issued[index]?.serialNumber);

/** A shell that runs the plugin once for each line, and prints its answer and exit status in one line each. */
class Client {
  lastLine = '';
  readonly #shell;
  readonly #lines;

  constructor(env: Readonly<Record<string, string | undefined>>, program: Program = 'standalone') {
    const run = `"${programs[program]}" exec-credential --cluster-id ${sandbox.clusterId}`;
    const plugin = env['IN_SHELL'] === undefined ? run : `/bin/sh -c '${run}; exit $?'`;
    const script = `while read -r line; do
        out=$(${plugin} 2>"$1"); printf '%s %s' $? "$(cat "$1") $out" | tr '\\n' ' '; echo
      done`;
    const errors = join(sandbox.directory, 'stderr');
    this.#shell = spawn('/bin/sh', ['-c', script, 'sh', errors], { env: sandbox.environment(env) });
    this.#lines = createInterface({ input: this.#shell.stdout })[Symbol.asyncIterator]();
    clients.push(this);
  }

  /** @returns the index of the certificate that the plugin serves, or what it prints */
  async ask(): Promise<number | string> {
    this.#shell.stdin.write('\n');
    const line = (this.lastLine = String((await this.#lines.next()).value));
    const { status } = JSON.parse(/\{.*\}/.exec(line)?.[0] ?? '{}') as {
      status?: { clientCertificateData: string };
    };
    const index = sandbox.ens.issued.findIndex(
      ({ certificatePem }) => certificatePem === status?.clientCertificateData,
    );
    return index === -1 ? line : index;
  }

  async stop(): Promise<void> {
    this.#shell.stdin.end();
    await once(this.#shell, 'close');
  }
}

const kinds = [
  ['sends KUBERNETES_EXEC_INFO', { KUBERNETES_EXEC_INFO: execInfo() }],
  ['does not send it', {}],
  ['runs it in a shell, as fabric8 does', { IN_SHELL: 'yes' }],
] as const;

describe.each(kinds)('a client that %s', (_, env) => {
  let client: Client;
  const start = async (): Promise<void> => {
    expect(await sandbox.run(['get-credentials', sandbox.clusterId])).toMatchObject({ status: 0 });
    client = new Client(env);
    expect(await client.ask()).toBe(0);
  };

  test('and asks 200 times has a question asked every five seconds, and no call to ENS', async () => {
    await start();
    const started = performance.now();
    for (let request = 0; request < 200; request += 1) expect(await client.ask()).toBe(0);
    expect(reviews()).toBeGreaterThan(0);
    expect(reviews()).toBeLessThanOrEqual(1 + (performance.now() - started) / 5000);
    expect(sandbox.ens.calls()).toBe(1);
  });

  test('gets a new credential if the API server rejects the old one, and no other in the same minute', async () => {
    await start();
    sandbox.apiServer.revoke(serial(0));
    expect(await client.ask()).toBe(1);
    // An API server that answers 401 for ever.
    sandbox.apiServer.revoke(serial(1));
    for (let request = 0; request < 20; request += 1) expect(await client.ask()).toBe(1);
    expect(sandbox.ens.calls()).toBe(2);
  });

  test('gets the old one if ENS is down, and an error if ENS refuses', async () => {
    await start();
    sandbox.apiServer.revoke(serial(0));
    sandbox.ens.failNext('always', apiError('Forbidden.RAM'));
    expect(await client.ask()).toMatch(/^1 .*\[ens-not-allowed\]/);
    expect(await sandbox.run(['status', '-o', 'json'])).toMatchObject({
      stdout: expect.stringContaining('"not cached"') as unknown,
    });
  });
});

test('an API server that never answers delays a client by three seconds, once in five, and ENS is not called', async () => {
  await sandbox.run(['get-credentials', sandbox.clusterId]);
  const client = new Client({});
  await client.ask();
  sandbox.apiServer.hangs = true;
  const started = performance.now();
  expect(await client.ask()).toBe(0);
  const firstMs = performance.now() - started;
  expect(firstMs).toBeGreaterThan(2500);
  expect(firstMs).toBeLessThan(4500);
  expect(await client.ask()).toBe(0);
  expect(performance.now() - started).toBeLessThan(5000);
  expect(sandbox.ens.calls()).toBe(1);
});

test.each(['standalone', 'node'] as const)(
  'an API server that another CA issued is not believed, by the program %s',
  async (program) => {
    const { clusterId, ens } = sandbox;
    const authority = await CertificateAuthority.create({ name: 'another CA' });
    const stranger = await ApiServer.start({ authority, clusterId });
    try {
      // It answers 401 to a certificate of the cluster's CA, whose bundle ENS issues.
      sandbox.putCluster({ server: stranger.url });
      await sandbox.run(['get-credentials', clusterId]);
      const client = new Client({ NODE_TLS_REJECT_UNAUTHORIZED: '0', KUBECTL_ECK_LOG: 'debug' }, program);
      for (let request = 0; request < 2; request += 1) expect(await client.ask()).toBe(0);
      expect(client.lastLine).toMatch(/the API server does not answer: .*certificate/);
      expect(stranger.requests).toEqual([]);
      expect(ens.calls()).toBe(1);
    } finally {
      await stranger.stop();
    }
  },
);

test('the API server behind --private-ip is asked, and later renewals ask ENS for the same address', async () => {
  const { clusterId, apiServer } = sandbox;
  sandbox.putCluster({ server: 'https://127.0.0.1:1', privateServer: apiServer.url });
  await sandbox.run(['get-credentials', clusterId, '--private-ip']);
  const client = new Client({});
  for (const expected of [0, 1]) {
    expect(await client.ask()).toBe(expected);
    apiServer.revoke(serial(expected));
  }
  expect(sandbox.ens.log.flatMap(({ params }) => params['PrivateIpAddress'] ?? [])).toEqual(['true', 'true']);
});

test('a credential without a known API server is renewed at most once, and a refusal deletes nothing', async () => {
  const { clusterId } = sandbox;
  await sandbox.run(['get-credentials', clusterId]);
  const root = join(sandbox.home, '.kube/cache/kubectl-eck');
  const forget = `cd "${root}"/${clusterId}@* && sed -i 's/"apiServer":{/"was":{/' record.json`;
  await runProgram('/bin/sh', ['-c', forget], { env: sandbox.environment(), timeoutMs: 5000 });
  const client = new Client({});
  await client.ask();
  sandbox.ens.failNext(1, apiError('Forbidden.RAM'));
  expect(await client.ask()).toBe(0);
  expect(client.lastLine).toMatch(/^0 kubectl-eck: .*is served.*\[ens-not-allowed\] \{/);
  for (let request = 0; request < 10; request += 1) expect(await client.ask()).toBe(0);
  expect(sandbox.ens.calls()).toBe(2);
});

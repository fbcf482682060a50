import { beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { StoreName } from '../../src/settings.js';
import { apiError, type EnsFault } from '../support/ens-faults.js';
import { kernelKeyringRequirement, startSessionKeyring } from '../support/kernel-keyring.js';
import type { Outcome } from '../support/kubectl.js';
import { describeWith, type Requirement } from '../support/requirements.js';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { asOther, other, programs, runProgram } from '../support/sandbox.js';
import { secretServiceRequirement, startSecretService } from '../support/secret-service.js';
import { stopAfterTest } from '../support/stop-after-test.js';

useSandbox();

const clusterArgs = (): string[] => ['exec-credential', '--cluster-id', sandbox.clusterId];
/** The cached credential is always too old. */
const renewArgs = (): string[] => [...clusterArgs(), '--max-age', '1ms'];

function cachedFiles(): Promise<string[]> {
  return readdir(join(sandbox.home, '.kube', 'cache', 'kubectl-eck', 'credentials'));
}

/** As inputs of properties: more in CI. */
const herdSize = process.env['CI'] === 'true' ? 200 : 60;

// A shell starts the processes: while this process did, the doubles in it could not answer.
const herd = `size=$1; directory=$2; shift 2; n=0
while [ $n -lt $size ]; do
  { "$@" >"$directory/$n.out" 2>"$directory/$n.err"; echo $? >>"$directory/$n.err"; } &
  n=$((n + 1))
done
wait`;

/** A store, and how programs run with it. */
interface Place {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly wrap?: (argv: readonly string[]) => readonly string[];
}

const keychain = async (): Promise<Place> => {
  const service = stopAfterTest(await startSecretService());
  return { env: service.environment };
};
const kernel = async (): Promise<Place> => {
  return { wrap: stopAfterTest(await startSessionKeyring()).command };
};
const places: readonly (readonly [StoreName, Requirement, () => Promise<Place>])[] = [
  ['file', { name: 'a disk', available: true }, () => Promise.resolve({})],
  ['keychain', secretServiceRequirement, keychain],
  ['kernel', kernelKeyringRequirement, kernel],
];

for (const [store, requirement, start] of places) {
  describeWith([requirement], `${herdSize} processes at once, with the store ${store}`, () => {
    let place: Place;

    beforeEach(async () => {
      place = await start();
    });

    async function expectOneAnswer(processes = herdSize): Promise<void> {
      const directory = await mkdtemp(join(sandbox.directory, 'herd-'));
      const argv = [programs.standalone, ...clusterArgs()];
      const shell = ['/bin/sh', '-c', herd, 'herd', String(processes), directory, ...argv];
      const [file = '', ...args] = place.wrap?.(shell) ?? shell;
      const env = sandbox.environment({ ...place.env, KUBECTL_ECK_STORE: store });
      expect(await runProgram(file, args, { env, timeoutMs: 150_000 })).toMatchObject({ status: 0 });
      const answers = new Set<string>();
      for (let n = 0; n < processes; n += 1) {
        // Ends with the exit status; warnings are allowed.
        expect(await readFile(join(directory, `${n}.err`), 'utf8')).toMatch(/(^|\n)0\n$/);
        const stdout = await readFile(join(directory, `${n}.out`), 'utf8');
        answers.add(stdout.replace(/"expirationTimestamp":"[^"]*"/, ''));
      }
      expect(answers.size).toBe(1);
    }

    test('make one call to ENS when the cached certificate has expired', async () => {
      sandbox.ens.issuing = { lifetimeMs: 2000 };
      await expectOneAnswer(1);
      sandbox.ens.issuing = {};
      await delay(2000);
      await expectOneAnswer();
      expect(sandbox.ens.calls()).toBe(2);
    }, 180_000);

    if (store !== 'file') return;

    test('make the calls of one process without a cached credential, when ENS throttles twice', async () => {
      sandbox.ens.failNext(2, apiError('Throttling.User'));
      await expectOneAnswer();
      const outcomes = sandbox.ens.log.map(({ outcome }) => outcome);
      expect(outcomes).toEqual(['Throttling.User', 'Throttling.User', 'answered']);
    }, 180_000);
  });
}

describe('in an outage', () => {
  test.each<[string, EnsFault | 'down']>([
    ['is down', 'down'],
    ['does not answer in time', { kind: 'hang' }],
    ['throttles', apiError('Throttling.User')],
    ['issues an invalid kubeconfig', { kind: 'config', value: 'nonsense' }],
  ])('ENS %s: the cached credential is served, with one warning', async (_, fault) => {
    const before = await sandbox.run(clusterArgs());
    if (fault === 'down') await sandbox.ens.stop();
    else sandbox.ens.failNext('always', fault);

    const start = performance.now();
    const during = await sandbox.run(renewArgs());
    const tookMs = performance.now() - start;
    expect(during.status).toBe(0);
    expect(statusOf(during)).toEqual({ ...statusOf(before), expirationTimestamp: expect.any(String) });
    expect(during.stderr).toMatch(/^kubectl-eck: [^\n]+; the cached credential is served, [^\n]+\]\n$/);
    // The read timeout is 3 s here.
    expect(tookMs).toBeLessThan(fault !== 'down' && fault.kind === 'hang' ? 6000 : 3000);

    const calls = sandbox.ens.calls();
    // The parent process was warned.
    expect(await sandbox.run(renewArgs())).toMatchObject({ status: 0, stderr: '' });
    expect(sandbox.ens.calls()).toBe(calls);
  });

  test('a client that reads both streams as one, as fabric8 does, gets the answer without the warning', async () => {
    const before = await sandbox.run(clusterArgs());
    await sandbox.ens.stop();
    const shell = ['-c', '"$0" "$@" 2>&1', programs.standalone, ...renewArgs()];
    const options = { env: sandbox.environment(), timeoutMs: 30_000 };
    const during = await runProgram('/bin/sh', shell, options);
    expect(statusOf(during)).toEqual({ ...statusOf(before), expirationTimestamp: expect.any(String) });
  });

  test('an expired certificate is not served', async () => {
    sandbox.ens.issuing = { lifetimeMs: 2000 };
    const before = await sandbox.run(clusterArgs());
    const { clientCertificateData, expirationTimestamp } = statusOf(before);
    expect(clientCertificateData).toContain('BEGIN CERTIFICATE');
    await sandbox.ens.stop();
    await delay(Date.parse(String(expirationTimestamp)) + 1000 - Date.now());
    const after = await sandbox.run([...clusterArgs(), '--timeout', '1s']);
    expect(after).toMatchObject({ status: 1, stdout: '' });
    expect(after.stderr).toContain('[ens-unavailable]');
  });
});

test('a refusal deletes the cached credential of this identity alone', async () => {
  sandbox.ens.putIdentity(other);
  const env = asOther;
  await sandbox.run(clusterArgs());
  const others = await sandbox.run(clusterArgs(), { env });
  expect(await cachedFiles()).toHaveLength(2);

  sandbox.ens.failNext(1, apiError('Forbidden.RAM'));
  const refused = await sandbox.run(renewArgs());
  expect(refused).toMatchObject({ status: 1, stdout: '' });
  expect(refused.stderr).toContain('[ens-not-allowed]');
  expect(await cachedFiles()).toHaveLength(1);

  const calls = sandbox.ens.calls();
  expect(statusOf(await sandbox.run(clusterArgs(), { env }))).toEqual(statusOf(others));
  expect(sandbox.ens.calls()).toBe(calls);
});

function statusOf({ stdout }: Outcome): Record<string, unknown> {
  return (JSON.parse(stdout) as { status: Record<string, unknown> }).status;
}

// Clients that take no new credential from the plugin after a 401, unlike kubectl. docs/clients.md says what others do.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { describeWith, type Requirement } from '../support/requirements.js';
import { repository } from '../support/sandbox.js';

/** A program that reads `load` or `list` a line, and prints the number of nodes or an HTTP status. */
interface Program extends Requirement {
  readonly command: readonly [string, ...string[]];
  /** Whether it runs the plugin again at `expirationTimestamp`. */
  readonly renews: boolean;
}

/** The Python that `KUBECTL_ECK_TEST_PYTHON` names, else that of the machine. */
const python = spawnSync(
  process.env['KUBECTL_ECK_TEST_PYTHON'] ?? 'python3',
  ['-c', 'import sys, kubernetes; print(sys.executable)'],
  { encoding: 'utf8', timeout: 20_000 },
);

const pythonProgram = `
import sys
from kubernetes import client, config
for line in sys.stdin:
    if line == 'load\\n':
        config.load_kube_config()
        api = client.CoreV1Api()
    try:
        print(len(api.list_node().items), flush=True)
    except client.ApiException as error:
        print(error.status, flush=True)
`;

const nodeProgram = `
import { createInterface } from 'node:readline';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
let api;
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'load') {
    const kubeconfig = new KubeConfig();
    kubeconfig.loadFromDefault();
    api = kubeconfig.makeApiClient(CoreV1Api);
  }
  console.log(await api.listNode().then(({ items }) => items.length, ({ code }) => code));
}
`;

const programs: readonly Program[] = [
  {
    name: 'kubernetes for Python',
    available: python.status === 0,
    isOptional: true,
    command: [python.status === 0 ? python.stdout.trim() : 'python3', '-c', pythonProgram],
    renews: false,
  },
  {
    name: '@kubernetes/client-node',
    available: true,
    command: [process.execPath, '--input-type=module', '-e', nodeProgram],
    renews: true,
  },
];

class Client {
  readonly #process;
  readonly #lines;

  constructor([file, ...args]: Program['command']) {
    const options = { env: sandbox.environment(), cwd: repository } as const;
    this.#process = spawn(file, args, { ...options, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** @returns what it prints: the number of nodes, or an HTTP status */
  async ask(line: 'load' | 'list'): Promise<number> {
    this.#process.stdin.write(`${line}\n`);
    return Number((await this.#lines.next()).value);
  }

  /** Python removes the file with the key at its end. */
  async stop(): Promise<void> {
    const closed = once(this.#process, 'close');
    this.#process.stdin.end();
    await closed;
  }
}

let client: Client | undefined;
// Before the sandbox looks for keys in files.
afterEach(async () => {
  await client?.stop();
  client = undefined;
});
useSandbox();

async function start(program: Program): Promise<Client> {
  expect(await sandbox.run(['get-credentials', sandbox.clusterId])).toMatchObject({ status: 0 });
  sandbox.ens.issuing = {};
  client = new Client(program.command);
  expect(await client.ask('load')).toBe(2);
  expect(await client.ask('list')).toBe(2);
  expect(sandbox.ens.calls()).toBe(1);
  return client;
}

for (const program of programs) {
  describeWith([program], program.name, () => {
    const again = program.renews ? 2 : 401;

    test(`answers ${again} after the end of the certificate, and works if it loads the configuration again`, async () => {
      sandbox.ens.issuing = { lifetimeMs: 8000 };
      const started = await start(program);
      await delay((sandbox.ens.issued[0]?.notAfter.getTime() ?? 0) + 10 - Date.now());
      expect(await started.ask('list')).toBe(again);
      expect(await started.ask('load')).toBe(2);
      expect(sandbox.ens.calls()).toBe(2);
    });

    test('fails after a revocation until it loads the configuration again', async () => {
      const started = await start(program);
      sandbox.apiServer.revoke(String(sandbox.ens.issued[0]?.serialNumber));
      expect(await started.ask('list')).toBe(401);
      expect(await started.ask('list')).toBe(401);
      expect(sandbox.ens.calls()).toBe(1);
      expect(await started.ask('load')).toBe(2);
      expect(sandbox.ens.calls()).toBe(2);
    });
  });
}

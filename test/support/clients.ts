import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { clusterProgram, clusterRequirement } from './kube-apiserver.js';
import type { Requirement } from './requirements.js';
import { repository, type Sandbox } from './sandbox.js';

/** A program with one client. It reads a {@link ClientCommand} a line, and prints a number. */
export interface ClientProgram extends Requirement {
  readonly title: string;
  readonly command: readonly [string, ...string[]];
  /** Whether it runs the plugin again at `expirationTimestamp`. */
  readonly renews: boolean;
  /** Whether it runs the plugin again after HTTP 401. */
  readonly repairs: boolean;
}

/**
 * `load` makes the client anew from the kubeconfig, and then does as `list`: prints the number of nodes, or an HTTP status.
 * `watch` starts to watch ConfigMaps, and `watched` prints how many it has seen; Python does neither.
 */
export type ClientCommand = 'load' | 'list' | 'watch' | 'watched';

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
import { CoreV1Api, KubeConfig, Watch } from '@kubernetes/client-node';
const names = new Set();
let kubeconfig, api;
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'load') {
    kubeconfig = new KubeConfig();
    kubeconfig.loadFromDefault();
    api = kubeconfig.makeApiClient(CoreV1Api);
  }
  if (line === 'watch') {
    const add = (_, { metadata }) => names.add(metadata.name);
    await new Watch(kubeconfig).watch('/api/v1/namespaces/default/configmaps', {}, add, console.error);
  }
  const count = line.startsWith('watch')
    ? names.size
    : await api.listNode().then(({ items }) => items.length, ({ code }) => code);
  console.log(count);
}
// Does not wait for a watch.
process.exit();
`;

export const clientPrograms: readonly ClientProgram[] = [
  {
    title: 'kubernetes for Python',
    name: 'kubernetes for Python',
    available: python.status === 0,
    isOptional: true,
    command: [python.status === 0 ? python.stdout.trim() : 'python3', '-c', pythonProgram],
    renews: false,
    repairs: false,
  },
  {
    title: '@kubernetes/client-node',
    name: 'nothing',
    available: true,
    command: [process.execPath, '--input-type=module', '-e', nodeProgram],
    renews: true,
    repairs: false,
  },
  {
    ...clusterRequirement,
    title: 'an informer of client-go',
    command: [clusterProgram('informer')],
    renews: true,
    repairs: true,
  },
];

/** A running program in the sandbox. */
export class Client {
  readonly #process;
  readonly #lines;

  constructor(sandbox: Sandbox, { command: [file, ...args] }: ClientProgram) {
    const options = { env: sandbox.environment(), cwd: repository } as const;
    this.#process = spawn(file, args, { ...options, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  async ask(line: ClientCommand): Promise<number> {
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

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { noteOutput } from './journal.js';
import { clusterProgram, clusterRequirement } from './kube-apiserver.js';
import type { Requirement } from './requirements.js';
import { repository } from './sandbox.js';

/** A program with a client library. It reads a {@link ClientRequest} a line, and prints a number. */
export interface ClientProgram extends Requirement {
  readonly title: string;
  readonly command: readonly [string, ...string[]];
  /** Whether it runs the plugin again at `expirationTimestamp`. */
  readonly renews: boolean;
  /** Whether it runs the plugin again after HTTP 401. */
  readonly repairs: boolean;
}

/** A request for the number of nodes; for the answer `HTTP status` if it fails. */
export interface ClientRequest {
  /** Whether the configuration is loaded (again) before, with these variables. */
  readonly load?: NodeJS.ProcessEnv | true;
  /** By default the current one. The informer knows no other. */
  readonly context?: string;
  /** Watches ConfigMaps from now on, and answers how many were seen. Python does not watch. */
  readonly watch?: true;
}

/** The Python that `KUBECTL_ECK_TEST_PYTHON` names, else that of the machine. */
const python = spawnSync(
  process.env['KUBECTL_ECK_TEST_PYTHON'] ?? 'python3',
  ['-c', 'import sys, kubernetes; print(sys.executable)'],
  { encoding: 'utf8', timeout: 20_000 },
);

const pythonProgram = `
import json, os, sys
from kubernetes import client, config
apis = {}
for line in sys.stdin:
    request = json.loads(line)
    context = request.get('context')
    try:
        if 'load' in request:
            os.environ.update(request['load'])
            apis[context] = client.CoreV1Api(config.new_client_from_config(context=context))
        print(len(apis[context].list_node().items), flush=True)
    except Exception as error:
        print(getattr(error, 'status', error.__class__), flush=True)
`;

const nodeProgram = `
import { createInterface } from 'node:readline';
import { CoreV1Api, KubeConfig, Watch } from '@kubernetes/client-node';
const kubeconfigs = {}, apis = {};
let seen;
for await (const line of createInterface({ input: process.stdin })) {
  const { load, context, watch } = JSON.parse(line);
  try {
    if (load) {
      Object.assign(process.env, load);
      const kubeconfig = new KubeConfig();
      kubeconfig.loadFromDefault();
      if (context) kubeconfig.setCurrentContext(context);
      kubeconfigs[context] = kubeconfig;
      apis[context] = kubeconfig.makeApiClient(CoreV1Api);
    }
    if (watch && !seen) {
      seen = new Set();
      const add = (_, { metadata }) => seen.add(metadata.name);
      await new Watch(kubeconfigs[context]).watch('/api/v1/namespaces/default/configmaps', {}, add, console.error);
    }
    console.log(watch ? seen.size : (await apis[context].listNode()).items.length);
  } catch (error) {
    console.log(error.code);
  }
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
    name: '@kubernetes/client-node',
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

/** A running {@link ClientProgram}. */
export class Client {
  readonly #process;
  readonly #lines;

  constructor([file, ...args]: ClientProgram['command'], env: NodeJS.ProcessEnv) {
    this.#process = spawn(file, args, { env, cwd: repository, stdio: 'pipe' });
    this.#process.stderr.on('data', (data: Buffer) => {
      noteOutput(data.toString());
    });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  async ask({ load, ...request }: ClientRequest = {}): Promise<number> {
    const line = load === undefined ? request : { ...request, load: load === true ? {} : load };
    this.#process.stdin.write(`${JSON.stringify(line)}\n`);
    return Number((await this.#lines.next()).value);
  }

  /** Python removes the file with the key at its end. */
  async stop(): Promise<void> {
    const closed = once(this.#process, 'close');
    this.#process.stdin.end();
    await closed;
  }
}

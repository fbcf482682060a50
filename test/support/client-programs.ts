// Programs that use a client library for Kubernetes, driven line by line.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { noteOutput } from './journal.js';
import type { Requirement } from './requirements.js';
import { repository } from './sandbox.js';

export interface ClientProgram extends Requirement {
  readonly command: readonly [string, ...string[]];
  /** Whether it runs the plugin again at `expirationTimestamp`. */
  readonly renews: boolean;
}

/** What a program is asked: to list nodes in a context, after it loads the configuration (again). */
export interface ClientRequest {
  readonly load: boolean;
  readonly context: string;
  /** Set before the configuration is loaded. */
  readonly env?: object;
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
    context = request['context']
    try:
        if request['load']:
            os.environ.update(request['env'])
            apis[context] = client.CoreV1Api(config.new_client_from_config(context=context))
        print(len(apis[context].list_node().items), flush=True)
    except Exception as error:
        print(getattr(error, 'status', error.__class__), flush=True)
`;

const nodeProgram = `
import { createInterface } from 'node:readline';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
const apis = {};
for await (const line of createInterface({ input: process.stdin })) {
  const { load, context, env } = JSON.parse(line);
  try {
    Object.assign(process.env, env);
    if (load) {
      const kubeconfig = new KubeConfig();
      kubeconfig.loadFromDefault();
      kubeconfig.setCurrentContext(context);
      apis[context] = kubeconfig.makeApiClient(CoreV1Api);
    }
    console.log((await apis[context].listNode()).items.length);
  } catch (error) {
    console.log(error.code);
  }
}
`;

export const pythonClient: ClientProgram = {
  name: 'kubernetes for Python',
  available: python.status === 0,
  isOptional: true,
  command: [python.status === 0 ? python.stdout.trim() : 'python3', '-c', pythonProgram],
  renews: false,
};

export const nodeClient: ClientProgram = {
  name: '@kubernetes/client-node',
  available: true,
  command: [process.execPath, '--input-type=module', '-e', nodeProgram],
  renews: true,
};

/** A running {@link ClientProgram}. */
export class ProgramClient {
  readonly #process;
  readonly #lines;

  constructor([file, ...args]: ClientProgram['command'], env: NodeJS.ProcessEnv) {
    this.#process = spawn(file, args, { env, cwd: repository, stdio: 'pipe' });
    this.#process.stderr.on('data', (data) => {
      noteOutput(String(data));
    });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** @returns what it prints: the number of nodes, or an HTTP status */
  async ask({ env = {}, ...request }: ClientRequest): Promise<number> {
    this.#process.stdin.write(`${JSON.stringify({ env, ...request })}\n`);
    return Number((await this.#lines.next()).value);
  }

  /** Python removes the file with the key at its end. */
  async stop(): Promise<void> {
    const closed = once(this.#process, 'close');
    this.#process.stdin.end();
    await closed;
  }
}

import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { ApiServer } from './api-server.js';
import { CertificateAuthority } from './certificate-authority.js';
import type { EnsIdentity } from './ens-account.js';
import { EnsServer } from './ens-server.js';
import { noteLeak, noteOutput } from './journal.js';
import { runKubectl, type Kubectl, type Outcome } from './kubectl.js';
import { filesHolding } from './secrets.js';

/** The top of the repository. */
export const repository = resolve(__dirnameOfThisFile(), '../..');

/** The program as `npm run build` makes it: the standalone executable, and the one for Node.js. */
export const programs = {
  standalone: join(repository, 'dist', 'kubectl-eck'),
  node: join(repository, 'plugin', 'kubectl-eck'),
} as const;
export type Program = keyof typeof programs;

/** How a program is run. */
export interface RunOptions {
  readonly program?: Program;
  /** Added to the sandbox's environment; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly stdin?: string;
  readonly timeoutMs?: number;
}

/**
 * A machine of its own for one test: an empty home directory, an Alibaba Cloud account with a cluster, the ENS API,
 * the cluster's API server, and the built program on `PATH`. Nothing of it outlives {@link dispose}.
 */
export class Sandbox {
  /** What a test wrote itself. */
  readonly #plantedFiles = new Set<string>();

  private constructor(
    /** The directory that everything is in. */
    readonly directory: string,
    readonly ens: EnsServer,
    readonly apiServer: ApiServer,
    readonly authority: CertificateAuthority,
    readonly clusterId: string,
    readonly identity: EnsIdentity,
  ) {}

  static async create(clusterId = 'eck-0123abcd'): Promise<Sandbox> {
    // A home directory with a space in it, since people have them.
    const directory = await mkdtemp(join(tmpdir(), 'kubectl eck-'));
    for (const name of ['home', 'tmp']) await mkdir(join(directory, name), { mode: 0o700 });
    const authority = await CertificateAuthority.create({ name: `${clusterId} CA` });
    const apiServer = await ApiServer.start({ authority, clusterId });
    const identity: EnsIdentity = {
      accessKeyId: 'LTAI5tTestAccessKeyId000',
      accessKeySecret: 'TestAccessKeySecret00000000001',
      name: 'someone',
    };
    const ens = await EnsServer.start({
      identities: [identity],
      clusters: [{ clusterId, authority, server: apiServer.url, privateServer: apiServer.url }],
    });
    return new Sandbox(directory, ens, apiServer, authority, clusterId, identity);
  }

  async dispose(): Promise<void> {
    const leaks = await this.filesWithIssuedKeys();
    leaks.filter((file) => !this.#isMeantToHoldKeys(file)).forEach(noteLeak);
    await this.ens.stop();
    await this.apiServer.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** The store `file` holds keys, and so does what a herd of processes wrote to its standard output. */
  #isMeantToHoldKeys(file: string): boolean {
    const path = relative(this.directory, file);
    return (
      path.startsWith('home/.kube/cache/kubectl-eck/credentials/') ||
      /^herd-\w+\/\d+\.out$/.test(path) ||
      this.#plantedFiles.has(file)
    );
  }

  get home(): string {
    return join(this.directory, 'home');
  }

  get kubeconfig(): string {
    return join(this.home, '.kube', 'config');
  }

  /**
   * The whole environment of what runs in here: the account's AccessKey, the ENS double as the endpoint, the store
   * `file`, and no metadata service.
   */
  environment(changes: RunOptions['env'] = {}): NodeJS.ProcessEnv {
    const environment: NodeJS.ProcessEnv = {
      HOME: this.home,
      TMPDIR: join(this.directory, 'tmp'),
      PATH: `${dirname(programs.standalone)}:${dirname(process.execPath)}:/usr/bin:/bin`,
      ALIBABA_CLOUD_ACCESS_KEY_ID: this.identity.accessKeyId,
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: this.identity.accessKeySecret,
      ALIBABA_CLOUD_ECS_METADATA_DISABLED: 'true',
      KUBECTL_ECK_ENDPOINT: this.ens.endpoint,
      KUBECTL_ECK_STORE: 'file',
    };
    for (const [name, value] of Object.entries(changes)) {
      if (value === undefined) Reflect.deleteProperty(environment, name);
      else environment[name] = value;
    }
    return environment;
  }

  /** Runs the built program. */
  run(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return runProgram(programs[options.program ?? 'standalone'], args, {
      env: this.environment(options.env),
      cwd: this.directory,
      ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
      timeoutMs: options.timeoutMs ?? 30_000,
    });
  }

  /** Runs kubectl with the sandbox's kubeconfig; it finds the built program on `PATH`. */
  kubectl(
    kubectl: Kubectl,
    args: readonly string[],
    options: Pick<RunOptions, 'env'> = {},
  ): Promise<Outcome> {
    return runKubectl(kubectl, args, { env: this.environment(options.env), cwd: this.directory });
  }

  /** Writes a file below the home directory. @returns its path */
  async writeHome(path: string, text: string): Promise<string> {
    const file = join(this.home, path);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, text, { mode: 0o600 });
    this.#plantedFiles.add(file);
    return file;
  }

  /** The files in here, the home and the temporary directory among them, that hold a private key that was issued. */
  filesWithIssuedKeys(): Promise<string[]> {
    return filesHolding(this.directory, this.ens.issuedKeys);
  }
}

/** Runs a program without a shell. It is killed, and the promise rejected, after `timeoutMs`. */
export function runProgram(
  file: string,
  args: readonly string[],
  options: {
    readonly env: NodeJS.ProcessEnv;
    readonly cwd?: string;
    readonly stdin?: string;
    readonly timeoutMs: number;
  },
): Promise<Outcome> {
  return new Promise((resolvePromise, reject) => {
    const child = spawn(file, args, { env: options.env, cwd: options.cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin.on('error', () => undefined).end(options.stdin ?? '');
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${file} ${args.join(' ')} took longer than ${options.timeoutMs} ms: ${stderr}`));
    }, options.timeoutMs);
    child.on('error', reject);
    child.on('close', (status) => {
      clearTimeout(timer);
      noteOutput(stderr);
      resolvePromise({ status, stdout, stderr });
    });
  });
}

/** jest runs this file as CommonJS, and tsx as a module. */
function __dirnameOfThisFile(): string {
  return typeof __dirname === 'string' ? __dirname : dirname(new URL(import.meta.url).pathname);
}

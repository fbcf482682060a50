import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { ApiServer } from './api-server.js';
import { CertificateAuthority } from './certificate-authority.js';
import type { EnsCluster, EnsIdentity } from './ens-account.js';
import { EnsServer } from './ens-server.js';
import { filesHolding, noteLeak, noteOutput } from './journal.js';
import type { Kubectl, Outcome } from './kubectl.js';

// jest runs this file as CommonJS, tsx as a module.
const here = typeof __dirname === 'string' ? __dirname : dirname(new URL(import.meta.url).pathname);

/** The top directory of the repository. */
export const repository = resolve(here, '../..');

/** The built program: the standalone executable, and the one for Node.js. */
export const programs = {
  standalone: join(repository, 'dist', 'kubectl-eck'),
  node: join(repository, 'plugin', 'kubectl-eck'),
} as const;
export type Program = keyof typeof programs;

export interface RunOptions {
  readonly program?: Program;
  /** Added to the sandbox's environment; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly stdin?: string;
  readonly timeoutMs?: number;
}

/** Changes of an environment that leave it without the account's AccessKey. */
export const noAccessKey = {
  ALIBABA_CLOUD_ACCESS_KEY_ID: undefined,
  ALIBABA_CLOUD_ACCESS_KEY_SECRET: undefined,
};

/** Another identity, which ENS does not know yet, and the variables that name it. */
export const other: EnsIdentity = {
  accessKeyId: 'LTAI5tOther',
  accessKeySecret: 'OtherAccessKeySecret0000000001',
  name: 'other',
};
export const asOther = {
  ALIBABA_CLOUD_ACCESS_KEY_ID: other.accessKeyId,
  ALIBABA_CLOUD_ACCESS_KEY_SECRET: other.accessKeySecret,
};

/** A machine for one test: a home directory, an account with one cluster, ENS, an API server, and the built program. */
export class Sandbox {
  readonly #writtenFiles = new Set<string>();

  private constructor(
    /** Contains everything. */
    readonly directory: string,
    readonly ens: EnsServer,
    readonly apiServer: ApiServer,
    readonly authority: CertificateAuthority,
    readonly clusterId: string,
    readonly identity: EnsIdentity,
  ) {}

  static async create(clusterId = 'eck-0123abcd'): Promise<Sandbox> {
    // With a space, since home directories have them.
    const directory = await mkdtemp(join(tmpdir(), 'kubectl eck-'));
    for (const name of ['home', 'tmp']) await mkdir(join(directory, name), { mode: 0o700 });
    const authority = await CertificateAuthority.create({ name: `${clusterId} CA` });
    const apiServer = await ApiServer.start({ authority, clusterId });
    const identity: EnsIdentity = {
      accessKeyId: 'LTAI5tTestAccessKeyId000',
      accessKeySecret: 'TestAccessKeySecret00000000001',
      name: 'someone',
    };
    const cluster = { clusterId, authority, server: apiServer.url };
    const ens = await EnsServer.start({ identities: [identity], clusters: [cluster] });
    return new Sandbox(directory, ens, apiServer, authority, clusterId, identity);
  }

  async dispose(): Promise<void> {
    const leaks = await this.filesWithIssuedKeys();
    leaks.filter((file) => !this.#mayContainKeys(file)).forEach(noteLeak);
    await this.ens.stop();
    await this.apiServer.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** The store `file`, the standard output of a herd, and files that the test wrote. */
  #mayContainKeys(file: string): boolean {
    const path = relative(this.directory, file);
    return (
      path.startsWith('home/.kube/cache/kubectl-eck/credentials/') ||
      /^herd-\w+\/\d+\.out$/.test(path) ||
      this.#writtenFiles.has(file)
    );
  }

  get home(): string {
    return join(this.directory, 'home');
  }

  get kubeconfig(): string {
    return join(this.home, '.kube', 'config');
  }

  /** The whole environment of a program: the account's AccessKey, the ENS double, the store `file`. */
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
      ...changes,
    };
    return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined));
  }

  /** Adds a cluster, or changes one: the sandbox's own at its API server, unless `changes` say otherwise. */
  putCluster(changes: Partial<EnsCluster>): void {
    const { clusterId, authority, apiServer } = this;
    this.ens.putCluster({ clusterId, authority, server: apiServer.url, ...changes });
  }

  /** Runs the built program. */
  run(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    const { program = 'standalone', env, stdin = '', timeoutMs = 30_000 } = options;
    const place = { env: this.environment(env), cwd: this.directory };
    return runProgram(programs[program], args, { ...place, stdin, timeoutMs });
  }

  /** Runs kubectl with the sandbox's kubeconfig. */
  kubectl({ path }: Kubectl, args: readonly string[], { env }: RunOptions = {}): Promise<Outcome> {
    return runProgram(path, args, { env: this.environment(env), cwd: this.directory, timeoutMs: 30_000 });
  }

  /** Writes a file below the home directory. @returns its path */
  async writeHome(path: string, content: string): Promise<string> {
    const file = join(this.home, path);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, content, { mode: 0o600 });
    this.#writtenFiles.add(file);
    return file;
  }

  /** Writes profiles of the aliyun CLI, the first one as the current one. One without a mode has the account's AccessKey. */
  async writeProfiles(profiles: readonly object[], current?: string): Promise<void> {
    const { accessKeyId, accessKeySecret } = this.identity;
    const key = { mode: 'AK', access_key_id: accessKeyId, access_key_secret: accessKeySecret };
    const all = profiles.map((profile) => ('mode' in profile ? profile : { ...key, ...profile }));
    const [first] = profiles as readonly { readonly name?: string }[];
    const config = { current: current ?? first?.name, profiles: all };
    await this.writeHome('.aliyun/config.json', JSON.stringify(config));
  }

  /** The sandbox's files that contain a private key that was issued. */
  filesWithIssuedKeys(): Promise<string[]> {
    return filesHolding(this.directory, this.ens.issuedKeys);
  }
}

interface ProgramOptions extends Pick<RunOptions, 'stdin'> {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly timeoutMs: number;
}

/** Runs a program to its end. @throws after `timeoutMs`, when it is killed with what it started */
export async function runProgram(
  file: string,
  args: readonly string[],
  { env, cwd, stdin = '', timeoutMs }: ProgramOptions,
): Promise<Outcome> {
  // Detached: a process group of its own, which can be killed as a whole.
  const child = spawn(file, args, { env, cwd, stdio: 'pipe', detached: true });
  child.stdin.on('error', () => undefined).end(stdin);
  let isLate = false as boolean;
  const timer = setTimeout(() => {
    isLate = true;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, timeoutMs);
  const ended = once(child, 'close') as Promise<[status: number | null]>;
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), ended]).finally(() => {
    clearTimeout(timer);
  });
  noteOutput(stderr);
  if (isLate) throw new Error(`${file} ${args.join(' ')} took longer than ${timeoutMs} ms: ${stderr}`);
  return { status, stdout, stderr };
}

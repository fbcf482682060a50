import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { StoreError, type Store, type StoreErrorCode } from '../../src/store/store.js';
import { type StoreChoice, type StoreName } from '../../src/settings.js';
import type { TimeLimits } from '../../src/store/time-limit.js';
import { repository } from './sandbox.js';

/** A StoreError on its way through a pipe. */
export interface StoreFailure {
  readonly store: StoreName;
  readonly code: StoreErrorCode;
  readonly message: string;
}

export interface StoreRunnerSettings {
  readonly choice: StoreChoice;
  readonly patience?: TimeLimits;
}

/** What store-runner.ts is asked. Entries are base64. */
export type StoreCall =
  | { readonly method: 'read' | 'delete'; readonly account: string }
  | { readonly method: 'write'; readonly account: string; readonly entry: string };

/** What store-runner.ts says: one `result` or `thrown` for each call, the others at any time. */
export interface StoreAnswer {
  readonly ready?: number;
  readonly result?: string | boolean | null;
  readonly thrown?: StoreFailure;
  readonly failure?: StoreFailure;
  readonly warning?: string;
}

type CommandLine = readonly [string, ...string[]];

/** How the store's process is run. */
export interface RemoteStoreOptions extends StoreRunnerSettings {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Makes the command line into another one, such as one that joins a session keyring. */
  readonly command?: (argv: CommandLine) => CommandLine;
}

/** A real store, in a Node.js process of its own. */
export class RemoteStore implements Store {
  readonly name: StoreChoice;
  /** What was passed over, see `StoreContext.onFailure`. */
  readonly failures: StoreFailure[] = [];
  readonly warnings: string[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  readonly #waiting: { resolve: (answer: StoreAnswer) => void; reject: (error: Error) => void }[] = [];

  private constructor(options: RemoteStoreOptions) {
    this.name = options.choice;
    const settings: StoreRunnerSettings = {
      choice: options.choice,
      ...(options.patience && { patience: options.patience }),
    };
    const runner = join(repository, 'test/support/store-runner.ts');
    const argv: CommandLine = [process.execPath, '--import', 'tsx', runner, JSON.stringify(settings)];
    const [file, ...args] = options.command === undefined ? argv : options.command(argv);
    this.#child = spawn(file, args, {
      cwd: repository,
      env: { ...process.env, ...options.environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stderr = '';
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    this.#child.stdin?.on('error', () => undefined);
    this.#ended = new Promise((resolve) => {
      this.#child.once('close', (status) => {
        for (const { reject } of this.#waiting) reject(new Error(`the store's process has ended: ${stderr}`));
        resolve(status);
      });
    });
    if (this.#child.stdout !== null) {
      createInterface({ input: this.#child.stdout }).on('line', (line) => {
        this.#take(JSON.parse(line) as StoreAnswer);
      });
    }
  }

  /** Starts the process, and waits until it is up. */
  static async start(options: RemoteStoreOptions): Promise<RemoteStore> {
    const store = new RemoteStore(options);
    await store.#answer();
    return store;
  }

  async read(account: string): Promise<Uint8Array | undefined> {
    const entry = await this.#call({ method: 'read', account });
    return typeof entry === 'string' ? Buffer.from(entry, 'base64') : undefined;
  }

  async save(account: string, entry: Uint8Array): Promise<StoreName> {
    const call: StoreCall = { method: 'write', account, entry: Buffer.from(entry).toString('base64') };
    return (await this.#call(call)) as StoreName;
  }

  async delete(account: string): Promise<boolean> {
    return (await this.#call({ method: 'delete', account })) === true;
  }

  /** Lets the process end by itself, which it does not while a call hangs. @returns its exit status */
  async stop(): Promise<number | null> {
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5_000);
    const status = await this.#ended;
    clearTimeout(timer);
    return status;
  }

  async #call(call: StoreCall): Promise<string | boolean | null | undefined> {
    this.#child.stdin?.write(`${JSON.stringify(call)}\n`);
    const { result, thrown } = await this.#answer();
    if (thrown) throw new StoreError(thrown.store, thrown.code, thrown.message);
    return result;
  }

  #answer(): Promise<StoreAnswer> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #take(answer: StoreAnswer): void {
    if (answer.failure) this.failures.push(answer.failure);
    else if (answer.warning !== undefined) this.warnings.push(answer.warning);
    else this.#waiting.shift()?.resolve(answer);
  }
}

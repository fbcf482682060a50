import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { StoreError, type Store } from '../../src/store/store.js';
import { type StoreChoice, type StoreName } from '../../src/settings.js';
import { repository } from '../support/sandbox.js';
import type { SessionKeyring } from '../support/kernel-keyring.js';

/** One call to store-runner.ts; an entry is base64. */
export type StoreCall = readonly [method: 'read' | 'save' | 'delete' | 'deleteAll', key?: string, entry?: string];

/** The answer of store-runner.ts. */
export interface StoreAnswer {
  readonly result?: unknown;
  readonly thrown?: Pick<StoreError, 'store' | 'code' | 'message'>;
}

/** A store in a Node.js process of its own, because a session keyring belongs to a process. */
export class RemoteStore implements Store {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(
    readonly name: StoreChoice,
    command: SessionKeyring['command'],
    environment: NodeJS.ProcessEnv = {},
  ) {
    const runner = join(repository, 'test/store/store-runner.ts');
    const [file, ...args] = command([process.execPath, '--import', 'tsx', runner, name]);
    const env = { ...process.env, ...environment };
    this.#child = spawn(file, args, { cwd: repository, env, stdio: ['pipe', 'pipe', 'inherit'] });
    const stdout = this.#child.stdout as NodeJS.ReadableStream;
    this.#answers = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    const entry = await this.#call<string | undefined>('read', key);
    return entry === undefined ? undefined : Buffer.from(entry, 'base64');
  }
  save(key: string, entry: Uint8Array): Promise<StoreName> {
    return this.#call('save', key, Buffer.from(entry).toString('base64'));
  }
  delete(key: string): Promise<boolean> {
    return this.#call('delete', key);
  }
  deleteAll(): Promise<number> {
    return this.#call('deleteAll');
  }

  /** Ends the process. */
  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin?.end();
    await ended;
  }

  async #call<T>(...call: StoreCall): Promise<T> {
    this.#child.stdin?.write(`${JSON.stringify(call)}\n`);
    const { value } = (await this.#answers.next()) as { value: string };
    const { result, thrown } = JSON.parse(value) as StoreAnswer;
    if (thrown) throw new StoreError(thrown.store, thrown.code, thrown.message);
    return result as T;
  }
}

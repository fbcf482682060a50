import { statSync, writeFileSync } from 'node:fs';
import { cacheDirectory, checkPrivateDirectory, credentialsDirectory } from '../cache-directory.js';
import type { World } from '../world.js';
import { openFileStore } from './file.js';
import { openKernelKeyring } from './kernel.js';
import { openKeychain, type TimeLimits } from './keychain.js';
import { StoreError, type Store } from './store.js';
import type { StoreChoice } from '../settings.js';

/** What the stores depend on. */
export interface StoreContext extends Pick<World, 'environment' | 'platform' | 'homeDirectory' | 'warn'> {
  /** Called with every store that `auto` cannot use, at every call. */
  readonly onFailure?: (failure: StoreError) => void;
  readonly timeLimits?: TimeLimits;
}

/**
 * The store that was chosen. To add one: its name in settings.ts, a file here, and a case below. Nothing is loaded or asked before its first call.
 *
 * `auto` is the OS keychain if it works, else the kernel keyring on Linux, else nothing is saved; its methods throw no
 * StoreError.
 */
export function openStore(choice: StoreChoice, context: StoreContext): Store {
  switch (choice) {
    case 'auto':
      return autoStore(
        [openKeychain(context), ...(context.platform === 'linux' ? [openKernelKeyring(context)] : [])],
        context,
      );
    case 'keychain':
      return openKeychain(context);
    case 'kernel':
      return openKernelKeyring(context);
    case 'file':
      return openFileStore(credentialsDirectory(context));
    case 'none':
      return {
        name: 'none',
        read: () => Promise.resolve(undefined),
        save: () => Promise.resolve('none'),
        delete: () => Promise.resolve(false),
        deleteAll: () => Promise.resolve(0),
      };
  }
}

/** A keychain that did not answer in time is skipped for so long, by every process. */
const skipMs = 60_000;

/**
 * The first of some stores that works, at every call; a store that does not work is reported. `read` goes on to the
 * next store if one has no entry, because it may have been locked when the entry was saved. `delete` deletes from all.
 */
export function autoStore(stores: readonly Store[], context: Omit<StoreContext, 'platform' | 'warn'>): Store {
  const directory = cacheDirectory(context);
  const mark = `${directory}/keychain-timeout`;

  /** @returns the results of the stores that work, until one `isLast` */
  async function ask<T>(call: (store: Store) => Promise<T>, isLast: (result: T) => boolean): Promise<T[]> {
    const results: T[] = [];
    for (const store of stores) {
      if (store.name === 'keychain' && isYoung(mark)) {
        const fix = 'unlock it or restart your keychain program; it is tried again in a minute';
        const message = 'the keychain did not answer a moment ago';
        context.onFailure?.(new StoreError('keychain', 'keychain-timeout', message, { fix }));
        continue;
      }
      try {
        const result = await call(store);
        results.push(result);
        if (isLast(result)) break;
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        context.onFailure?.(error);
        if (error.code === 'keychain-timeout') touch(mark, directory);
      }
    }
    return results;
  }

  const [always, never] = [() => true, () => false];
  return {
    name: 'auto',
    read: async (key) => (await ask((store) => store.read(key), Boolean)).at(-1),
    save: async (key, entry) => (await ask((store) => store.save(key, entry), always))[0] ?? 'none',
    delete: async (key) => (await ask((store) => store.delete(key), never)).includes(true),
    deleteAll: async () => (await ask((store) => store.deleteAll(), never)).reduce((sum, n) => sum + n, 0),
  };
}

function isYoung(file: string): boolean {
  try {
    return Math.abs(Date.now() - statSync(file).mtimeMs) < skipMs;
  } catch {
    return false;
  }
}

function touch(file: string, directory: string): void {
  try {
    if (checkPrivateDirectory(directory) === undefined) writeFileSync(file, '', { mode: 0o600 });
  } catch {
    // The next process asks again.
  }
}

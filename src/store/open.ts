import { statSync, writeFileSync } from 'node:fs';
import { cacheDirectory, checkPrivateDirectory, credentialsDirectory } from '../cache-directory.js';
import { ifPossible } from '../errors.js';
import type { StoreChoice } from '../settings.js';
import type { World } from '../world.js';
import { openFileStore } from './file.js';
import { openKernelKeyring } from './kernel.js';
import { openKeychain } from './keychain.js';
import { StoreError, type Store } from './store.js';

export type StoreContext = Pick<World, 'environment' | 'platform' | 'homeDirectory' | 'warn'>;

/** The store that was chosen. Nothing is loaded or asked before its first call. `auto` throws no StoreError. */
export function openStore(choice: StoreChoice, context: StoreContext): Store {
  switch (choice) {
    case 'auto': {
      const kernel = context.platform === 'linux' ? [openKernelKeyring(context)] : [];
      return autoStore([openKeychain(context), ...kernel], context);
    }
    case 'keychain':
      return openKeychain(context);
    case 'kernel':
      return openKernelKeyring(context);
    case 'file':
      return openFileStore(credentialsDirectory(context));
    case 'none':
      return { ...autoStore([], context), name: 'none' };
  }
}

/** A keychain that did not answer in time is skipped for so long, by every process. */
const skipMs = 60_000;

/**
 * The first store that works, at every call; others are in `failures`. `read` goes on if a store has no entry, because it
 * may have been locked when the entry was saved. `delete` deletes from all.
 */
export function autoStore(stores: readonly Store[], context: Omit<StoreContext, 'platform' | 'warn'>): Store {
  const directory = cacheDirectory(context);
  const mark = `${directory}/keychain-timeout`;
  const failures: StoreError[] = [];

  /** @returns the results of the stores that work, until one `isLast` */
  async function ask<T>(call: (store: Store) => Promise<T>, isLast: (result: T) => boolean): Promise<T[]> {
    const results: T[] = [];
    failures.length = 0;
    for (const store of stores) {
      const isSkipped = () => Math.abs(Date.now() - statSync(mark).mtimeMs) < skipMs;
      if (store.name === 'keychain' && ifPossible(isSkipped)) {
        const fix = 'Unlock it or restart your keychain program; it is tried again in a minute';
        const message = 'the keychain did not answer a moment ago';
        failures.push(new StoreError('keychain', 'keychain-timeout', message, fix));
        continue;
      }
      try {
        const result = await call(store);
        results.push(result);
        if (isLast(result)) break;
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        failures.push(error);
        if (error.code === 'keychain-timeout' && checkPrivateDirectory(directory) === undefined) {
          // Without the mark the next process asks again.
          ifPossible(() => {
            writeFileSync(mark, '', { mode: 0o600 });
          });
        }
      }
    }
    return results;
  }

  const [always, never] = [() => true, () => false];
  return {
    name: 'auto',
    failures,
    read: async (key) => (await ask((store) => store.read(key), Boolean)).at(-1),
    save: async (key, entry) => (await ask((store) => store.save(key, entry), always))[0] ?? 'none',
    delete: async (key) => (await ask((store) => store.delete(key), never)).includes(true),
    deleteAll: async () => (await ask((store) => store.deleteAll(), never)).reduce((sum, n) => sum + n, 0),
  };
}

/** Why a store could not be used. Without a desktop, what is wrong is the store that was tried after the keychain. */
export function mainFailure({ failures = [] }: Store): StoreError | undefined {
  return failures.find(({ code }) => code !== 'keychain-absent') ?? failures[0];
}

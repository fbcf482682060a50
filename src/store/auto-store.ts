import { StoreError, type Store } from './store.js';

/**
 * The store `auto`: the first of some stores that works, found anew at every call. A store that cannot is no error
 * but is reported, and the next one is tried; no call throws a StoreError.
 *
 * - `write` keeps the entry in the first that can, and says which; `none` where none of them can.
 * - `read` takes the first entry that it finds. A store that has none is not the last word: a locked Secret Service
 *   tells what it does not have, but could not be written to, so the next store may have it.
 * - `delete` deletes from all of them. Where one fails, what it holds may still be there: that is reported, too.
 */
export function autoStore(stores: readonly Store[], onFailure: (failure: StoreError) => void): Store {
  /** What a store answers, or `undefined` where it cannot. */
  async function ask<T>(call: Promise<T>): Promise<T | undefined> {
    try {
      return await call;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      onFailure(error);
      return undefined;
    }
  }

  return {
    name: 'auto',
    async read(account) {
      for (const store of stores) {
        const entry = await ask(store.read(account));
        if (entry !== undefined) return entry;
      }
      return undefined;
    },
    async save(account, entry) {
      for (const store of stores) {
        const keptIn = await ask(store.save(account, entry));
        if (keptIn !== undefined) return keptIn;
      }
      return 'none';
    },
    async delete(account) {
      let deleted = false;
      for (const store of stores) deleted = ((await ask(store.delete(account))) ?? false) || deleted;
      return deleted;
    },
  };
}

import type { KeyringAddon, KeyringEntry, LoadAddon } from './addon.js';
import { storeFailure, type AddonStore } from './failure.js';
import type { Items } from './split-items.js';

/** What a person finds this plugin's items by in a keychain program. */
export const service = 'kubectl-eck';

/** The addon's name for a store under Linux; without one it would fall from the first to the second by itself. */
const linuxStores = { keychain: 'secret-service', kernel: 'keyutils' } as const;

/**
 * The items of a keychain, through the addon, which is loaded with the first call.
 *
 * @throws StoreError from every call, see `storeFailure`
 */
export function addonItems(store: AddonStore, loadAddon: LoadAddon): Items {
  let addon: KeyringAddon | undefined;
  /** One entry a name: each holds a connection to the Secret Service, which takes 6 ms to negotiate. */
  const entries = new Map<string, KeyringEntry>();

  async function withEntry<T>(name: string, work: (entry: KeyringEntry) => Promise<T> | T): Promise<T> {
    try {
      addon ??= await loadAddon(store);
      let entry = entries.get(name);
      if (entry === undefined) {
        // The kernel answers at once, and starting threads to wait for it takes a millisecond.
        const Entry = store === 'kernel' ? addon.Entry : addon.AsyncEntry;
        entry = new Entry(service, name, { linux: { store: linuxStores[store] } });
        entries.set(name, entry);
      }
      return await work(entry);
    } catch (error) {
      entries.delete(name);
      throw storeFailure(store, error);
    }
  }

  return {
    read: (name) =>
      withEntry(name, async (entry) => {
        const bytes = await entry.getSecret();
        return bytes === null ? undefined : Uint8Array.from(bytes);
      }),
    write: (name, bytes) => withEntry(name, (entry) => entry.setSecret(bytes)),
    delete: (name) =>
      withEntry(name, async (entry) => {
        const deleted = await entry.deleteCredential();
        // On macOS the addon does not say when the keychain would not delete the item.
        if (deleted && (await entry.getSecret()) !== null) throw new Error('the item cannot be deleted');
        return deleted;
      }),
  };
}

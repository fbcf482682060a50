import { addonItems, service } from './addon-items.js';
import type { LoadAddon } from './addon.js';
import type { KeychainCatalog } from './catalog.js';
import { storeFailure } from './failure.js';

/** The catalog of a keychain that is never locked while its person is signed in: Windows Credential Manager. */
export function addonCatalog(loadAddon: LoadAddon): KeychainCatalog {
  const items = addonItems('keychain', loadAddon);
  return {
    async presence(account) {
      try {
        return (await items.read(account)) === undefined ? 'absent' : 'there';
      } catch {
        return 'unknown';
      }
    },
    accounts: () => findAccounts(loadAddon),
    close: () => undefined,
  };
}

/**
 * The accounts of all items, by the addon. It reads their secrets, too, of which nothing is kept.
 *
 * @throws StoreError where the keychain does not tell
 */
export async function findAccounts(loadAddon: LoadAddon): Promise<string[]> {
  try {
    const addon = await loadAddon('keychain');
    const found = await addon.findCredentialsAsync(service);
    // An entry in several items has one head; the others are named after it, see `splitItems`.
    return [...new Set(found.map(({ account }) => account.replace(/#\d+$/, '')))];
  } catch (error) {
    throw storeFailure('keychain', error);
  }
}

import type { Store, StoreName } from '../keychain/store.js';
import type { ClientCredential } from './client-credential.js';
import { encodeEntry } from './entry.js';

/**
 * Keeps a client credential under an account.
 *
 * @returns where it is kept now; `none` where nothing here keeps it
 * @throws StoreError where the person named the store, and it cannot
 */
export function keep(store: Store, account: string, credential: ClientCredential): Promise<StoreName> {
  return store.write(account, encodeEntry(account, credential));
}

import type { Store } from '../keychain/store.js';
import type { ClientCredential } from './client-credential.js';
import { decodeEntry } from './entry.js';

/**
 * The client credential that is kept under an account; `undefined` where there is none, or none that can be understood.
 *
 * @throws StoreError where the store cannot be read
 */
export async function readKept(store: Store, account: string): Promise<ClientCredential | undefined> {
  const entry = await store.read(account);
  return entry && decodeEntry(account, entry);
}

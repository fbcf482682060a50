import type { Store } from '../store/store.js';
import type { StoreName } from '../settings.js';
import type { ClientCredential } from '../credential/client-credential.js';
import { decodeEntry, encodeEntry } from '../credential/encoded-entry.js';
import type { CredentialRecords } from './records.js';
import { certificateSubject } from '../credential/check.js';
import { cacheKeyText, type CacheKey } from '../credential/cache-key.js';

/**
 * The client credential that is kept under an account; `undefined` where there is none, or none that can be understood.
 *
 * @throws StoreError where the store cannot be read
 */
export async function readCachedCredential(
  store: Store,
  account: string,
): Promise<ClientCredential | undefined> {
  const entry = await store.read(account);
  return entry && decodeEntry(account, entry);
}

/** Where a credential is kept, and what is remembered of it. */
export interface Cache {
  readonly store: Store;
  readonly records: CredentialRecords;
}

/**
 * Keeps a client credential, and remembers where.
 *
 * @returns where it is kept now; `none` where nothing here keeps it
 * @throws StoreError where the person named the store, and it cannot
 */
export async function saveCredential(
  key: CacheKey,
  credential: ClientCredential,
  { store, records }: Cache,
): Promise<StoreName> {
  const account = cacheKeyText(key);
  const keptIn = await store.save(account, encodeEntry(account, credential));
  if (keptIn === 'none') {
    records.noteDeleted();
    return keptIn;
  }
  const { fetchedAt, notBefore, notAfter } = credential;
  records.noteSaved({
    key,
    store: keptIn,
    certificateSubject: certificateSubject(credential),
    fetchedAt,
    notBefore,
    notAfter,
  });
  return keptIn;
}

/**
 * Forgets a client credential, and that it was kept.
 *
 * @returns whether there was one
 * @throws StoreError where the person named the store, and it cannot; then it is still remembered
 */
export async function deleteCredential(key: CacheKey, { store, records }: Cache): Promise<boolean> {
  const deleted = await store.delete(cacheKeyText(key));
  records.noteDeleted();
  return deleted;
}

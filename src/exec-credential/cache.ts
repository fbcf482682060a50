import { cacheKeyText, type CacheKey } from '../credential/cache-key.js';
import type { ClientCredential } from '../credential/client-credential.js';
import { decodeEntry, encodeEntry } from '../credential/encoded-entry.js';
import type { StoreName } from '../settings.js';
import type { Store } from '../store/store.js';
import type { CredentialRecords } from './records.js';

/** Where a credential is saved, and the records about it. */
export interface Cache {
  readonly store: Store;
  readonly records: CredentialRecords;
}

/** Reads a cached credential; `undefined` if there is none, or one that cannot be understood. @throws StoreError */
export async function readCachedCredential(
  store: Store,
  keyText: string,
): Promise<ClientCredential | undefined> {
  const entry = await store.read(keyText);
  return entry && decodeEntry(keyText, entry);
}

/**
 * Saves a credential and records where.
 *
 * @returns the store that has it now; `none` if no store saved it
 * @throws StoreError from a store that was chosen by name
 */
export async function saveCredential(
  key: CacheKey,
  credential: ClientCredential,
  { store, records }: Cache,
): Promise<StoreName> {
  const keyText = cacheKeyText(key);
  const savedIn = await store.save(keyText, encodeEntry(keyText, credential));
  if (savedIn === 'none') {
    records.noteDeleted();
    return savedIn;
  }
  // Loads node:crypto, which serving does without.
  const { certificateSubject } = await import('../credential/check.js');
  const { fetchedAt, notBefore, notAfter } = credential;
  const subject = certificateSubject(credential);
  records.noteSaved({ key, store: savedIn, certificateSubject: subject, fetchedAt, notBefore, notAfter });
  return savedIn;
}

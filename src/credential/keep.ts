import type { Store, StoreName } from '../keychain/store.js';
import type { CredentialState } from '../state/credential-state.js';
import { certificateSubject } from './check.js';
import type { ClientCredential } from './client-credential.js';
import { encodeEntry } from './entry.js';
import { credentialKeyText, type CredentialKey } from './key.js';

/** Where a credential is kept, and what is remembered of it. */
export interface Keeping {
  readonly store: Store;
  readonly state: CredentialState;
}

/**
 * Keeps a client credential, and remembers where.
 *
 * @returns where it is kept now; `none` where nothing here keeps it
 * @throws StoreError where the person named the store, and it cannot
 */
export async function keep(
  key: CredentialKey,
  credential: ClientCredential,
  { store, state }: Keeping,
): Promise<StoreName> {
  const account = credentialKeyText(key);
  const keptIn = await store.write(account, encodeEntry(account, credential));
  if (keptIn === 'none') {
    state.forgetKept();
    return keptIn;
  }
  const { fetchedAt, notBefore, notAfter } = credential;
  state.recordKept({
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
export async function forget(key: CredentialKey, { store, state }: Keeping): Promise<boolean> {
  const deleted = await store.delete(credentialKeyText(key));
  state.forgetKept();
  return deleted;
}

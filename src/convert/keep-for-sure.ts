import type { ClientCredential } from '../credential/client-credential.js';
import { readKept } from '../credential/read-kept.js';
import { keep, type Keeping } from '../credential/keep.js';
import { credentialKeyText, type CredentialKey } from '../credential/key.js';
import { EckError } from '../errors.js';
import type { StoreName } from '../keychain/store.js';

/**
 * Keeps a credential, and reads it back: the only other copy is about to be removed.
 *
 * @returns where it is kept
 * @throws EckError `keychain-absent` where nothing here keeps it; a StoreError where the store cannot
 */
export async function keepForSure(
  key: CredentialKey,
  credential: ClientCredential,
  keeping: Keeping,
): Promise<StoreName> {
  const account = credentialKeyText(key);
  const keptIn = await keep(key, credential, keeping);
  const kept = keptIn === 'none' ? undefined : await readKept(keeping.store, account);
  if (kept !== undefined && Buffer.compare(kept.privateKey.der, credential.privateKey.der) === 0)
    return keptIn;
  throw new EckError(
    'keychain-absent',
    'This machine has no keychain that keeps the client key, so that it would be lost. The user kubeconfig was not ' +
      'changed; to keep keys in files that only you can read, use --store file',
  );
}

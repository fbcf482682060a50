import type { ClientCredential } from '../credential/client-credential.js';
import { decodeEntry } from '../credential/entry.js';
import { keep } from '../credential/keep.js';
import { credentialKeyText, type CredentialKey } from '../credential/key.js';
import { EckError } from '../errors.js';
import { openStore } from '../keychain/open-store.js';
import type { StoreChoice, StoreName } from '../keychain/store.js';
import { CredentialState } from '../state/credential-state.js';
import type { World } from '../world.js';

/**
 * Keeps a credential, and reads it back: the only other copy is about to be removed.
 *
 * @returns where it is kept
 * @throws EckError `keychain-absent` where nothing here keeps it; a StoreError where the store cannot
 */
export async function keepForSure(
  key: CredentialKey,
  credential: ClientCredential,
  choice: StoreChoice,
  world: World,
): Promise<StoreName> {
  const account = credentialKeyText(key);
  const store = openStore(choice, world);
  const keptIn = await keep(key, credential, { store, state: new CredentialState(account, world) });
  const entry = keptIn === 'none' ? undefined : await store.read(account);
  const kept = entry && decodeEntry(account, entry);
  if (kept !== undefined && Buffer.compare(kept.privateKey.der, credential.privateKey.der) === 0)
    return keptIn;
  throw new EckError(
    'keychain-absent',
    'This machine has no keychain that keeps the client key, so that it would be lost. The user kubeconfig was not ' +
      'changed; to keep keys in files that only you can read, use --store file',
  );
}

import type { ClientCredential } from '../../credential/client-credential.js';
import { readCachedCredential } from '../../exec-credential/cache.js';
import { saveCredential, type Cache } from '../../exec-credential/cache.js';
import { cacheKeyText, type CacheKey } from '../../credential/cache-key.js';
import { EckError } from '../../errors.js';
import type { StoreName } from '../../settings.js';

/**
 * Keeps a credential, and reads it back: the only other copy is about to be removed.
 *
 * @returns where it is kept
 * @throws EckError `keychain-absent` where nothing here keeps it; a StoreError where the store cannot
 */
export async function keepForSure(
  key: CacheKey,
  credential: ClientCredential,
  keeping: Cache,
): Promise<StoreName> {
  const account = cacheKeyText(key);
  const keptIn = await saveCredential(key, credential, keeping);
  const kept = keptIn === 'none' ? undefined : await readCachedCredential(keeping.store, account);
  if (kept !== undefined && Buffer.compare(kept.privateKey.der, credential.privateKey.der) === 0)
    return keptIn;
  throw new EckError(
    'keychain-absent',
    'This machine has no keychain that keeps the client key, so that it would be lost. The user kubeconfig was not ' +
      'changed; to keep keys in files that only you can read, use --store file',
  );
}

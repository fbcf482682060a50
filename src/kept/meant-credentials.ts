import { credentialKeyText } from '../credential/key.js';
import { resolveIdentity } from '../identity/resolve-identity.js';
import type { Settings } from '../settings/settings.js';
import type { World } from '../world.js';
import type { KnownCredential } from './known-credentials.js';

/**
 * The credentials of clusters that the settings mean, whether or not anything is known of them: where what is remembered
 * was lost, they still lead to what is kept.
 */
export async function meantCredentials(
  clusterIds: readonly string[],
  settings: Settings,
  world: World,
): Promise<KnownCredential[]> {
  if (clusterIds.length === 0) return [];
  const identity = await resolveIdentity(settings, world);
  return clusterIds.map((clusterId) => {
    const key = { endpoint: settings.endpoint, identity, clusterId };
    return { key, account: credentialKeyText(key), record: undefined, contexts: [] };
  });
}

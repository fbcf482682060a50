import type { Settings } from '../settings/settings.js';
import type { World } from '../world.js';
import { identityFromSettings, type Identity } from './identity.js';

/**
 * The identity that a credential is kept under: what the settings name, else what the default credential chain means
 * at the moment. Where the settings name one, no file is read.
 */
export async function resolveIdentity(
  settings: Pick<Settings, 'profile' | 'roleArn'>,
  world: World,
): Promise<Identity> {
  const identity = identityFromSettings(settings, world.environment);
  if (identity.kind !== 'chain') return identity;
  const { resolveChain } = await import('./chain.js');
  return resolveChain(identity, world);
}

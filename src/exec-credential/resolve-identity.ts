import type { CacheKey } from '../credential/cache-key.js';
import type { Settings } from '../settings.js';
import type { World } from '../world.js';
import { identityFromSettings, type Identity, identityKey } from '../identity.js';
import { endpointKey, type EndpointSetting } from '../endpoint.js';

/** What the credential of a cluster is kept under for whoever the settings mean at the moment. */
export async function cacheKeyOf(
  clusterId: string,
  settings: Pick<Settings, 'profile' | 'roleArn' | 'endpoint'>,
  world: World,
): Promise<CacheKey> {
  return { endpoint: settings.endpoint, identity: await resolveIdentity(settings, world), clusterId };
}

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
  const { resolveChain } = await import('./chain-identity.js');
  return resolveChain(identity, world);
}

/** Who asks, and where: as much of the settings as decides whose clusters there are. */
export type OwnerSettings = Pick<Settings, 'profile' | 'roleArn' | 'endpoint'>;

/** One text for each identity at each endpoint. It holds no secret. */
export function ownerKeyText(endpoint: EndpointSetting, identity: Identity): string {
  return `${endpointKey(endpoint)} ${identityKey(identity)}`;
}

/** The key of whoever the settings mean at the moment; see `resolveIdentity`. */
export async function ownerKeyOf(settings: OwnerSettings, world: World): Promise<string> {
  return ownerKeyText(settings.endpoint, await resolveIdentity(settings, world));
}

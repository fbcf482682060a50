import { identityKey, type Identity } from '../identity/identity.js';
import { resolveIdentity } from '../identity/resolve-identity.js';
import { endpointKey, type EndpointSetting } from '../settings/endpoint.js';
import type { Settings } from '../settings/settings.js';
import type { World } from '../world.js';

/** Who asks, and where: as much of the settings as decides whose clusters there are. */
export type AccountSettings = Pick<Settings, 'profile' | 'roleArn' | 'endpoint'>;

/** One text for each identity at each endpoint. It holds no secret. */
export function accountKeyText(endpoint: EndpointSetting, identity: Identity): string {
  return `${endpointKey(endpoint)} ${identityKey(identity)}`;
}

/** The key of whoever the settings mean at the moment; see `resolveIdentity`. */
export async function accountKeyOf(settings: AccountSettings, world: World): Promise<string> {
  return accountKeyText(settings.endpoint, await resolveIdentity(settings, world));
}

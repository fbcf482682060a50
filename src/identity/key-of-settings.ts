import type { CredentialKey } from '../credential/key.js';
import type { Settings } from '../settings/settings.js';
import type { World } from '../world.js';
import { resolveIdentity } from './resolve-identity.js';

/** What the credential of a cluster is kept under for whoever the settings mean at the moment. */
export async function keyOfSettings(
  clusterId: string,
  settings: Pick<Settings, 'profile' | 'roleArn' | 'endpoint'>,
  world: World,
): Promise<CredentialKey> {
  return { endpoint: settings.endpoint, identity: await resolveIdentity(settings, world), clusterId };
}

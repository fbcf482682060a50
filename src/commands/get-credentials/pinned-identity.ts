import type { EnsClient } from '../../ens/client.js';
import { withRole, type Identity } from '../../identity.js';
import { resolveIdentity } from '../../exec-credential/resolve-identity.js';
import type { World } from '../../world.js';

/**
 * The identity that a context's credential is kept under: the one that kubectl will ask as. A profile is pinned in the
 * `exec` entry, so it is that profile, also where it was only the CLI's current one.
 */
export async function pinnedIdentity({ signer, settings }: EnsClient, world: World): Promise<Identity> {
  if (signer.profile === undefined) return resolveIdentity(settings, world);
  return withRole({ kind: 'profile', name: signer.profile.name }, settings.roleArn);
}

import type { EnsAccount } from '../ens/account.js';
import { withRole, type Identity } from '../identity/identity.js';
import { resolveIdentity } from '../identity/resolve-identity.js';
import type { World } from '../world.js';

/**
 * The identity that a context's credential is kept under: the one that kubectl will ask as. A profile is pinned in the
 * `exec` entry, so it is that profile, also where it was only the CLI's current one.
 */
export async function pinnedIdentity({ signedIn, settings }: EnsAccount, world: World): Promise<Identity> {
  if (signedIn.profile === undefined) return resolveIdentity(settings, world);
  return withRole({ kind: 'profile', name: signedIn.profile.name }, settings.roleArn);
}

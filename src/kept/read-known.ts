import { readContexts, type KubeconfigPaths } from '../kubeconfig/user.js';
import { readKeptRecords } from '../state/kept-record.js';
import type { World } from '../world.js';
import { messageOf } from '../errors.js';
import { knownCredentials, type KnownCredential } from './known-credentials.js';
import { ownContexts, type OwnContext } from './own-contexts.js';

/**
 * The credentials that this machine knows of, from what is remembered and the user kubeconfig. A kubeconfig that cannot
 * be read is no reason not to tell what is kept: then the person is warned.
 */
export async function readKnown(paths: KubeconfigPaths, world: World): Promise<KnownCredential[]> {
  let contexts: OwnContext[] = [];
  try {
    contexts = ownContexts(await readContexts(paths), world.environment);
  } catch (error) {
    world.warn(messageOf(error));
  }
  return knownCredentials(readKeptRecords(world), contexts, world);
}

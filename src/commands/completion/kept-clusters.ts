import { statSync } from 'node:fs';
import { ownContexts } from '../cached-credentials.js';
import { readContexts, type KubeconfigPaths } from '../../kubeconfig/user.js';
import { ownerKeyOf, ownerKeyText, type OwnerSettings } from '../../exec-credential/resolve-identity.js';
import { readRecords } from '../../exec-credential/records.js';
import type { World } from '../../world.js';
import type { KnownCluster } from './sources.js';

/**
 * The clusters that this machine has a credential or a context of: known at once, without a keychain or the network.
 *
 * @param owner whose they have to be; anybody's where that is `undefined`
 */
export async function keptClusters(
  kubeconfig: KubeconfigPaths,
  owner: OwnerSettings | undefined,
  world: World,
): Promise<KnownCluster[]> {
  const wanted = owner === undefined ? undefined : await ownerKeyOf(owner, world);
  const isWanted = (key: string): boolean => wanted === undefined || key === wanted;
  const contextsOf = new Map<string, string[]>();
  for (const { key } of readRecords(world)) {
    if (isWanted(ownerKeyText(key.endpoint, key.identity))) contextsOf.set(key.clusterId, []);
  }
  for (const { name, clusterId, settings } of await contextsHere(kubeconfig, world)) {
    if (!isWanted(await ownerKeyOf(settings, world))) continue;
    contextsOf.set(clusterId, [...(contextsOf.get(clusterId) ?? []), name]);
  }
  return [...contextsOf].map(([clusterId, contexts]) => ({ clusterId, contexts }));
}

/** YAML of this size takes a tenth of a second to read. */
const longestReadBytes = 100_000;

/**
 * A kubeconfig that cannot be read is no reason not to offer what is kept, and neither is one that takes so long to
 * read that a person would notice at every TAB.
 */
async function contextsHere(
  kubeconfig: KubeconfigPaths,
  { environment }: World,
): Promise<ReturnType<typeof ownContexts>> {
  try {
    const sizes = kubeconfig.map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0);
    if (sizes.reduce((sum, size) => sum + size) > longestReadBytes) return [];
    return ownContexts(await readContexts(kubeconfig), environment);
  } catch {
    return [];
  }
}

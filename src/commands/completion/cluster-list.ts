import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Cluster } from '../../ens/actions.js';
import { isMapping } from '../../mapping.js';
import { cacheDirectory } from '../../cache-directory.js';
import type { World } from '../../world.js';
import { ownerKeyOf, type OwnerSettings } from '../../exec-credential/resolve-identity.js';
import { checkPrivateDirectory } from '../../cache-directory.js';
import { shortDigest } from '../../cache-directory.js';

/** What is remembered of a listed cluster: its names, and nothing that opens it. */
export type ListedCluster = Pick<Cluster, 'clusterId' | 'name' | 'region'>;

/** How long a remembered list is used: long enough to type a command, short enough to see a new cluster. */
const lifetimeMs = 60_000;

/** Remembers all clusters of an account for {@link recallClusters}. Where that cannot be, it is let be. */
export async function rememberClusters(
  settings: OwnerSettings,
  clusters: readonly ListedCluster[],
  world: World,
): Promise<void> {
  try {
    const { key, file } = await placeOf(settings, world);
    if (file === undefined) return;
    const names = clusters.map(({ clusterId, name, region }) => ({ clusterId, name, region }));
    const unfinished = `${file}.${process.pid}`;
    writeFileSync(unfinished, JSON.stringify({ key, listedAt: world.now(), clusters: names }), {
      mode: 0o600,
    });
    renameSync(unfinished, file);
  } catch {
    // It is only there to save a call.
  }
}

/** The account's clusters as they were listed within the last minute; `undefined` where they were not. */
export async function recallClusters(
  settings: OwnerSettings,
  world: World,
): Promise<ListedCluster[] | undefined> {
  try {
    const { key, file } = await placeOf(settings, world);
    if (file === undefined) return undefined;
    const list: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (!isMapping(list) || list['key'] !== key || !Array.isArray(list['clusters'])) return undefined;
    const ageMs = world.now().getTime() - new Date(String(list['listedAt'])).getTime();
    return ageMs >= 0 && ageMs < lifetimeMs ? list['clusters'].flatMap(readListedCluster) : undefined;
  } catch {
    return undefined;
  }
}

/** A file for each endpoint and identity, so that nobody is shown another account's clusters. */
async function placeOf(
  settings: OwnerSettings,
  world: World,
): Promise<{ key: string; file: string | undefined }> {
  const key = await ownerKeyOf(settings, world);
  const directory = cacheDirectory(world);
  const isUsable = checkPrivateDirectory(directory) === undefined;
  return { key, file: isUsable ? `${directory}/clusters-${shortDigest(key)}.json` : undefined };
}

function readListedCluster(value: unknown): ListedCluster[] {
  if (!isMapping(value)) return [];
  const { clusterId, name, region } = value;
  return typeof clusterId === 'string' && typeof name === 'string' && typeof region === 'string'
    ? [{ clusterId, name, region }]
    : [];
}

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { cacheDirectory, checkPrivateDirectory, shortDigest } from '../../cache-directory.js';
import { listClusters, type Cluster } from '../../ens/actions.js';
import { readCliProfiles } from '../../ens/cli-profiles.js';
import { openClient } from '../../ens/client.js';
import { messageOf } from '../../errors.js';
import { readRecords } from '../../exec-credential/records.js';
import {
  ownerKeyOf,
  ownerKeyText,
  resolveIdentity,
  type OwnerSettings,
} from '../../exec-credential/resolve-identity.js';
import { locateKubeconfig, type KubeconfigPaths } from '../../kubeconfig/files.js';
import { readContexts } from '../../kubeconfig/read.js';
import { readSettings, type Settings } from '../../settings.js';
import type { World } from '../../world.js';
import { ownContexts, type OwnContext } from '../cached-credentials.js';
import { candidate, takesContexts, type KnownCluster, type Line, type Sources } from './complete.js';

/** A listed cluster without its details. */
type ListedCluster = Pick<Cluster, 'clusterId' | 'name' | 'region'>;

/** The sources for a line. Its flags decide which account, and which kubeconfig. */
export function sourcesFor({ command, given }: Line, world: World): Sources {
  const kubeconfig = locateKubeconfig({
    flag: given.get('kubeconfig'),
    environment: world.environment,
    homeDirectory: world.homeDirectory(),
    platform: world.platform,
  });
  return {
    async clusters() {
      const settings = readSettings(Object.fromEntries(given), world.environment);
      const namesOwner = ['profile', 'role-arn', 'endpoint', 'site'].some((flag) => given.has(flag));
      const [local, listed] = await Promise.all([
        localClusters(kubeconfig, namesOwner ? settings : undefined, world),
        takesContexts(command) ? [] : accountClusters(settings, world),
      ]);
      const byId = new Map(local.map((cluster) => [cluster.clusterId, cluster]));
      for (const cluster of listed) {
        byId.set(cluster.clusterId, { contexts: [], ...byId.get(cluster.clusterId), ...cluster });
      }
      return [...byId.values()];
    },

    async contexts() {
      const { contexts, currentContext } = await readContexts(kubeconfig);
      return contexts.map(({ name }) => candidate(name, name === currentContext ? 'current context' : ''));
    },

    async profiles() {
      const cli = await readCliProfiles(world.homeDirectory());
      return (cli?.profiles ?? []).map(({ name, mode, region }) =>
        candidate(name, mode, region, name === cli?.current ? 'current profile' : ''),
      );
    },
  };
}

/** The clusters with a record or a context on this machine, found without a store or the network. */
async function localClusters(
  kubeconfig: KubeconfigPaths,
  owner: OwnerSettings | undefined,
  world: World,
): Promise<KnownCluster[]> {
  const ownerKey = owner && (await ownerKeyOf(owner, world));
  const contextsOf = new Map<string, string[]>();
  for (const { key } of readRecords(world)) {
    if (ownerKey === undefined || ownerKey === ownerKeyText(key.endpoint, key.identity)) {
      contextsOf.set(key.clusterId, []);
    }
  }
  for (const { name, clusterId, settings } of await readOwnContexts(kubeconfig, world)) {
    if (ownerKey !== undefined && ownerKey !== (await ownerKeyOf(settings, world))) continue;
    contextsOf.set(clusterId, [...(contextsOf.get(clusterId) ?? []), name]);
  }
  return [...contextsOf].map(([clusterId, contexts]) => ({ clusterId, contexts }));
}

/** YAML of this size takes a tenth of a second to read. */
const longestKubeconfigBytes = 100_000;

/** Our contexts; none if the kubeconfig cannot be read, or not without a noticeable delay. */
async function readOwnContexts(kubeconfig: KubeconfigPaths, { environment }: World): Promise<OwnContext[]> {
  try {
    const sizes = kubeconfig.map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0);
    if (sizes.reduce((sum, size) => sum + size) > longestKubeconfigBytes) return [];
    return ownContexts(await readContexts(kubeconfig), environment);
  } catch {
    return [];
  }
}

/** The longest time to wait for ENS. */
const listLimitMs = 1500;

/** The account's clusters, asked for at most once a minute; none if they cannot be listed in time. */
async function accountClusters(settings: Settings, world: World): Promise<ListedCluster[]> {
  const saved = await readSavedClusters(settings, world);
  if (saved !== undefined) return saved;
  const listing = listNow(settings, world).catch((error: unknown) => {
    world.debug(`the account's clusters cannot be listed: ${messageOf(error)}`);
    return [];
  });
  const listed = await Promise.race([listing, setTimeout(listLimitMs, [])]);
  await rememberClusters(settings, listed, world);
  return listed;
}

async function listNow(settings: Settings, world: World): Promise<ListedCluster[]> {
  const identity = await resolveIdentity(settings, world);
  if (identity.kind === 'profile') {
    const cli = await readCliProfiles(world.homeDirectory());
    const mode = cli?.profiles.find(({ name }) => name === identity.name)?.mode ?? '';
    // They run a program, or ask the person to sign in again.
    if (['External', 'OAuth'].includes(mode)) return [];
  }
  const client = await openClient(settings, world);
  return listClusters(client, {}, world, {
    // There is no time for a second attempt.
    onRetry: (error) => {
      throw error;
    },
  });
}

/** How long a saved list is used: long enough to type a command. */
const lifetimeMs = 60_000;

interface SavedList {
  /** The file's name has only its digest. */
  readonly key: string;
  readonly clusters: ListedCluster[];
}

/** Saves the account's clusters for completion, with nothing secret. It is no error if that fails. */
export async function rememberClusters(
  settings: OwnerSettings,
  clusters: readonly ListedCluster[],
  world: World,
): Promise<void> {
  try {
    const key = await ownerKeyOf(settings, world);
    const saved = clusters.map(({ clusterId, name, region }) => ({ clusterId, name, region }));
    const list: SavedList = { key, clusters: saved };
    writeFileSync(listFile(key, world), JSON.stringify(list), { mode: 0o600 });
  } catch (error) {
    world.debug(`the account's clusters are not saved for completion: ${messageOf(error)}`);
  }
}

async function readSavedClusters(
  settings: OwnerSettings,
  world: World,
): Promise<ListedCluster[] | undefined> {
  try {
    const key = await ownerKeyOf(settings, world);
    const file = listFile(key, world);
    const ageMs = world.now().getTime() - statSync(file).mtimeMs;
    const list = JSON.parse(readFileSync(file, 'utf8')) as SavedList;
    return list.key === key && Math.abs(ageMs) < lifetimeMs ? list.clusters : undefined;
  } catch {
    return undefined;
  }
}

/** One file for each identity and endpoint. @throws if the cache directory is not private */
function listFile(ownerKey: string, world: World): string {
  const directory = cacheDirectory(world);
  const problem = checkPrivateDirectory(directory);
  if (problem !== undefined) throw new Error(`${directory} ${problem}`);
  return `${directory}/clusters-${shortDigest(ownerKey)}.json`;
}

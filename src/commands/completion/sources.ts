import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { cacheDirectory, checkPrivateDirectory, shortDigest } from '../../cache-directory.js';
import { cacheKeyText } from '../../credential/cache-key.js';
import { listClusters } from '../../ens/actions.js';
import { modesBehind, readCliProfiles } from '../../ens/cli-profiles.js';
import { openClient } from '../../ens/client.js';
import { messageOf } from '../../errors.js';
import { readRecords } from '../../exec-credential/cached-record.js';
import { cacheKeyOf, resolveIdentity } from '../../exec-credential/resolve-identity.js';
import { readContexts } from '../../kubeconfig/read.js';
import type { Settings } from '../../settings.js';
import type { World } from '../../world.js';
import { byCluster, readOwnContexts } from '../cached-credentials.js';
import type { KnownCluster } from '../get-credentials/context-names.js';
import type { EckCommand } from '../options.js';
import { candidate, takesContexts, type Sources } from './complete.js';

/** The sources for a command. Its options decide which account, and which kubeconfig. */
export function sourcesFor(command: EckCommand, world: World): Sources {
  return {
    async clusters() {
      const settings = command.settings(world);
      const [contexts, listed] = await Promise.all([
        readOwnContexts(command.kubeconfigPaths(world), world),
        takesContexts(command) ? [] : accountClusters(settings, world),
      ]);
      const records = readRecords(world);
      const cached = records.map(({ key, clusterName: name }) => ({ clusterId: key.clusterId, ...(name && { name }) }));
      const clusterIds = new Set([...cached, ...contexts, ...listed].map(({ clusterId }) => clusterId));
      const known = new Map([...listed, ...cached].reverse().map((cluster) => [cluster.clusterId, cluster]));
      const itsContexts = byCluster(contexts);
      return [...clusterIds].map((clusterId) => ({
        ...known.get(clusterId),
        clusterId,
        contexts: itsContexts.get(clusterId)?.map(({ name }) => name) ?? [],
      }));
    },

    async contexts() {
      const { contexts, currentContext } = await readContexts(command.kubeconfigPaths(world));
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

/** The longest time to wait for ENS. */
const listLimitMs = 1500;

/** The account's clusters, asked for at most once a minute; none if they cannot be listed in time. */
async function accountClusters(settings: Settings, world: World): Promise<KnownCluster[]> {
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

async function listNow(settings: Settings, world: World): Promise<KnownCluster[]> {
  const identity = await resolveIdentity(settings, world);
  if (identity.kind === 'profile') {
    const cli = await readCliProfiles(world.homeDirectory());
    // They run a program, or use up a token.
    if (cli && modesBehind(cli, identity.name).some((mode) => /^(?:External|OAuth)$/.test(mode))) return [];
  }
  return listClusters(await openClient(settings, world), {}, world);
}

/** How long a saved list is used: long enough to type a command. */
const lifetimeMs = 60_000;

/** Saves the account's clusters for completion, with nothing secret. It is no error if that fails. */
export async function rememberClusters(
  settings: Settings,
  clusters: readonly KnownCluster[],
  world: World,
): Promise<void> {
  try {
    const list = clusters.map(({ clusterId, name, region }) => ({ clusterId, name, region }));
    writeFileSync(await listFile(settings, world), JSON.stringify(list), { mode: 0o600 });
  } catch (error) {
    world.debug(`the account's clusters are not saved for completion: ${messageOf(error)}`);
  }
}

async function readSavedClusters(settings: Settings, world: World): Promise<KnownCluster[] | undefined> {
  try {
    const file = await listFile(settings, world);
    const ageMs = world.now().getTime() - statSync(file).mtimeMs;
    if (Math.abs(ageMs) >= lifetimeMs) return undefined;
    return JSON.parse(readFileSync(file, 'utf8')) as KnownCluster[];
  } catch {
    return undefined;
  }
}

/** One file for each identity and endpoint. @throws if the cache directory is not private */
async function listFile(settings: Settings, world: World): Promise<string> {
  const directory = cacheDirectory(world);
  const problem = checkPrivateDirectory(directory);
  if (problem !== undefined) throw new Error(`${directory} ${problem}`);
  return `${directory}/clusters-${shortDigest(cacheKeyText(await cacheKeyOf('', settings, world)))}.json`;
}

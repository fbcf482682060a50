import { resolveEndpoint } from '../../endpoint.js';
import { listClusters, type Cluster } from '../../ens/actions.js';
import type { EnsClient } from '../../ens/client.js';
import { EckError, quoted, usageError } from '../../errors.js';
import { parseClusterId } from '../../settings.js';
import { pickMany } from '../../terminal/prompt.js';
import { formatTable } from '../../terminal/table.js';
import type { World } from '../../world.js';
import type { KnownCluster } from './context-names.js';
import type { ClusterFailure } from './set-up.js';

export interface ClusterSelection {
  /** Ids and names. With none, and without `all`, the person picks. */
  readonly clusters: readonly string[];
  readonly all: boolean;
  readonly region?: string | undefined;
}

/** Checks a selection before anything is called. @throws EckError `usage` */
export function checkSelection({ clusters, all }: ClusterSelection, canPick: boolean): void {
  if (all && clusters.length > 0) {
    throw usageError('--all means every cluster of the account', 'Leave out --all, or the clusters');
  }
  if (!all && clusters.length === 0 && !canPick) {
    throw usageError('Which cluster?', 'Give an id or a name from "kubectl eck list", or --all');
  }
  for (const text of clusters) {
    if (text === '' || isEckId(text)) parseClusterId(text);
    // A flag or a path in the place of a name is a mistake.
    else if (!/^[^-/\\\p{C}\p{Zl}\p{Zp}][^/\\\p{C}\p{Zl}\p{Zp}]{0,127}$/u.test(text)) {
      throw usageError(`${quoted(text)} is no cluster's id or name`, 'Give an id such as eck-0123abcd');
    }
  }
}

function isEckId(text: string): boolean {
  return text.startsWith('eck-');
}

/** Finds the clusters of a selection. ENS is asked for its list, unless only `eck-…` ids were given. */
export async function selectClusters(
  { clusters, all, region }: ClusterSelection,
  client: EnsClient,
  world: World,
): Promise<ReturnType<typeof resolveNames>> {
  const isNamed = clusters.length > 0;
  const listed = isNamed && clusters.every(isEckId) ? [] : await listClusters(client, { region }, world);
  if (isNamed) {
    const { host } = resolveEndpoint(client.endpoint);
    return resolveNames(clusters, listed, region === undefined ? host : `${host} in ${quoted(region)}`);
  }
  const picked = all || listed.length === 0 ? listed : await pickClusters(listed, world);
  return { clusters: picked, listed, unknown: [] };
}

/**
 * Finds each cluster that texts name, once, and the names that no listed cluster has. An id beats a name; `eck-…` is
 * always an id. @throws EckError `usage` for a name that several clusters have
 */
export function resolveNames(texts: readonly string[], listed: readonly Cluster[], where: string) {
  const clusters = new Map<string, KnownCluster>();
  const unknown: ClusterFailure[] = [];
  for (const text of new Set(texts)) {
    const isId = isEckId(text) || listed.some(({ clusterId }) => clusterId === text);
    const named = isId ? [] : listed.filter(({ name }) => name === text);
    if (named.length > 1) {
      const some = named
        .slice(0, 10)
        .map((cluster) => `${cluster.clusterId} (${cluster.region})`)
        .join(', ');
      const message = `${named.length} clusters are named ${quoted(text)}: ${some}`;
      throw usageError(`${message}${named.length > 10 ? ', …' : ''}`, 'Give the id of one');
    }
    const clusterId = isId ? text : named[0]?.clusterId;
    if (clusterId !== undefined) {
      clusters.set(clusterId, listed.find((cluster) => cluster.clusterId === clusterId) ?? { clusterId });
    } else {
      const message = `${where} lists no cluster named ${quoted(text)}`;
      const fix = 'List the clusters: kubectl eck list';
      unknown.push({ cluster: text, error: new EckError('ens-cluster-not-found', message, { fix }) });
    }
  }
  return { clusters: [...clusters.values()], listed, unknown };
}

async function pickClusters(clusters: readonly Cluster[], world: World): Promise<Cluster[]> {
  const fields = ['name', 'clusterId', 'region'] as const;
  const columns = fields.map((field) => ['', (cluster: Cluster) => cluster[field]] as const);
  const [, ...labels] = formatTable(columns, clusters).split('\n');
  const choices = clusters.map(({ clusterId }, index) => ({ value: clusterId, label: labels[index] ?? '' }));
  const picked = await pickMany('Which clusters?', choices, world);
  return clusters.filter(({ clusterId }) => picked.includes(clusterId));
}

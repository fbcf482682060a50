import type { Cluster } from '../../ens/actions.js';
import { EckError, quoted, usageError } from '../../errors.js';
import type { NamedCluster } from './cluster-selection.js';
import { nearNames } from './near-names.js';
import type { ClusterFailure } from './set-up-many.js';

/** What names stand for. */
export interface ResolvedClusters {
  /** Each cluster once, in the order in which it was first named. */
  readonly clusterIds: readonly string[];
  /** The names that no cluster has: `ens-cluster-not-found`. */
  readonly unknown: readonly ClusterFailure[];
}

/**
 * Tells which clusters are meant by names. Ids are what they are, whether they are listed or not.
 *
 * @param listed the account's clusters
 * @param where was asked for them, in words
 * @throws EckError `usage` for a name that several clusters have, with their ids
 */
export function resolveNames(
  named: readonly NamedCluster[],
  listed: readonly Cluster[],
  where: string,
): ResolvedClusters {
  const byName = new Map<string, Cluster[]>();
  for (const cluster of listed) byName.set(cluster.name, [...(byName.get(cluster.name) ?? []), cluster]);

  const clusterIds = new Set<string>();
  const unknown: ClusterFailure[] = [];
  for (const cluster of named) {
    if (cluster.kind === 'id') {
      clusterIds.add(cluster.clusterId);
      continue;
    }
    const [found, ...others] = byName.get(cluster.name) ?? [];
    if (found === undefined)
      unknown.push({ cluster: cluster.name, error: unknownName(cluster.name, listed, where) });
    else if (others.length > 0) throw ambiguousName(cluster.name, [found, ...others]);
    else clusterIds.add(found.clusterId);
  }
  return { clusterIds: [...clusterIds], unknown };
}

/** The most clusters that a message lists. */
const shownAtMost = 10;

function ambiguousName(name: string, clusters: readonly Cluster[]): EckError {
  return usageError(
    `${clusters.length} clusters are called ${quoted(name)}: ${shown(clusters.map(withRegion))}; give the id of one`,
  );
}

function unknownName(name: string, listed: readonly Cluster[], where: string): EckError {
  const near = nearNames(name, [...new Set(listed.map((cluster) => cluster.name))]);
  const suggestion =
    near.length === 0 ? '' : `; did you mean ${near.map((text) => quoted(text)).join(' or ')}?`;
  return new EckError(
    'ens-cluster-not-found',
    `${where} lists no cluster of the name ${quoted(name)}${suggestion || ';'} "kubectl eck list" shows them all`,
  );
}

function withRegion({ clusterId, region }: Cluster): string {
  return region === '' ? clusterId : `${clusterId} (${region})`;
}

function shown(texts: readonly string[]): string {
  const more = texts.length - shownAtMost;
  return texts.slice(0, shownAtMost).join(', ') + (more > 0 ? `, and ${more} more` : '');
}

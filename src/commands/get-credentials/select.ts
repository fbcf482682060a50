import stringWidth from 'fast-string-width';
import { resolveEndpoint } from '../../endpoint.js';
import { listClusters, type Cluster } from '../../ens/actions.js';
import type { EnsClient } from '../../ens/client.js';
import { EckError, quoted, usageError } from '../../errors.js';
import { parseClusterId } from '../../settings.js';
import { pickMany } from '../../terminal/prompt.js';
import type { World } from '../../world.js';
import type { ClusterFailure } from './set-up.js';

/** The clusters that the command line asks for. */
export interface ClusterSelection {
  /** Ids and names. With none, and without `all`, the person picks. */
  readonly clusters: readonly string[];
  readonly all: boolean;
  /** Where to look for clusters; everywhere, if undefined. */
  readonly region: string | undefined;
}

export interface SelectedClusters {
  /** Each cluster once, in the order in which it was first named. */
  readonly clusterIds: readonly string[];
  /** The names that no cluster has, with `ens-cluster-not-found`. */
  readonly unknown: readonly ClusterFailure[];
}

/**
 * Checks a selection before anything is called.
 *
 * @throws EckError `usage`
 */
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
): Promise<SelectedClusters> {
  const isNamed = clusters.length > 0;
  if (isNamed && clusters.every(isEckId)) return resolveNames(clusters, [], '');
  const listed = await listClusters(client, region === undefined ? {} : { region }, world).catch(withoutList);
  if (isNamed) {
    const { host } = resolveEndpoint(client.endpoint);
    return resolveNames(clusters, listed, region === undefined ? host : `${host} in ${quoted(region)}`);
  }
  const ids = listed.map(({ clusterId }) => clusterId);
  return { clusterIds: all || ids.length === 0 ? ids : await pickClusters(listed), unknown: [] };
}

function withoutList(error: unknown): never {
  if (!(error instanceof EckError) || error.code !== 'ens-not-allowed') throw error;
  const fix = 'Ids need no list: kubectl eck get-credentials eck-0123abcd';
  throw new EckError(error.code, error.message, { fix: error.fix ? `${error.fix}. ${fix}` : fix });
}

/**
 * Finds the clusters that texts name. An id beats a name; `eck-…` is always an id, listed or not.
 *
 * @param where the clusters were listed, for messages
 * @throws EckError `usage` for a name that several clusters have
 */
export function resolveNames(
  texts: readonly string[],
  listed: readonly Cluster[],
  where: string,
): SelectedClusters {
  const clusterIds = new Set<string>();
  const unknown: ClusterFailure[] = [];
  for (const text of new Set(texts)) {
    if (isEckId(text) || listed.some(({ clusterId }) => clusterId === text)) {
      clusterIds.add(text);
      continue;
    }
    const found = listed.filter(({ name }) => name === text);
    if (found.length > 1) {
      const shown = found.slice(0, 10).map(({ clusterId, region }) => `${clusterId} (${region})`);
      const more = found.length > 10 ? ` and ${found.length - 10} more` : '';
      throw usageError(
        `${found.length} clusters are named ${quoted(text)}: ${shown.join(', ')}${more}`,
        'Give the id of one',
      );
    }
    for (const { clusterId } of found) clusterIds.add(clusterId);
    if (found.length > 0) continue;
    const error = new EckError('ens-cluster-not-found', `${where} lists no cluster named ${quoted(text)}`, {
      fix: 'List the clusters: kubectl eck list',
    });
    unknown.push({ cluster: text, error });
  }
  return { clusterIds: [...clusterIds], unknown };
}

function pickClusters(clusters: readonly Cluster[]): Promise<readonly string[]> {
  const nameWidth = Math.max(...clusters.map(({ name }) => stringWidth(name)));
  const choices = clusters.map(({ clusterId, name, region }) => {
    const padding = ' '.repeat(nameWidth - stringWidth(name));
    return { value: clusterId, label: `${name}${padding}  ${clusterId}  ${region}`.trim() };
  });
  return pickMany('Which clusters?', choices);
}

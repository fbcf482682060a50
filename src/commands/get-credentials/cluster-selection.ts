import { quoted, usageError } from '../../errors.js';
import { parseClusterId } from '../../settings.js';

/** Which clusters a person asked for. */
export type ClusterSelection =
  | { readonly kind: 'named'; readonly clusters: readonly [NamedCluster, ...NamedCluster[]] }
  /** All of the account, or of a region. */
  | { readonly kind: 'all' }
  /** Those that the person picks from all. */
  | { readonly kind: 'pick' };

/** A cluster as a person names it. */
export type NamedCluster =
  { readonly kind: 'id'; readonly clusterId: string } | { readonly kind: 'name'; readonly name: string };

/** What the command line says about clusters, and what the environment says in its stead. */
export interface SelectionTexts {
  /** The arguments: ids or names. */
  readonly clusters: readonly string[];
  /** `--cluster-id`, where it was typed. */
  readonly clusterId: string | undefined;
  /** `--all`, where it was typed. */
  readonly all: boolean;
  /** Whether there is a person at a terminal who can pick. */
  readonly canPick: boolean;
}

/**
 * Tells which clusters are meant. What was typed comes before the environment; a cluster that is named twice is meant
 * once.
 *
 * @throws EckError `usage` for a text that is neither an id nor a name, for `--all` with clusters, and for nothing at
 *   all where nobody can pick
 */
export function readSelection(texts: SelectionTexts): ClusterSelection {
  const typed = [
    ...texts.clusters.map(parseNamedCluster),
    ...(texts.clusterId === undefined ? [] : [idOf(texts.clusterId)]),
  ];
  if (texts.all && typed.length > 0) {
    throw usageError('--all is every cluster of the account; leave it out, or the clusters');
  }
  if (texts.all) return { kind: 'all' };
  const [first, ...others] = distinct(typed);
  if (first !== undefined) return { kind: 'named', clusters: [first, ...others] };
  if (texts.canPick) return { kind: 'pick' };
  throw usageError(
    'which cluster? Give its id or name: kubectl eck get-credentials eck-0123abcd; or take --all of them. ' +
      '"kubectl eck list" shows them',
  );
}

/**
 * Reads an argument: an id if it begins with `eck-`, and otherwise a name.
 *
 * @throws EckError `usage`
 */
export function parseNamedCluster(text: string): NamedCluster {
  if (text === '' || text.startsWith('eck-')) return idOf(text);
  // What looks like a flag or a path is a mistake, and better not looked for.
  if (/^[^-/\\\p{C}\p{Zl}\p{Zp}][^/\\\p{C}\p{Zl}\p{Zp}]{0,127}$/u.test(text))
    return { kind: 'name', name: text };
  throw usageError(`${quoted(text)} is neither a cluster id nor a name; give an id such as eck-0123abcd`);
}

function idOf(text: string): NamedCluster {
  return { kind: 'id', clusterId: parseClusterId(text) };
}

function distinct(clusters: readonly NamedCluster[]): NamedCluster[] {
  return [...new Map(clusters.map((cluster) => [JSON.stringify(cluster), cluster])).values()];
}

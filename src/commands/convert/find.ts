import { EckError, quoted } from '../../errors.js';
import type { ClusterFailure } from '../get-credentials/set-up.js';
import { type KubeconfigUser } from '../../kubeconfig/read.js';

/** The context that was given, and its cluster if no name contains the id. */
export interface ConvertSelection {
  readonly context?: string | undefined;
  readonly clusterId?: string | undefined;
}

export interface Findings {
  /** Users with a client key, and the cluster that all their contexts reach. */
  readonly convertible: readonly { readonly user: KubeconfigUser; readonly clusterId: string }[];
  /** Users of ECK clusters that cannot be converted. */
  readonly failures: readonly ClusterFailure[];
  /** Contexts with a client key, of which no name contains the id of an ECK cluster. */
  readonly unknown: readonly string[];
}

/**
 * Finds the users with a client key whose contexts reach one ECK cluster. Its id is read from the names of the context,
 * the cluster and the user; contexts with the same cluster entry share it.
 *
 * @throws EckError `context-not-found` or `context-not-convertible` for the context that was given
 */
export function findConvertible(users: readonly KubeconfigUser[], selection: ConvertSelection): Findings {
  const { context } = selection;
  const found = { convertible: [], failures: [], unknown: [] } as {
    convertible: { user: KubeconfigUser; clusterId: string }[];
    failures: ClusterFailure[];
    unknown: string[];
  };
  for (const user of context === undefined ? users : [userOf(context, users)]) {
    if (!hasClientKey(user)) continue;
    const idsOfClusters = clusterIdsOf(user, selection);
    const [clusterId, ...more] = new Set(idsOfClusters.flat());
    if (clusterId === undefined) found.unknown.push(...user.contexts.map(({ name }) => name));
    else {
      const isComplete = idsOfClusters.every((ids) => ids.length > 0);
      const error = conflictOf(user, [clusterId, ...more], isComplete);
      if (error) found.failures.push({ cluster: labelOf(user), error });
      else found.convertible.push({ user, clusterId });
    }
  }
  if (context !== undefined && found.unknown.length > 0) {
    const message = `No name of the context ${quoted(context)} contains the id of an ECK cluster`;
    throw refusal(message, 'Give it with --cluster-id');
  }
  return found;
}

function conflictOf(
  user: KubeconfigUser,
  clusterIds: readonly string[],
  isComplete: boolean,
): EckError | undefined {
  const fix = `Set up each cluster: kubectl eck get-credentials ${clusterIds.join(' ')}`;
  const also = otherWays.filter((field) => user.content[field]);
  if (user.contexts.length === 0)
    return refusal('no context uses it', 'Delete it: kubectl config delete-user');
  if (clusterIds.length > 1) return refusal(`it is of several clusters: ${clusterIds.join(', ')}`, fix);
  if (!isComplete) return refusal('it is shared with a context of an unknown cluster', fix);
  if (also.length > 0)
    return refusal(`it also has ${also.join(', ')}`, 'Take one of them out of the kubeconfig');
  return undefined;
}

/** Other ways to sign in, which an `exec` entry would replace. */
const otherWays = ['exec', 'auth-provider', 'token', 'tokenFile', 'username', 'password'];

/** The contexts of a user for a message; the user itself if it has none. */
export function labelOf({ name, contexts }: KubeconfigUser): string {
  return contexts.length === 0 ? `user ${name}` : contexts.map((context) => context.name).join(', ');
}

function userOf(context: string, users: readonly KubeconfigUser[]): KubeconfigUser {
  const user = users.find(({ contexts }) => contexts.some(({ name }) => name === context));
  if (user === undefined) {
    throw new EckError('context-not-found', `The user kubeconfig has no context ${quoted(context)}`, {
      fix: 'List the contexts: kubectl config get-contexts',
    });
  }
  if (!user.isOwn && !hasClientKey(user)) throw refusal(`The user ${quoted(user.name)} has no client key`);
  return user;
}

/** The ids in the names that belong to each cluster entry of a user's contexts. */
function clusterIdsOf(user: KubeconfigUser, { context, clusterId }: ConvertSelection): string[][] {
  if (user.contexts.length === 0) return [clusterIdsIn([user.name])];
  const ids = new Map<string | undefined, string[]>();
  for (const { name, clusterName } of user.contexts) {
    const isGiven = clusterId !== undefined && name === context;
    const found = isGiven ? [clusterId] : clusterIdsIn([name, clusterName ?? '', user.name]);
    ids.set(clusterName, [...(ids.get(clusterName) ?? []), ...found]);
  }
  return [...ids.values()];
}

/** The ids of ECK clusters in names, such as `admin@eck-0123abcd` and `eck-0123abcd-staging`. */
export function clusterIdsIn(names: readonly string[]): string[] {
  return names.flatMap((name) => name.match(/(?<![\p{L}\p{N}])eck-[a-z0-9]+(?![\p{L}\p{N}])/gu) ?? []);
}

function hasClientKey({ content }: KubeconfigUser): boolean {
  return Boolean(content['client-key-data']) || Boolean(content['client-key']);
}

export function refusal(message: string, fix?: string): EckError {
  return new EckError('context-not-convertible', message, { fix });
}

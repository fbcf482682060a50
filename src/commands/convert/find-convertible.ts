import { EckError, printable } from '../../errors.js';
import type { KubeconfigUser } from '../../kubeconfig/user.js';
import type { Mapping } from '../../mapping.js';
import { clusterIdsIn } from './cluster-ids.js';

/** Which contexts the person named. */
export interface Selection {
  /** None means all of them. */
  readonly contextNames: readonly string[];
  /** The cluster of the one context that was named, where the person said it. */
  readonly clusterId: string | undefined;
}

/** A user with a client key of its own, and the clusters that it is used for. */
export interface ConvertibleUser {
  readonly user: KubeconfigUser;
  /** One for each cluster. More than one where contexts of different clusters share the user. */
  readonly clusters: readonly ClusterOfUser[];
  /** Contexts that have to keep the user as it is: of no known cluster, or not named by the person. */
  readonly otherContexts: readonly string[];
}

/** A cluster that a user is used for. */
export interface ClusterOfUser {
  readonly clusterId: string;
  readonly contexts: readonly string[];
  /** Whether the person said which cluster it is, rather than a name in the kubeconfig. */
  readonly isGiven: boolean;
}

/** What there is to convert, and what there is not. */
export interface Findings {
  readonly convertible: readonly ConvertibleUser[];
  /** Contexts, or the users of none, whose client key stays, since no name says which ECK cluster they are of. */
  readonly unrecognised: readonly string[];
  /** Contexts whose credentials come from this plugin already. */
  readonly converted: readonly string[];
}

/**
 * Finds the users whose client key can be moved into a store: those with a key of their own, whose cluster is an ECK
 * cluster, by the id in the name of the context, of its cluster or of the user itself. A context without an id has the
 * one of another context of the same user and cluster.
 *
 * @throws EckError `context-not-found` or `context-not-convertible` for a context that the person named
 */
export function findConvertible(
  {
    users,
    contextNames,
  }: { readonly users: readonly KubeconfigUser[]; readonly contextNames: readonly string[] },
  selection: Selection,
): Findings {
  for (const name of selection.contextNames) checkNamed(name, users, contextNames, selection);
  const isSelected = (name: string): boolean =>
    selection.contextNames.length === 0 || selection.contextNames.includes(name);

  const convertible: ConvertibleUser[] = [];
  const unrecognised: string[] = [];
  for (const user of users.filter(({ content }) => hasClientKey(content))) {
    const byId = new Map<string, { names: string[]; isGiven: boolean }>();
    const without: string[] = [];
    for (const { name, ids, isGiven } of identify(user, selection)) {
      const [id, ...more] = ids;
      if (id === undefined || more.length > 0) {
        without.push(name);
        continue;
      }
      const group = byId.get(id) ?? { names: [], isGiven };
      group.names.push(name);
      byId.set(id, group);
    }
    const groups = [...byId].map(([clusterId, { names, isGiven }]) => ({
      clusterId,
      contexts: names,
      isGiven,
    }));
    const wanted = groups.filter(({ contexts }) => contexts.some(isSelected));
    const unwanted = groups.filter((group) => !wanted.includes(group)).flatMap(({ contexts }) => contexts);
    if (user.contexts.length === 0) {
      // Nobody uses it, so that its own name is all there is.
      const [clusterId, ...more] = clusterIdsIn(user.name);
      if (selection.contextNames.length > 0) continue;
      if (clusterId === undefined || more.length > 0) unrecognised.push(user.name);
      else
        convertible.push({
          user,
          clusters: [{ clusterId, contexts: [], isGiven: false }],
          otherContexts: [],
        });
      continue;
    }
    unrecognised.push(...without.filter(isSelected));
    if (wanted.length > 0)
      convertible.push({ user, clusters: wanted, otherContexts: [...without, ...unwanted] });
  }
  const converted = users
    .filter(({ isOwn }) => isOwn)
    .flatMap(({ contexts }) => contexts.map(({ name }) => name))
    .filter(isSelected);
  return { convertible, unrecognised, converted };
}

/** A context, and the ids of the clusters that it may be of. */
interface IdentifiedContext {
  readonly name: string;
  readonly ids: readonly string[];
  readonly isGiven: boolean;
}

function identify({ name: userName, contexts }: KubeconfigUser, selection: Selection): IdentifiedContext[] {
  const { clusterId } = selection;
  const identified = contexts.map(({ name, clusterName }) => {
    const isGiven = clusterId !== undefined && selection.contextNames.includes(name);
    const ids = isGiven
      ? [clusterId]
      : [...new Set([name, clusterName ?? '', userName].flatMap(clusterIdsIn))];
    return { name, clusterName, ids, isGiven };
  });
  return identified.map((context) => {
    if (context.ids.length > 0 || context.clusterName === undefined) return context;
    const related = identified.filter(({ clusterName }) => clusterName === context.clusterName);
    return { ...context, ids: [...new Set(related.flatMap(({ ids }) => ids))] };
  });
}

function checkNamed(
  name: string,
  users: readonly KubeconfigUser[],
  contextNames: readonly string[],
  selection: Selection,
): void {
  const shown = printable(name);
  if (!contextNames.includes(name)) {
    throw new EckError(
      'context-not-found',
      `The user kubeconfig has no context "${shown}"; see: kubectl config get-contexts`,
    );
  }
  const refuse = (why: string): never => {
    throw new EckError('context-not-convertible', `Context "${shown}" cannot be converted: ${why}`);
  };
  const user = users.find(({ contexts }) => contexts.some((context) => context.name === name));
  if (user === undefined) return refuse('its user does not exist in the user kubeconfig');
  if (user.isOwn) return;
  if (!hasClientKey(user.content)) {
    return refuse(
      `its user "${printable(user.name)}" signs in with ${waysToSignIn(user.content)}, and has no client key`,
    );
  }
  const [id, ...more] = identify(user, selection).find((context) => context.name === name)?.ids ?? [];
  if (id === undefined) {
    return refuse('no name in it says which ECK cluster it is of; say it with --cluster-id eck-…');
  }
  if (more.length > 0) {
    const ids = [id, ...more].map((each) => printable(each)).join(', ');
    refuse(`its names hold the ids of different clusters (${ids}); say which one with --cluster-id`);
  }
}

function hasClientKey(user: Mapping): boolean {
  return Boolean(user['client-key-data']) || Boolean(user['client-key']);
}

const ways: Readonly<Record<string, string>> = {
  exec: 'another exec entry',
  'auth-provider': 'an auth-provider',
  token: 'a token',
  tokenFile: 'a token',
  username: 'a password',
  password: 'a password',
};

/** The ways to sign in that a user has besides a client certificate, in words; `nothing` where there is none. */
export function waysToSignIn(user: Mapping): string {
  const found = Object.entries(ways).flatMap(([field, words]) => (user[field] ? [words] : []));
  return found.length === 0 ? 'nothing' : [...new Set(found)].join(' and ');
}

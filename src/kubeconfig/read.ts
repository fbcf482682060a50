import { isMapping, type Mapping } from '../mapping.js';
import { isOwnUser, type Section } from './entry.js';
import { readText, type KubeconfigPaths } from './files.js';
import { entriesOf, parseKubeconfig, type KubeconfigFile, type NamedEntry } from './parse.js';

/** Several kubeconfig files merged as kubectl does: the first to define something wins. */
export interface MergedKubeconfig extends Readonly<Record<Section, ReadonlyMap<string, LocatedEntry>>> {
  readonly currentContext: string | undefined;
}

/** An entry and its file. */
export interface LocatedEntry extends NamedEntry {
  readonly file: KubeconfigFile;
}

/** Reads every file of the user kubeconfig. Missing files count as empty. */
export function readFiles(paths: KubeconfigPaths): Promise<KubeconfigFile[]> {
  return Promise.all(
    paths.map(async (path) => {
      const read = await readText(path);
      return parseKubeconfig(path, read?.text, read?.isUtf16);
    }),
  );
}

/** Merges files that are in kubectl's order. */
export function mergeKubeconfigs(files: readonly KubeconfigFile[]): MergedKubeconfig {
  const merge = (section: Section): ReadonlyMap<string, LocatedEntry> => {
    const merged = new Map<string, LocatedEntry>();
    for (const file of files) {
      for (const entry of entriesOf(file.content, section)) {
        if (!merged.has(entry.name)) merged.set(entry.name, { ...entry, file });
      }
    }
    return merged;
  };
  return {
    clusters: merge('clusters'),
    users: merge('users'),
    contexts: merge('contexts'),
    currentContext: files.map(({ content }) => stringOf(content['current-context'])).find(Boolean),
  };
}

/**
 * The names of our entries: users whose `exec` entry runs `kubectl-eck`, contexts of these users, and clusters of
 * these contexts.
 */
export function ownEntries(merged: MergedKubeconfig): Readonly<Record<Section, ReadonlySet<unknown>>> {
  const users = [...merged.users.values()].filter(({ content }) => isOwnUser(content));
  const own = new Set<unknown>(users.map(({ name }) => name));
  const contexts = [...merged.contexts.values()].filter(({ content }) => own.has(content['user']));
  return {
    clusters: new Set(contexts.map(({ content }) => content['cluster'])),
    users: own,
    contexts: new Set(contexts.map(({ name }) => name)),
  };
}

/** The contexts of the user kubeconfig. */
export interface UserContexts {
  readonly currentContext: string | undefined;
  /** In the order of the files. */
  readonly contexts: readonly UserContext[];
}

/** A context with its user and cluster, which may not exist. */
export interface UserContext {
  readonly name: string;
  readonly file: string;
  readonly clusterName: string | undefined;
  readonly userName: string | undefined;
  readonly namespace: string | undefined;
  readonly server: string | undefined;
  /** Whether its user's `exec` entry runs this plugin. */
  readonly isOwn: boolean;
  /** The arguments of the `exec` entry, if it is ours. */
  readonly execArgs: readonly string[];
  /** The variables that the `exec` entry sets, if it is ours. */
  readonly execEnvironment: Readonly<Record<string, string>>;
  /** `clusterId` of the cluster's `exec` extension. */
  readonly clusterInfoId: string | undefined;
  /** The user's content, which may hold secrets. Empty if there is no such user. */
  readonly user: Mapping;
  readonly cluster: Mapping | undefined;
  /** The file of the cluster: its relative paths start there. */
  readonly clusterFile: string | undefined;
}

/**
 * Reads the contexts of the user kubeconfig as kubectl sees them.
 *
 * @throws EckError `kubeconfig-unusable` if a file cannot be read
 */
export async function readContexts(paths: KubeconfigPaths): Promise<UserContexts> {
  const { contexts, clusters, users, currentContext } = mergeKubeconfigs(await readFiles(paths));
  return {
    currentContext,
    contexts: [...contexts.values()].map(({ name, file, content }): UserContext => {
      const clusterName = stringOf(content['cluster']);
      const userName = stringOf(content['user']);
      const cluster = clusters.get(clusterName ?? '');
      const user = users.get(userName ?? '')?.content ?? {};
      const isOwn = isOwnUser(user);
      const exec = isOwn ? (user['exec'] as Mapping) : {};
      return {
        name,
        file: file.path,
        clusterName,
        userName,
        namespace: stringOf(content['namespace']),
        server: stringOf(cluster?.content['server']),
        isOwn,
        execArgs: ((exec['args'] ?? []) as (string | null)[]).map((arg) => arg ?? ''),
        execEnvironment: Object.fromEntries(
          mappingsIn(exec['env']).map(({ name: variable, value }) => [variable ?? '', value ?? '']),
        ) as Record<string, string>,
        clusterInfoId: clusterInfoId(cluster?.content['extensions']),
        user,
        cluster: cluster?.content,
        clusterFile: cluster?.file.path,
      };
    }),
  };
}

/** A user of one file, and the contexts that use it. */
export interface KubeconfigUser {
  readonly name: string;
  readonly file: string;
  /** The user's content, which may hold secrets. */
  readonly content: Mapping;
  /** Whether its `exec` entry runs this plugin. */
  readonly isOwn: boolean;
  readonly contexts: readonly { readonly name: string; readonly clusterName: string | undefined }[];
}

/**
 * Reads the users of every file. A context counts for the user of its own file, since files are also used one by one,
 * else for the user that kubectl finds.
 *
 * @throws EckError `kubeconfig-unusable` if a file cannot be read
 */
export async function readUsers(paths: KubeconfigPaths): Promise<KubeconfigUser[]> {
  const files = await readFiles(paths);
  const merged = mergeKubeconfigs(files);
  const users = files.flatMap((file) =>
    entriesOf(file.content, 'users').map(({ name, content }) => ({
      name,
      file: file.path,
      content,
      isOwn: isOwnUser(content),
      contexts: [] as { name: string; clusterName: string | undefined }[],
    })),
  );
  const byFile = new Map(users.map((user) => [`${user.file}\0${user.name}`, user]));
  for (const { name, file, content } of merged.contexts.values()) {
    const userName = stringOf(content['user']) ?? '';
    const found = merged.users.get(userName)?.file.path ?? '';
    const user = byFile.get(`${file.path}\0${userName}`) ?? byFile.get(`${found}\0${userName}`);
    user?.contexts.push({ name, clusterName: stringOf(content['cluster']) });
  }
  return users;
}

function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** kubectl passes this extension on as `spec.cluster.config`. */
function clusterInfoId(extensions: unknown): string | undefined {
  const found = mappingsIn(extensions).find(({ name }) => name === 'client.authentication.k8s.io/exec');
  const config = found?.['extension'];
  return isMapping(config) ? stringOf(config['clusterId']) : undefined;
}

function mappingsIn(list: unknown): Mapping[] {
  return Array.isArray(list) ? list.filter(isMapping) : [];
}

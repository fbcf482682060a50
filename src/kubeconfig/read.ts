import { isMapping, messageOf, textOf, type Mapping } from '../errors.js';
import { isOwnUser, type Section } from './entry.js';
import { cannot, readText, type KubeconfigPaths } from './files.js';
import { entriesOf, FieldProblem, lineOf, parseKubeconfig, type KubeconfigFile, type NamedEntry } from './parse.js';

/** Several kubeconfig files merged as kubectl does: the first to define something wins. */
export type MergedKubeconfig = ReturnType<typeof mergeKubeconfigs>;

/** Reads every file of the user kubeconfig. Missing files count as empty. @throws EckError `kubeconfig-unusable` */
export function readFiles(paths: KubeconfigPaths): Promise<KubeconfigFile[]> {
  return Promise.all(
    paths.map(async (path) => {
      const { text, isUtf16 } = (await readText(path)) ?? { text: undefined, isUtf16: false };
      try {
        return parseKubeconfig(path, text, isUtf16);
      } catch (error) {
        const { cause } = error as Error;
        const line = cause instanceof FieldProblem ? await lineOf(text ?? '', cause.field) : undefined;
        throw line === undefined ? error : cannot('read', path, `line ${line}: ${messageOf(cause)}`);
      }
    }),
  );
}

export function mergeKubeconfigs(files: readonly KubeconfigFile[]) {
  const merge = (section: Section): ReadonlyMap<string, NamedEntry> => {
    const merged = new Map<string, NamedEntry>();
    for (const entry of files.flatMap((file) => entriesOf(file, section))) {
      if (!merged.has(entry.name)) merged.set(entry.name, entry);
    }
    return merged;
  };
  return {
    clusters: merge('clusters'),
    users: merge('users'),
    contexts: merge('contexts'),
    currentContext: files.map(({ content }) => textOf(content['current-context'])).find(Boolean),
    /** Where new entries and `current-context` go: the first file that exists, else the last one. */
    destination: files.find(({ text }) => text !== undefined) ?? files.at(-1),
  };
}

/** The names of users whose `exec` entry runs this plugin, of their contexts, and of the clusters of these. */
export function ownEntries(merged: MergedKubeconfig): Readonly<Record<Section, ReadonlySet<unknown>>> {
  const ours = [...merged.users.values()].filter(({ content }) => isOwnUser(content));
  const users = new Set<unknown>(ours.map(({ name }) => name));
  const contexts = [...merged.contexts.values()].filter(({ content }) => users.has(content['user']));
  return {
    clusters: new Set(contexts.map(({ content }) => content['cluster'])),
    users,
    contexts: new Set(contexts.map(({ name }) => name)),
  };
}

export type UserContexts = Awaited<ReturnType<typeof readContexts>>;

/** A context with its user and cluster, which may be missing. */
export type UserContext = UserContexts['contexts'][number];

/** Reads the contexts of the user kubeconfig as kubectl sees them, in the order of the files. */
export async function readContexts(paths: KubeconfigPaths) {
  return contextsIn(mergeKubeconfigs(await readFiles(paths)));
}

export function contextsIn({ contexts, clusters, users, currentContext, destination }: MergedKubeconfig) {
  return {
    currentContext,
    destination: destination?.path,
    contexts: [...contexts.values()].map(({ name, file, content }) => {
      const userName = textOf(content['user']);
      const user = users.get(userName ?? '')?.content ?? {};
      const cluster = clusters.get(textOf(content['cluster']) ?? '');
      const isOwn = isOwnUser(user);
      const exec = isOwn ? (user['exec'] as Mapping) : {};
      const variables = mappingsIn(exec['env']).map(({ name, value }) => [name ?? '', value ?? '']);
      return {
        name,
        file: file.path,
        userName,
        /** The user's content, which may hold secrets. Empty if there is no such user. */
        user,
        /** Whether its user's `exec` entry runs this plugin. */
        isOwn,
        /** Arguments and variables of the `exec` entry, if it is ours. */
        execArgs: ((exec['args'] ?? []) as (string | null)[]).map((arg) => arg ?? ''),
        execEnvironment: Object.fromEntries(variables) as Record<string, string>,
        cluster: cluster?.content,
        /** Relative paths in the cluster start there. */
        clusterFile: cluster?.file.path,
        clusterInfoId: clusterInfoId(cluster?.content['extensions']),
      };
    }),
  };
}

/** A user of one file, and the contexts that use it. */
export type KubeconfigUser = Awaited<ReturnType<typeof readUsers>>[number];

/**
 * Reads the users of every file. A context has the user and the cluster of its own file, since files are also used one
 * by one, else those that kubectl finds.
 */
export async function readUsers(paths: KubeconfigPaths) {
  const files = await readFiles(paths);
  const entries = (section: Section) => files.flatMap((file) => entriesOf(file, section));
  const [users, clusters] = [entries('users'), entries('clusters')];
  const contexts = [...mergeKubeconfigs(files).contexts.values()].map(({ name, file, content }) => {
    const find = (list: readonly NamedEntry[], wanted: unknown) => {
      const namesakes = list.filter((entry) => entry.name === wanted);
      return namesakes.find((entry) => entry.file === file) ?? namesakes[0];
    };
    const cluster = find(clusters, content['cluster']);
    const [clusterName, clusterFile] = [textOf(content['cluster']), cluster?.file.path];
    const context = { name, clusterName, cluster: cluster?.content, clusterFile };
    return { context, user: find(users, content['user']) };
  });
  return users.map((user) => ({
    name: user.name,
    file: user.file.path,
    /** It may hold secrets. */
    content: user.content,
    isOwn: isOwnUser(user.content),
    contexts: contexts.filter((each) => each.user === user).map(({ context }) => context),
  }));
}

/** kubectl passes this extension on as `spec.cluster.config`. */
function clusterInfoId(extensions: unknown): string | undefined {
  const found = mappingsIn(extensions).find(({ name }) => name === 'client.authentication.k8s.io/exec');
  const config = found?.['extension'];
  return isMapping(config) ? textOf(config['clusterId']) : undefined;
}

function mappingsIn(list: unknown): Mapping[] {
  return Array.isArray(list) ? list.filter(isMapping) : [];
}

import { rmSync } from 'node:fs';
import type { EckError } from '../errors.js';
import { isMapping, type Mapping } from '../mapping.js';
import { backUp } from './user-backup.js';
import { parseKubeconfig } from './user-document.js';
import type { KubeconfigFile } from './user-document.js';
import type { ContextEntry } from './user-entry.js';
import { exists, makeDirectoryFor, readKubeconfigText, replaceFiles } from './user-files.js';
import type { KubeconfigPaths } from './user-locate.js';
import { defaultPatience, withLocks } from './user-lock.js';
import type { LockLimits } from './user-lock.js';
import { mergeKubeconfigs } from './user-merge.js';
import { isOwnUser } from './user-ownership.js';
import { certainConflicts, planContexts } from './user-plan.js';
import type { WriteReport, WriteRules } from './user-plan.js';
import { planReplacements } from './user-replace.js';
import type { UserReplacement } from './user-replace.js';
import { planRemoval, type RemovalReport } from './user-removal.js';
import { rewriteKubeconfig } from './user-rewrite.js';
import { usersOf } from './user-usage.js';
import type { KubeconfigUser } from './user-usage.js';

// What the rest of the program knows of the user kubeconfig. The files beside this one are its parts.
export { locateKubeconfig } from './user-locate.js';
export { renderKubeconfig } from './user-rewrite.js';
export type { ContextEntry, ExecEntry } from './user-entry.js';
export type { KubeconfigPaths } from './user-locate.js';
export type { LockLimits } from './user-lock.js';
export type { EntryConflict, EntryOutcome, Outcome, WriteReport, WriteRules } from './user-plan.js';
export type { UserReplacement, UserSuccessor } from './user-replace.js';
export type { KubeconfigUser } from './user-usage.js';
export type { RemovalReport } from './user-removal.js';

/**
 * Writes contexts, with their clusters and users, into the user kubeconfig: all of them, or, where anything is in
 * the way, none. {@link planContexts} says what goes where, {@link rewriteKubeconfig} what stays as it is.
 * A file that says already what it should is not touched.
 *
 * @param paths from `locateKubeconfig`
 * @throws EckError `kubeconfig-conflict`, `kubeconfig-locked`, `kubeconfig-unusable`, `usage`; then no file was
 *   changed
 */
export async function writeContexts(
  paths: KubeconfigPaths,
  entries: readonly ContextEntry[],
  rules: WriteRules,
  patience: LockLimits = defaultPatience,
): Promise<WriteReport> {
  await makeDirectoryOfNewFile(paths);
  return withLocks(paths, patience, async () => {
    const files = await readFiles(paths);
    const { changes, report } = planContexts(files, entries, rules);
    await replaceFiles(
      changes.map(({ file, content }) => ({ path: file.path, text: rewriteKubeconfig(file, content) })),
    );
    return report;
  });
}

/**
 * Takes contexts of ours, with their clusters and users, out of the user kubeconfig: all of them, or, where anything is
 * in the way, none. {@link planRemoval} says what goes, {@link rewriteKubeconfig} what stays as it is.
 *
 * @param paths from `locateKubeconfig`
 * @param names of contexts; those that are not ours stay
 * @throws EckError `kubeconfig-locked`, `kubeconfig-unusable`; then no file was changed
 */
export async function removeContexts(
  paths: KubeconfigPaths,
  names: readonly string[],
  patience: LockLimits = defaultPatience,
): Promise<RemovalReport> {
  return withLocks(paths, patience, async () => {
    const { changes, report } = planRemoval(await readFiles(paths), new Set(names));
    const remedy = 'take the entries out with an editor';
    await replaceFiles(
      changes.map(({ file, content }) => ({
        path: file.path,
        text: rewriteKubeconfig(file, content, remedy),
      })),
    );
    return report;
  });
}

/**
 * Finds out, before anything is fetched, what would keep {@link writeContexts} from writing: locks and reads the files
 * as it will. Nothing is made or changed.
 *
 * @returns `kubeconfig-conflict` for each user's name that an entry cannot have without `overwrite`
 * @throws EckError `kubeconfig-locked`, `kubeconfig-unusable`
 */
export async function findConflicts(
  paths: KubeconfigPaths,
  patience: LockLimits = defaultPatience,
): Promise<ReadonlyMap<string, EckError>> {
  return withLocks(paths, patience, async () => certainConflicts(mergeKubeconfigs(await readFiles(paths))));
}

/** What the user kubeconfig says about contexts, all its files together. */
export interface UserContexts {
  readonly currentContext: string | undefined;
  /** In the order of the files. */
  readonly contexts: readonly UserContext[];
}

/** A context in the user kubeconfig. What it refers to may not exist. */
export interface UserContext {
  readonly name: string;
  readonly file: string;
  readonly clusterName: string | undefined;
  readonly userName: string | undefined;
  readonly namespace: string | undefined;
  readonly server: string | undefined;
  /** Whether its user's credential comes from this plugin. */
  readonly isOwn: boolean;
  /** What this plugin is run with, if its credential comes from here. */
  readonly execArgs: readonly string[];
  /** The variables that the `exec` entry adds to the environment. */
  readonly execEnvironment: Readonly<Record<string, string>>;
  /** The cluster's id where the cluster carries it for this plugin (`clusterId` in its `exec` extension). */
  readonly clusterInfoId: string | undefined;
}

/**
 * Reads the contexts of the user kubeconfig, as kubectl would see them. Files that do not exist say nothing.
 *
 * @throws EckError `kubeconfig-unusable` if one of the files cannot be read
 */
export async function readContexts(paths: KubeconfigPaths): Promise<UserContexts> {
  const { contexts, clusters, users, currentContext } = mergeKubeconfigs(await readFiles(paths));
  return {
    currentContext,
    contexts: [...contexts.values()].map(({ name, file, content }): UserContext => {
      const clusterName = stringOf(content['cluster']);
      const userName = stringOf(content['user']);
      const user = users.get(userName ?? '')?.content ?? {};
      const isOwn = isOwnUser(user);
      return {
        name,
        file: file.path,
        clusterName,
        userName,
        namespace: stringOf(content['namespace']),
        server: stringOf(clusters.get(clusterName ?? '')?.content['server']),
        isOwn,
        execArgs: isOwn ? argsOf(user['exec']) : [],
        execEnvironment: isOwn ? environmentOf(user['exec']) : {},
        clusterInfoId: clusterInfoIdOf(clusters.get(clusterName ?? '')?.content['extensions']),
      };
    }),
  };
}

/** Who there is in the user kubeconfig, all its files together. */
export interface UserList {
  /** In the order of the files, see {@link usersOf}. */
  readonly users: readonly KubeconfigUser[];
  /** Every context, also those whose user does not exist. */
  readonly contextNames: readonly string[];
}

/**
 * Reads the users of the user kubeconfig, with their secrets. Files that do not exist say nothing.
 *
 * @throws EckError `kubeconfig-unusable` if one of the files cannot be read
 */
export async function readUsers(paths: KubeconfigPaths): Promise<UserList> {
  const files = await readFiles(paths);
  return { users: usersOf(files), contextNames: [...mergeKubeconfigs(files).contexts.keys()] };
}

/** A kubeconfig file that changes, as text. It may hold secrets. */
export interface FileChange {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/**
 * Tells what {@link replaceUsers} would do to each file, and writes none.
 *
 * @throws EckError `kubeconfig-unusable`
 */
export async function previewReplacedUsers(
  paths: KubeconfigPaths,
  replacements: readonly UserReplacement[],
): Promise<FileChange[]> {
  return planReplacements(await readFiles(paths), replacements).map(({ file, content }) => ({
    path: file.path,
    before: file.text ?? '',
    after: rewriteKubeconfig(file, content, 'write the users out by hand, without aliases, and try again'),
  }));
}

/** What {@link replaceUsers} wrote. */
export interface ReplaceReport {
  readonly writtenFiles: readonly string[];
  /** The copies of what these files said before, where they were asked for. */
  readonly backups: readonly string[];
}

/**
 * Replaces users of the user kubeconfig, all of them or none: {@link planReplacements} says what becomes of them.
 *
 * @param rules `backUp` keeps what the files said before in files beside them
 * @throws EckError `kubeconfig-locked`, `kubeconfig-unusable`; then no file was changed, and no copy is kept
 */
export async function replaceUsers(
  paths: KubeconfigPaths,
  replacements: readonly UserReplacement[],
  rules: { readonly backUp: boolean },
  patience: LockLimits = defaultPatience,
): Promise<ReplaceReport> {
  return withLocks(paths, patience, async () => {
    const changes = await previewReplacedUsers(paths, replacements);
    const backups: string[] = [];
    try {
      if (rules.backUp) for (const { path, before } of changes) backups.push(await backUp(path, before));
      await replaceFiles(changes.map(({ path, after }) => ({ path, text: after })));
    } catch (error) {
      for (const backup of backups) rmSync(backup, { force: true });
      throw error;
    }
    return { writtenFiles: changes.map(({ path }) => path), backups };
  });
}

async function readFiles(paths: KubeconfigPaths): Promise<KubeconfigFile[]> {
  return Promise.all(paths.map(async (path) => parseKubeconfig(path, await readKubeconfigText(path))));
}

/** Where no file exists, the last one is made, and its directory has to be there for the lock. */
async function makeDirectoryOfNewFile(paths: KubeconfigPaths): Promise<void> {
  const found = await Promise.all(paths.map(exists));
  const last = paths.at(-1);
  if (last !== undefined && !found.includes(true)) await makeDirectoryFor(last);
}

function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function argsOf(exec: unknown): string[] {
  const args = isMapping(exec) ? exec['args'] : undefined;
  return Array.isArray(args) ? args.filter((arg) => typeof arg === 'string') : [];
}

function environmentOf(exec: unknown): Record<string, string> {
  return Object.fromEntries(
    mappingsIn(isMapping(exec) ? exec['env'] : undefined).flatMap(({ name, value }) =>
      typeof name === 'string' && typeof value === 'string' ? [[name, value]] : [],
    ),
  );
}

/** What kubectl passes on as `spec.cluster.config` stands under this reserved name. */
function clusterInfoIdOf(extensions: unknown): string | undefined {
  const found = mappingsIn(extensions).find(({ name }) => name === 'client.authentication.k8s.io/exec');
  const config = found?.['extension'];
  return isMapping(config) ? stringOf(config['clusterId']) : undefined;
}

function mappingsIn(list: unknown): Mapping[] {
  return Array.isArray(list) ? list.filter(isMapping) : [];
}

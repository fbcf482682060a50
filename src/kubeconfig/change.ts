import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { EckError, printable, quoted } from '../errors.js';
import type { Mapping } from '../mapping.js';
import { editKubeconfig } from './edit.js';
import { execContent, isOwnUser, mergedContent, type ContextEntry, type ExecEntry } from './entry.js';
import { makeDirectoryFor, type KubeconfigPaths } from './files.js';
import { withLocks } from './lock.js';
import { entriesOf, parseKubeconfig, type KubeconfigFile } from './parse.js';
import {
  conflictError,
  noChanges,
  planContexts,
  planRemoval,
  type Changes,
  type Plan,
  type PlannedOutcomes,
  type WriteRules,
} from './plan.js';
import { mergeKubeconfigs, readFiles } from './read.js';
import { replaceFiles } from './write.js';

export type { EntryOutcome, Outcome, WriteRules } from './plan.js';

/** What every change reports. */
interface ChangeReport {
  readonly writtenFiles: readonly string[];
  /** The current context of all files together. */
  readonly currentContext: { readonly before: string | undefined; readonly after: string | undefined };
}

export type WriteReport = ChangeReport & PlannedOutcomes;

export type RemovalReport = ChangeReport & { readonly contextNames: readonly string[] };

const writeFix = 'write the entries to another file with --kubeconfig, or use --print';

/**
 * Writes contexts with their clusters and users into the user kubeconfig: all of them, or none if there is a conflict.
 * An entry is changed in its file; a new one goes to the first file that exists, else to the last one, and so does
 * `current-context`. What a person added to entries of ours stays.
 *
 * @throws EckError `kubeconfig-conflict`, `kubeconfig-locked`, `kubeconfig-unusable`; `usage` if two entries want
 *   different content under one name
 */
export async function writeContexts(
  paths: KubeconfigPaths,
  entries: readonly ContextEntry[],
  rules: WriteRules,
): Promise<WriteReport> {
  // The lock of a new file needs its directory.
  if (!paths.some((path) => existsSync(path))) makeDirectoryFor(paths.at(-1) ?? paths[0]);
  return changeFiles(paths, writeFix, (files) => planContexts(files, entries, rules));
}

/**
 * Removes contexts of ours from every file, with their users, and their clusters, unless another context refers to
 * them. A `current-context` that names one of them becomes empty.
 *
 * @throws EckError `kubeconfig-locked`, `kubeconfig-unusable`
 */
export async function removeContexts(
  paths: KubeconfigPaths,
  names: readonly string[],
): Promise<RemovalReport> {
  const removeFix = 'remove the entries with an editor';
  return changeFiles(paths, removeFix, (files) => planRemoval(files, new Set(names)));
}

/** A user that gets an `exec` entry in place of its other credentials. */
export interface UserReplacement {
  readonly name: string;
  readonly file: string;
  /** The user's content as it was read. */
  readonly content: Mapping;
  readonly exec: ExecEntry;
}

/**
 * Replaces users in place. Names, contexts, and what a person added to the users stay.
 *
 * @throws EckError `kubeconfig-locked`; `kubeconfig-unusable`, also if a user changed since it was read
 */
export async function replaceUsers(
  paths: KubeconfigPaths,
  replacements: readonly UserReplacement[],
): Promise<{ readonly writtenFiles: readonly string[] }> {
  return changeFiles(paths, 'replace the users with an editor', (files) => {
    const changes = noChanges(files);
    for (const { name, file: path, content, exec } of replacements) {
      const file = files.find((each) => each.path === path);
      const entry = file && entriesOf(file.content, 'users').find((each) => each.name === name);
      if (file === undefined || entry === undefined || !isDeepStrictEqual(entry.content, content)) {
        const message = `The user ${quoted(name)} in ${printable(path)} changed meanwhile`;
        throw new EckError('kubeconfig-unusable', message, { fix: 'Run the command again' });
      }
      const user = mergedContent('users', content, { exec: execContent(exec) });
      changes.get(file)?.items.push({ section: 'users', name, item: { ...entry.item, user } });
    }
    return { changes, report: {} };
  });
}

/**
 * The users that another program wrote, by name: an entry of that name cannot be written without `overwrite`. Locks
 * and reads the files as a change does, so that problems are found early.
 *
 * @throws EckError `kubeconfig-locked`, `kubeconfig-unusable`
 */
export async function findConflicts(paths: KubeconfigPaths): Promise<ReadonlyMap<string, EckError>> {
  const { users } = await withLocks(paths, async () => mergeKubeconfigs(await readFiles(paths)));
  const others = [...users.values()].filter(({ content }) => !isOwnUser(content));
  return new Map(others.map(({ name, file }) => [name, conflictError({ section: 'users', name }, file)]));
}

/**
 * A kubeconfig with only these contexts.
 *
 * @throws EckError `usage` if two entries want different content under one name
 */
export function renderKubeconfig(
  entries: readonly ContextEntry[],
  { setCurrentContext }: { readonly setCurrentContext: boolean },
): string {
  const empty = parseKubeconfig('', undefined);
  const { changes } = planContexts([empty], entries, { setCurrentContext, overwrite: false });
  return renderChanges(changes, writeFix)
    .map(({ text }) => text)
    .join('');
}

async function changeFiles<Report>(
  paths: KubeconfigPaths,
  fix: string,
  plan: (files: readonly KubeconfigFile[]) => Plan<Report>,
): Promise<Report & ChangeReport> {
  return withLocks(paths, async () => {
    const files = await readFiles(paths);
    const { changes, report } = plan(files);
    const edited = renderChanges(changes, fix);
    replaceFiles(edited);
    const after = files.map((file) => changes.get(file)?.currentContext ?? file.content['current-context']);
    return {
      ...report,
      writtenFiles: edited.map(({ path }) => path),
      currentContext: {
        before: mergeKubeconfigs(files).currentContext,
        after: after.find((name): name is string => typeof name === 'string' && name !== ''),
      },
    };
  });
}

function renderChanges(changes: Changes, fix: string): { readonly path: string; readonly text: string }[] {
  return [...changes]
    .filter(([, { items, currentContext }]) => items.length > 0 || currentContext !== undefined)
    .map(([file, change]) => ({ path: file.path, text: editKubeconfig(file, change, fix) }));
}

import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { EckError, printable, quoted } from '../errors.js';
import { editKubeconfig, type ItemChange } from './edit.js';
import { contentsOf, isOwnUser, kinds, mergedContent, sections, type ContextEntry } from './entry.js';
import type { KubeconfigPaths } from './files.js';
import { entriesOf, parseKubeconfig, type KubeconfigFile, type NamedEntry } from './parse.js';
import { contextsIn, mergeKubeconfigs, ownEntries, readFiles, type KubeconfigUser } from './read.js';
import { makeDirectoryFor, replaceFiles, withLocks } from './write.js';

export interface WriteRules {
  /** Replaces entries of the same names that this plugin did not write, as a whole. */
  readonly overwrite: boolean;
  /** Makes the context of the first entry the current one. */
  readonly setCurrentContext: boolean;
}

/** `added`: the context is new. `updated`: an entry changed. `unchanged`: nothing did. */
export type Outcome = 'added' | 'updated' | 'unchanged';

export interface WriteReport {
  /** In the order of the wanted entries, without those with conflicts. `file` is the file of the context. */
  readonly entries: { readonly contextName: string; readonly file: string; readonly outcome: Outcome }[];
  /** Entries that are not written, with `kubeconfig-conflict`. */
  readonly conflicts: { readonly contextName: string; readonly error: EckError }[];
  /** The current context of all files together. */
  readonly currentContext: { readonly before: string | undefined; readonly after: string | undefined };
}

/**
 * Writes contexts of different names into the user kubeconfig, but for those with conflicts. An entry is changed in its
 * file; a new one and `current-context` go to the first file that exists, else to the last one.
 */
export async function writeContexts(
  paths: KubeconfigPaths,
  entries: readonly ContextEntry[],
  rules: WriteRules,
): Promise<WriteReport> {
  // The lock of a new file needs its directory.
  if (!paths.some((path) => existsSync(path))) makeDirectoryFor(paths.at(-1) ?? paths[0]);
  return changeFiles(paths, (files, changes) => planContexts(files, changes, entries, rules));
}

/** A kubeconfig with only these contexts, of different names. */
export function renderKubeconfig(entries: readonly ContextEntry[], rules: WriteRules): string {
  const file = parseKubeconfig('', undefined);
  const changes: Changes = { items: [], currentContexts: new Map() };
  planContexts([file], changes, entries, rules);
  return editedFile(file, changes)?.text ?? '';
}

/** Removes contexts of ours from every file, with their users and clusters, unless another context refers to these. */
export async function removeContexts(
  paths: KubeconfigPaths,
  names: readonly string[],
): Promise<Pick<WriteReport, 'currentContext'> & { readonly contextNames: readonly string[] }> {
  return changeFiles(paths, (files, changes) => {
    const merged = mergeKubeconfigs(files);
    const own = ownEntries(merged);
    const contexts = files.flatMap((file) => entriesOf(file, 'contexts'));
    const isOurs = ({ content }: NamedEntry) => own.users.has(content['user']);
    const gone = contexts.filter((context) => names.includes(context.name) && isOurs(context));
    const left = contexts.filter((context) => !gone.includes(context));
    const contextNames = new Set(gone.map(({ name }) => name));
    const remove = (entry: NamedEntry) => changes.items.push({ ...entry, item: undefined });
    gone.forEach(remove);
    for (const section of ['users', 'clusters'] as const) {
      const referred = (list: typeof contexts) => new Set(list.map(({ content }) => content[kinds[section]]));
      const [unused, used] = [referred(gone), referred(left)];
      for (const entry of files.flatMap((file) => entriesOf(file, section))) {
        const { name, file, content } = entry;
        // An entry that an earlier file defines, too, may belong to another program.
        const isOwn = section === 'users' ? isOwnUser(content) : merged.clusters.get(name)?.file === file;
        if (isOwn && unused.has(name) && !used.has(name)) remove(entry);
      }
    }
    for (const file of files) {
      const current = file.content['current-context'];
      if (contextNames.has(current as string)) changes.currentContexts.set(file, '');
    }
    return { contextNames: [...contextNames] };
  });
}

/** Gives users an `exec` entry in place of their other credentials. It is an error if one changed since it was read. */
export async function replaceUsers(
  paths: KubeconfigPaths,
  replacements: readonly (KubeconfigUser & Pick<ContextEntry, 'exec'>)[],
): Promise<void> {
  await changeFiles(paths, (files, changes) => {
    const users = files.flatMap((file) => entriesOf(file, 'users'));
    for (const { name, file: path, content, exec } of replacements) {
      const found = users.find((user) => user.name === name && user.file.path === path);
      if (found === undefined || !isDeepStrictEqual(found.content, content)) {
        const message = `The user ${quoted(name)} in ${printable(path)} changed meanwhile`;
        throw new EckError('kubeconfig-unusable', message, { fix: 'Run the command again' });
      }
      const item = { ...found.item, user: mergedContent(content, { exec }) };
      changes.items.push({ ...found, item });
    }
    return {};
  });
}

/**
 * Locks and reads the files as a change does, so that problems are found early. The conflicts are by the name of a user
 * or context that another program wrote: an entry of that name cannot be written without `overwrite`.
 */
export async function readBeforeWriting(paths: KubeconfigPaths) {
  const merged = await withLocks(paths, async () => mergeKubeconfigs(await readFiles(paths)));
  const own = ownEntries(merged);
  const contexts = [...merged.contexts.values()];
  const whole = contexts.filter(({ content }) => merged.users.has(content['user'] as string));
  const others = [...merged.users.values(), ...whole].filter(({ section, name }) => !own[section].has(name));
  const conflicts = new Map(others.map((entry) => [entry.name, conflictError(entry)] as const));
  const names = sections.flatMap((section) => [...merged[section].keys()]);
  return { conflicts, names, ...contextsIn(merged) };
}

interface Changes {
  readonly items: (ItemChange & { readonly file: KubeconfigFile })[];
  readonly currentContexts: Map<KubeconfigFile, string>;
}

/** Locks and reads the files, and makes all changes that `plan` adds, or none. @throws EckError `kubeconfig-…` */
async function changeFiles<Report>(
  paths: KubeconfigPaths,
  plan: (files: readonly KubeconfigFile[], changes: Changes) => Report,
): Promise<Report & Pick<WriteReport, 'currentContext'>> {
  return withLocks(paths, async () => {
    const files = await readFiles(paths);
    const changes: Changes = { items: [], currentContexts: new Map() };
    const report = plan(files, changes);
    replaceFiles(files.flatMap((file) => editedFile(file, changes) ?? []));
    const before = files.map((file) => file.content['current-context'] as string | undefined);
    const after = files.map((file, index) => changes.currentContexts.get(file) ?? before[index]);
    return { ...report, currentContext: { before: before.find(Boolean), after: after.find(Boolean) } };
  });
}

function editedFile(file: KubeconfigFile, changes: Changes) {
  const items = changes.items.filter((item) => item.file === file);
  const currentContext = changes.currentContexts.get(file);
  if (items.length === 0 && currentContext === undefined) return undefined;
  return { path: file.path, text: editKubeconfig(file, { items, currentContext }) };
}

function planContexts(
  files: readonly KubeconfigFile[],
  changes: Changes,
  entries: readonly ContextEntry[],
  rules: WriteRules,
): Omit<WriteReport, 'currentContext'> {
  const merged = mergeKubeconfigs(files);
  const own = ownEntries(merged);
  const { destination } = merged;
  if (destination === undefined) throw new EckError('internal', 'There is no kubeconfig file to write to');
  const planned: ReturnType<typeof planContexts> = { entries: [], conflicts: [] };
  for (const entry of entries) {
    const { name } = entry;
    const contents = contentsOf(entry);
    const items: Changes['items'] = [];
    let error: EckError | undefined;
    for (const section of sections) {
      const existing = merged[section].get(name);
      const isOurs = own[section].has(name);
      const content = existing ? mergedContent(existing.content, contents[section]) : contents[section];
      if (existing && isDeepStrictEqual(existing.content, content)) continue;
      if (existing && !isOurs && !rules.overwrite) error ??= conflictError(existing);
      const kind = kinds[section];
      const item = isOurs ? { ...existing?.item, name, [kind]: content } : { name, [kind]: contents[section] };
      items.push({ section, name, item, file: existing?.file ?? destination });
    }
    if (error) {
      planned.conflicts.push({ contextName: name, error });
      continue;
    }
    changes.items.push(...items);
    const context = merged.contexts.get(name);
    const outcome = context === undefined ? 'added' : items.length > 0 ? 'updated' : 'unchanged';
    planned.entries.push({ contextName: name, file: (context?.file ?? destination).path, outcome });
  }
  const current = rules.setCurrentContext ? planned.entries[0]?.contextName : undefined;
  if (current !== undefined && current !== merged.currentContext) {
    changes.currentContexts.set(destination, current);
  }
  return planned;
}

function conflictError({ section, name, file: { path } }: NamedEntry): EckError {
  const message = `The ${kinds[section]} ${quoted(name)} in ${printable(path)} was not written by kubectl-eck`;
  const fix = 'Replace it with --overwrite, or choose another name with --context NAME';
  return new EckError('kubeconfig-conflict', message, { fix });
}

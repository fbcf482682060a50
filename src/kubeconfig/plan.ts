import { isDeepStrictEqual } from 'node:util';
import { EckError, printable, quoted, usageError } from '../errors.js';
import type { Mapping } from '../mapping.js';
import type { ItemChange } from './edit.js';
import {
  isOwnUser,
  kinds,
  mergedContent,
  wantedEntries,
  type ContextEntry,
  type WantedEntry,
} from './entry.js';
import { entriesOf, type KubeconfigFile } from './parse.js';
import { mergeKubeconfigs, ownEntries } from './read.js';

/** How contexts are written. */
export interface WriteRules {
  /** Replaces entries of the same names that this plugin did not write, as a whole. */
  readonly overwrite: boolean;
  /** Makes the context of the first entry the current one. */
  readonly setCurrentContext: boolean;
  /** Leaves out, and reports, entries with conflicts instead of writing none. */
  readonly skipConflicts?: boolean;
}

/** `added`: the context is new. `updated`: an entry changed. `unchanged`: nothing did. */
export type Outcome = 'added' | 'updated' | 'unchanged';

export interface EntryOutcome {
  readonly contextName: string;
  /** The file of the context. */
  readonly file: string;
  readonly outcome: Outcome;
}

/** What becomes of each entry. */
export interface PlannedOutcomes {
  /** One for each entry that is not left out, in their order. */
  readonly entries: readonly EntryOutcome[];
  /** Entries that are left out, with `kubeconfig-conflict`. */
  readonly conflicts: readonly { readonly contextName: string; readonly error: EckError }[];
}

/** The changes of files, in their order. */
export type Changes = Map<KubeconfigFile, { readonly items: ItemChange[]; currentContext?: string }>;

export interface Plan<Report> {
  readonly changes: Changes;
  readonly report: Report;
}

export function noChanges(files: readonly KubeconfigFile[]): Changes {
  return new Map(files.map((file) => [file, { items: [] }]));
}

/**
 * Decides what writing contexts changes.
 *
 * @throws EckError `kubeconfig-conflict`; `usage` if two entries want different content under one name
 */
export function planContexts(
  files: readonly KubeconfigFile[],
  entries: readonly ContextEntry[],
  rules: WriteRules,
): Plan<PlannedOutcomes> {
  const merged = mergeKubeconfigs(files);
  const own = ownEntries(merged);
  const destination = files.find(({ text }) => text !== undefined) ?? files.at(-1);
  if (destination === undefined) throw new EckError('internal', 'There is no kubeconfig file to write to');
  const planEntry = (wanted: WantedEntry): PlannedEntry => {
    const { section, name, content } = wanted;
    const item = { name, [kinds[section]]: content };
    const existing = merged[section].get(name);
    if (existing === undefined) return { wanted, file: destination, outcome: 'added', item };
    const { file } = existing;
    const after = mergedContent(section, existing.content, content);
    if (isDeepStrictEqual(existing.content, after)) return { wanted, file, outcome: 'unchanged' };
    if (!own[section].has(name))
      return { wanted, file, outcome: rules.overwrite ? 'updated' : 'conflict', item };
    return { wanted, file, outcome: 'updated', item: { ...existing.item, [kinds[section]]: after } };
  };

  const changes = noChanges(files);
  const planned = new Map<string, WantedEntry>();
  const outcomes: EntryOutcome[] = [];
  const conflicts: { contextName: string; error: EckError }[] = [];

  for (const entry of entries) {
    const { contextName } = entry;
    const parts = wantedEntries(entry).map(planEntry);
    const conflict = parts.find(({ outcome }) => outcome === 'conflict');
    if (conflict !== undefined) {
      const error = conflictError(conflict.wanted, conflict.file);
      if (rules.skipConflicts !== true) throw error;
      conflicts.push({ contextName, error });
      continue;
    }
    for (const { wanted, file, item } of parts) {
      const { section, name, content } = wanted;
      const earlier = planned.get(`${section}/${name}`);
      if (earlier !== undefined && !isDeepStrictEqual(earlier.content, content)) {
        throw usageError(`Two different ${section} would get the name ${quoted(name)}`);
      }
      planned.set(`${section}/${name}`, wanted);
      if (earlier === undefined && item !== undefined) changes.get(file)?.items.push({ section, name, item });
    }
    const context = parts.find(({ wanted }) => wanted.section === 'contexts');
    const isUnchanged = parts.every(({ outcome }) => outcome === 'unchanged');
    outcomes.push({
      contextName,
      file: context?.file.path ?? '',
      outcome: context?.outcome === 'added' ? 'added' : isUnchanged ? 'unchanged' : 'updated',
    });
  }
  const current = rules.setCurrentContext ? outcomes[0]?.contextName : undefined;
  const change = changes.get(destination);
  if (change && current !== undefined && current !== merged.currentContext) change.currentContext = current;
  return { changes, report: { entries: outcomes, conflicts } };
}

/** A wanted entry, the file that has or gets it, and the item that is written, if any. */
interface PlannedEntry {
  readonly wanted: WantedEntry;
  readonly file: KubeconfigFile;
  readonly outcome: Outcome | 'conflict';
  readonly item?: Mapping;
}

/** The error for an entry that another program wrote. */
export function conflictError(
  { section, name }: Omit<WantedEntry, 'content'>,
  { path }: KubeconfigFile,
): EckError {
  return new EckError(
    'kubeconfig-conflict',
    `The ${kinds[section]} ${quoted(name)} in ${printable(path)} was not written by kubectl-eck`,
    { fix: 'Replace it with --overwrite, or choose another name with --context NAME' },
  );
}

/** Decides what removing contexts of ours changes. */
export function planRemoval(
  files: readonly KubeconfigFile[],
  names: ReadonlySet<string>,
): Plan<{ readonly contextNames: readonly string[] }> {
  const merged = mergeKubeconfigs(files);
  const own = ownEntries(merged);
  const changes = noChanges(files);
  const gone = { contexts: new Set<string>(), users: new Set<unknown>(), clusters: new Set<unknown>() };
  const used = { users: new Set<unknown>(), clusters: new Set<unknown>() };
  for (const [file, { items }] of changes) {
    for (const { name, content } of entriesOf(file.content, 'contexts')) {
      const isGone = names.has(name) && own.users.has(content['user']);
      const references = isGone ? gone : used;
      references.users.add(content['user']);
      references.clusters.add(content['cluster']);
      if (!isGone) continue;
      gone.contexts.add(name);
      items.push({ section: 'contexts', name, item: undefined });
    }
  }
  for (const [file, change] of changes) {
    for (const section of ['users', 'clusters'] as const) {
      for (const { name, content } of entriesOf(file.content, section)) {
        // An entry that an earlier file defines, too, may belong to another program.
        const isOurs = section === 'users' ? isOwnUser(content) : merged.clusters.get(name)?.file === file;
        if (!isOurs || !gone[section].has(name) || used[section].has(name)) continue;
        change.items.push({ section, name, item: undefined });
      }
    }
    const current = file.content['current-context'];
    if (typeof current === 'string' && gone.contexts.has(current)) change.currentContext = '';
  }
  return { changes, report: { contextNames: [...gone.contexts] } };
}

import { isDeepStrictEqual } from 'node:util';
import { EckError, printable, usageError } from '../errors.js';
import type { Mapping } from '../mapping.js';
import type { KubeconfigFile } from './user-document.js';
import { Draft } from './user-draft.js';
import type { DraftChange } from './user-draft.js';
import { keepingExtras, kinds, wantedEntries } from './user-entry.js';
import type { ContextEntry, Section, WantedEntry } from './user-entry.js';
import { mergeKubeconfigs } from './user-merge.js';
import type { LocatedEntry, MergedKubeconfig } from './user-merge.js';
import { isOwnUser, ownEntries } from './user-ownership.js';

/** How contexts are written. */
export interface WriteRules {
  /** Replaces entries of the same names that this plugin did not write. Nothing of them is kept. */
  readonly overwrite: boolean;
  /** Makes the context of the first entry the current one. */
  readonly setCurrentContext: boolean;
  /** Leaves out, and reports, an entry that another one is in the way of, instead of writing none at all. */
  readonly skipConflicts?: boolean;
}

/**
 * What became of an entry: its context is new; or it was there, and some of cluster, user and context was written;
 * or all three said already what they should.
 */
export interface EntryOutcome {
  readonly contextName: string;
  /** The file that the context stands in. */
  readonly file: string;
  readonly outcome: Outcome;
}

export type Outcome = 'added' | 'updated' | 'unchanged';

/** An entry that was left out, since one that this plugin did not write is in the way. */
export interface EntryConflict {
  readonly contextName: string;
  /** `kubeconfig-conflict` */
  readonly error: EckError;
}

/** What was done to the user kubeconfig. */
export interface WriteReport {
  /** One for each entry that was not left out, in their order. */
  readonly entries: readonly EntryOutcome[];
  /** What was left out; nothing, unless conflicts are skipped. */
  readonly conflicts: readonly EntryConflict[];
  /** The files that were written. None if everything was there already. */
  readonly writtenFiles: readonly string[];
  /** The current context of all files together. */
  readonly currentContext: { readonly before: string | undefined; readonly after: string | undefined };
}

/** What is to be done to the user kubeconfig. */
export interface WritePlan {
  /** The files that change, and what each of them says then. */
  readonly changes: readonly { readonly file: KubeconfigFile; readonly content: Mapping }[];
  readonly report: WriteReport;
}

/**
 * Decides what writing contexts does to each of the files, by the rules of `kubectl config`.
 *
 * An entry that exists is changed in the file that it counts in. A new one goes to the first file that exists, else
 * to the last of the list, and so does `current-context`: what the first file says comes before all others. An
 * entry that says already what it should stays as it is, whoever wrote it; one of ours keeps what somebody added to
 * it, see {@link keepingExtras}.
 *
 * @param files in kubectl's order, at least one
 * @throws EckError `kubeconfig-conflict` if an entry is in the way that this plugin did not write, without
 *   `overwrite` or `skipConflicts`; `usage` if two entries want to write different things under one name
 */
export function planContexts(
  files: readonly KubeconfigFile[],
  entries: readonly ContextEntry[],
  rules: WriteRules,
): WritePlan {
  const merged = mergeKubeconfigs(files);
  const own = ownEntries(merged);
  const destination = defaultFile(files);

  const decisions = new Map<string, Decision>();
  for (const [key, wanted] of distinctEntries(entries)) {
    const { section, name } = wanted;
    const existing = merged[section].get(name);
    decisions.set(key, decide(wanted, existing, destination, own[section].has(name), rules.overwrite));
  }
  if (rules.skipConflicts === true) {
    const conflicts = entries.flatMap((entry) => conflictOf(entry, decisions) ?? []);
    if (conflicts.length > 0) {
      const left = new Set(conflicts.map(({ contextName }) => contextName));
      const others = entries.filter(({ contextName }) => !left.has(contextName));
      const plan = planContexts(files, others, rules);
      return { ...plan, report: { ...plan.report, conflicts } };
    }
  }
  rejectConflicts([...decisions.values()]);

  const before = merged.currentContext;
  const after = rules.setCurrentContext ? (entries[0]?.contextName ?? before) : before;

  const drafts = new Map(files.map((file) => [file, new Draft(file.content)]));
  for (const { file, change } of decisions.values()) if (change) drafts.get(file)?.put(change);
  if (after !== undefined && after !== before) drafts.get(destination)?.setCurrentContext(after);
  const changes = files.flatMap((file) => {
    const content = drafts.get(file)?.changedContent();
    return content === undefined ? [] : [{ file, content }];
  });

  const report = {
    entries: entries.map((entry) => outcomeOf(entry, decisions)),
    conflicts: [],
    writtenFiles: changes.map(({ file }) => file.path),
    currentContext: { before, after },
  };
  return { changes, report };
}

/** What is done about one wanted entry. */
interface Decision {
  readonly wanted: WantedEntry;
  readonly outcome: Outcome | 'conflict';
  /** The file that the entry stands in, or is put into. */
  readonly file: KubeconfigFile;
  readonly change?: DraftChange;
}

function decide(
  wanted: WantedEntry,
  existing: LocatedEntry | undefined,
  destination: KubeconfigFile,
  isOwn: boolean,
  overwrite: boolean,
): Decision {
  const { section, name, content } = wanted;
  const kind = kinds[section];
  const asWanted = { name, [kind]: content };
  if (existing === undefined) {
    return { wanted, outcome: 'added', file: destination, change: { section, item: asWanted } };
  }
  const { file, index } = existing;
  const kept = keepingExtras(section, existing.content, content);
  if (isDeepStrictEqual(existing.content, kept)) return { wanted, outcome: 'unchanged', file };
  if (!isOwn && !overwrite) return { wanted, outcome: 'conflict', file };
  const item = isOwn ? { ...existing.item, [kind]: kept } : asWanted;
  return { wanted, outcome: 'updated', file, change: { section, index, item } };
}

/** Every cluster, user and context that the entries are made of, once, under a key of its own. */
function distinctEntries(entries: readonly ContextEntry[]): Map<string, WantedEntry> {
  const distinct = new Map<string, WantedEntry>();
  for (const wanted of entries.flatMap(wantedEntries)) {
    const key = keyOf(wanted.section, wanted.name);
    const earlier = distinct.get(key);
    if (earlier !== undefined && !isDeepStrictEqual(earlier.content, wanted.content)) {
      throw usageError(
        `Two different ${wanted.section} would be written under the name "${printable(wanted.name)}"`,
      );
    }
    distinct.set(key, wanted);
  }
  return distinct;
}

function keyOf(section: Section, name: string): string {
  return `${section}/${name}`;
}

/** Where kubectl puts what is new: the first file that exists, else the last one. */
function defaultFile(files: readonly KubeconfigFile[]): KubeconfigFile {
  const file = files.find(({ text }) => text !== undefined) ?? files.at(-1);
  if (file === undefined) throw new EckError('internal', 'There is no kubeconfig file to write to');
  return file;
}

function rejectConflicts(decisions: readonly Decision[]): void {
  const error = conflictError(decisions, 'Nothing was changed; ');
  if (error !== undefined) throw error;
}

function conflictOf(
  entry: ContextEntry,
  decisions: ReadonlyMap<string, Decision>,
): EntryConflict | undefined {
  const error = conflictError(decisionsOf(entry, decisions), '');
  return error && { contextName: entry.contextName, error };
}

function conflictError(decisions: readonly Decision[], outcome: string): EckError | undefined {
  const conflicts = decisions.filter((decision) => decision.outcome === 'conflict');
  const [first] = conflicts;
  if (first === undefined) return undefined;
  const more = conflicts.length === 1 ? '' : ` (and ${conflicts.length - 1} more)`;
  return inTheWay(first.wanted, `${printable(first.file.path)}${more}`, outcome);
}

function inTheWay(
  { section, name }: Pick<WantedEntry, 'section' | 'name'>,
  where: string,
  outcome: string,
): EckError {
  return new EckError(
    'kubeconfig-conflict',
    `The ${kinds[section]} "${printable(name)}" in ${where} was not written by this plugin. ` +
      `${outcome}replace it with --overwrite, or choose another name with --context NAME`,
  );
}

/**
 * Tells which contexts can not be written without `overwrite`, whatever they are to say: those whose users somebody
 * else wrote under the same names. A cluster or a context may turn out to say what it should.
 */
export function certainConflicts({ users }: MergedKubeconfig): Map<string, EckError> {
  const others = [...users.values()].filter(({ content }) => !isOwnUser(content));
  return new Map(
    others.map(({ name, file }) => [name, inTheWay({ section: 'users', name }, printable(file.path), '')]),
  );
}

function decisionsOf(entry: ContextEntry, decisions: ReadonlyMap<string, Decision>): Decision[] {
  return wantedEntries(entry).flatMap(({ section, name }) => decisions.get(keyOf(section, name)) ?? []);
}

function outcomeOf(entry: ContextEntry, decisions: ReadonlyMap<string, Decision>): EntryOutcome {
  const parts = decisionsOf(entry, decisions);
  const context = decisions.get(keyOf('contexts', entry.contextName));
  return {
    contextName: entry.contextName,
    file: context?.file.path ?? '',
    outcome:
      context?.outcome === 'added'
        ? 'added'
        : parts.every(({ outcome }) => outcome === 'unchanged')
          ? 'unchanged'
          : 'updated',
  };
}

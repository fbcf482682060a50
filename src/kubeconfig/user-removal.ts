import type { Mapping } from '../mapping.js';
import { entriesOf, itemsOf, type KubeconfigFile, type NamedEntry } from './user-document.js';
import { sections, type Section } from './user-entry.js';
import { mergeKubeconfigs } from './user-merge.js';
import { isOwnUser, ownEntries } from './user-ownership.js';

/** What was taken out of the user kubeconfig. */
export interface RemovalReport {
  /** The contexts that are gone. */
  readonly contextNames: readonly string[];
  /** The files that were written. */
  readonly writtenFiles: readonly string[];
  /** The current context of all files together. */
  readonly currentContext: { readonly before: string | undefined; readonly after: string | undefined };
}

/** What is to be done to the user kubeconfig. */
export interface RemovalPlan {
  /** The files that change, and what each of them says then. */
  readonly changes: readonly { readonly file: KubeconfigFile; readonly content: Mapping }[];
  readonly report: RemovalReport;
}

/**
 * Decides what taking contexts out does to each of the files.
 *
 * Only contexts of ours go, from every file that has them. Their users go if they are ours, and their clusters, where no
 * context that stays refers to them. A `current-context` that names one of them becomes '', as `kubectl config unset`
 * leaves it: left as it was, it would stop every kubectl command. A list that has nothing left becomes null, as kubectl
 * writes it.
 *
 * @param files in kubectl's order
 * @param names of contexts; a name that is none of ours is passed over
 */
export function planRemoval(files: readonly KubeconfigFile[], names: ReadonlySet<string>): RemovalPlan {
  const merged = mergeKubeconfigs(files);
  const own = ownEntries(merged);
  const isLeaving = (content: Mapping, name: string): boolean =>
    names.has(name) && typeof content['user'] === 'string' && own.users.has(content['user']);

  const leaving = { clusters: new Set<string>(), users: new Set<string>(), contexts: new Set<string>() };
  const staying = { clusters: new Set<unknown>(), users: new Set<unknown>() };
  for (const file of files) {
    for (const { name, content } of entriesOf(file.content, 'contexts')) {
      const { cluster, user } = content;
      if (!isLeaving(content, name)) {
        staying.clusters.add(cluster);
        staying.users.add(user);
        continue;
      }
      leaving.contexts.add(name);
      if (typeof cluster === 'string') leaving.clusters.add(cluster);
      if (typeof user === 'string') leaving.users.add(user);
    }
  }
  const isGone = (file: KubeconfigFile, section: Section, { name, content }: NamedEntry): boolean => {
    if (section === 'contexts') return isLeaving(content, name);
    if (!leaving[section].has(name) || staying[section].has(name)) return false;
    // An entry of the same name that does not count, since an earlier file has one, may be somebody else's.
    return section === 'users' ? isOwnUser(content) : merged.clusters.get(name)?.file === file;
  };

  const changes = files.flatMap((file) => {
    const content = contentWithout(file, isGone, leaving.contexts);
    return content === undefined ? [] : [{ file, content }];
  });
  const after = mergeKubeconfigs(
    files.map((file) => ({
      ...file,
      content: changes.find((change) => change.file === file)?.content ?? file.content,
    })),
  );
  return {
    changes,
    report: {
      contextNames: [...leaving.contexts],
      writtenFiles: changes.map(({ file }) => file.path),
      currentContext: { before: merged.currentContext, after: after.currentContext },
    },
  };
}

/** What a file says then, or undefined if that is what it says now. */
function contentWithout(
  file: KubeconfigFile,
  isGone: (file: KubeconfigFile, section: Section, entry: NamedEntry) => boolean,
  contextNames: ReadonlySet<string>,
): Mapping | undefined {
  const { content } = file;
  const changed: Record<string, unknown> = {};
  for (const section of sections) {
    const gone = new Set(
      entriesOf(content, section)
        .filter((entry) => isGone(file, section, entry))
        .map(({ index }) => index),
    );
    if (gone.size === 0) continue;
    const rest = itemsOf(content, section).filter((_, index) => !gone.has(index));
    changed[section] = rest.length === 0 ? null : rest;
  }
  const current = content['current-context'];
  if (typeof current === 'string' && contextNames.has(current)) changed['current-context'] = '';
  return Object.keys(changed).length === 0 ? undefined : { ...content, ...changed };
}

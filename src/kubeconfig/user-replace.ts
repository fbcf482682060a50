import { isDeepStrictEqual } from 'node:util';
import { EckError, printable } from '../errors.js';
import type { Mapping } from '../mapping.js';
import { entriesOf } from './user-document.js';
import type { KubeconfigFile } from './user-document.js';
import { Draft } from './user-draft.js';
import { execContent, keepingExtras } from './user-entry.js';
import type { ExecEntry } from './user-entry.js';
import { mergeKubeconfigs } from './user-merge.js';
import type { KubeconfigUser } from './user-usage.js';

/** A user whose contexts are to get their credentials from this plugin. */
export interface UserReplacement {
  /** The user as it was read. */
  readonly user: Pick<KubeconfigUser, 'name' | 'file' | 'content'>;
  readonly successors: readonly UserSuccessor[];
  /** Whether the user stays as it is for other contexts, so that its successors stand beside it. */
  readonly stays: boolean;
}

/** A user that takes over from another one for some of its contexts. */
export interface UserSuccessor {
  /** What it is called where it cannot have the old one's name. A number is added where this name is taken. */
  readonly name: string;
  readonly exec: ExecEntry;
  readonly contexts: readonly string[];
}

/**
 * Decides what replacing users does to each of the files. The first successor gets the place and the name of the old
 * user, unless that stays; for the others a user is added, and their contexts refer to it. Contexts and clusters keep
 * their names. What somebody added to a user goes with each successor, see {@link keepingExtras}.
 *
 * @returns the files that change, and what each of them says then
 * @throws EckError `kubeconfig-unusable` if a user, or a context of it, is not there any more as it was read
 */
export function planReplacements(
  files: readonly KubeconfigFile[],
  replacements: readonly UserReplacement[],
): { readonly file: KubeconfigFile; readonly content: Mapping }[] {
  const merged = mergeKubeconfigs(files);
  const drafts = new Map(files.map((file) => [file.path, new Draft(file.content)]));
  const named = new Map<string, Mapping>([...merged.users].map(([name, { content }]) => [name, content]));

  for (const { user, successors, stays } of replacements) {
    const file = files.find(({ path }) => path === user.file);
    const entry = file && entriesOf(file.content, 'users').find(({ name }) => name === user.name);
    if (entry === undefined || !isDeepStrictEqual(entry.content, user.content)) throw changed(user.file);

    for (const [position, { name: wantedName, exec, contexts }] of successors.entries()) {
      const content = keepingExtras('users', entry.content, { exec: execContent(exec) });
      if (position === 0 && !stays) {
        drafts.get(user.file)?.put({
          section: 'users',
          index: entry.index,
          item: { ...entry.item, user: content },
        });
        continue;
      }
      const name = freeName(wantedName, content, named);
      if (!named.has(name)) drafts.get(user.file)?.put({ section: 'users', item: { name, user: content } });
      named.set(name, content);
      for (const contextName of contexts) {
        const context = merged.contexts.get(contextName);
        if (context?.content['user'] !== user.name) throw changed(user.file);
        drafts.get(context.file.path)?.put({
          section: 'contexts',
          index: context.index,
          item: { ...context.item, context: { ...context.content, user: name } },
        });
      }
    }
  }
  return files.flatMap((file) => {
    const content = drafts.get(file.path)?.changedContent();
    return content === undefined ? [] : [{ file, content }];
  });
}

/** The wanted name, or one with a number behind it, that nobody has who says something else. */
function freeName(wanted: string, content: Mapping, named: ReadonlyMap<string, Mapping>): string {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    if (!named.has(name) || isDeepStrictEqual(named.get(name), content)) return name;
  }
}

function changed(file: string): EckError {
  return new EckError(
    'kubeconfig-unusable',
    `${printable(file)} was changed by another program at the same time. Nothing was written; try again`,
  );
}

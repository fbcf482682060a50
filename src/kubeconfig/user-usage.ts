import type { Mapping } from '../mapping.js';
import { entriesOf } from './user-document.js';
import type { KubeconfigFile } from './user-document.js';
import { mergeKubeconfigs } from './user-merge.js';
import { isOwnUser } from './user-ownership.js';

/** A user in the user kubeconfig, and the contexts that sign in as it. */
export interface KubeconfigUser {
  readonly name: string;
  /** The file that the entry stands in. */
  readonly file: string;
  /** What the entry says, secrets among it. Nothing of it may be printed. */
  readonly content: Mapping;
  /** Whether its credential comes from this plugin. */
  readonly isOwn: boolean;
  readonly contexts: readonly UserOfContext[];
}

/** A context as far as it says which cluster a user is for. */
export interface UserOfContext {
  readonly name: string;
  readonly clusterName: string | undefined;
}

/**
 * Tells every user of every file, and who uses it.
 *
 * Where two files have a user of one name, kubectl sees only the first of them when it reads the files together. People
 * who keep a file per cluster read them one by one, too, so that a context counts for the user in its own file where
 * there is one. Within one file the first entry of a name is the one.
 */
export function usersOf(files: readonly KubeconfigFile[]): KubeconfigUser[] {
  const merged = mergeKubeconfigs(files);
  const inFile = new Map(
    files.map((file) => [
      file,
      new Map(
        entriesOf(file.content, 'users')
          .reverse()
          .map((user) => [user.name, user]),
      ),
    ]),
  );
  const contextsOf = new Map<unknown, UserOfContext[]>();
  for (const { name, file, content } of merged.contexts.values()) {
    const { user: userName, cluster } = content as { user?: unknown; cluster?: unknown };
    if (typeof userName !== 'string') continue;
    const user = inFile.get(file)?.get(userName) ?? ownerOf(merged.users.get(userName), inFile);
    if (user === undefined) continue;
    const contexts = contextsOf.get(user) ?? [];
    contexts.push({ name, clusterName: typeof cluster === 'string' ? cluster : undefined });
    contextsOf.set(user, contexts);
  }
  return files.flatMap((file) =>
    [...(inFile.get(file)?.values() ?? [])]
      .sort((a, b) => a.index - b.index)
      .map((user) => ({
        name: user.name,
        file: file.path,
        content: user.content,
        isOwn: isOwnUser(user.content),
        contexts: contextsOf.get(user) ?? [],
      })),
  );
}

/** The same entry as it is known by its file. */
function ownerOf<Entry>(
  located: { readonly name: string; readonly file: KubeconfigFile } | undefined,
  inFile: ReadonlyMap<KubeconfigFile, ReadonlyMap<string, Entry>>,
): Entry | undefined {
  return located && inFile.get(located.file)?.get(located.name);
}

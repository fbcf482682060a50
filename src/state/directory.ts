import { lstatSync, mkdirSync } from 'node:fs';

/**
 * What is wrong with a directory for state, which is made if it is not there: it must be one, be no link, belong to this
 * user, and be closed to others, so that nobody else on this machine can plant, read or remove anything in it.
 *
 * @returns `undefined` if all is well, else words that complete "the directory …"
 */
export function flawOfDirectory(path: string): string | undefined {
  try {
    let status = lstatSync(path, { throwIfNoEntry: false });
    if (status === undefined) {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      status = lstatSync(path);
    }
    if (!status.isDirectory()) return 'is not a directory';
    const userId = process.getuid?.();
    if (userId === undefined) return undefined;
    if (status.uid !== userId) return 'belongs to another user';
    return (status.mode & 0o077) === 0 ? undefined : 'is open to other users';
  } catch (error) {
    return `cannot be used (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`;
  }
}

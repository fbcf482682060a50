import { lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { errorCode, ifPossible, quoted } from './errors.js';
import type { World } from './world.js';

type Place = Pick<World, 'environment' | 'homeDirectory'>;

/** Where this plugin writes its own files: `kubectl-eck` in `$KUBECACHEDIR` or `~/.kube/cache`, as kubectl's cache. */
export function cacheDirectory({ environment, homeDirectory }: Place): string {
  return `${environment['KUBECACHEDIR'] || `${homeDirectory()}/.kube/cache`}/kubectl-eck`;
}

/** Where the store `file` saves credentials. */
export function credentialsDirectory(place: Place): string {
  return `${cacheDirectory(place)}/credentials`;
}

/**
 * Checks that only this user can read and write a directory, and makes it if it does not exist. @returns the problem, in
 * words that complete "the directory …"; `undefined` if there is none
 */
export function checkPrivateDirectory(path: string): string | undefined {
  try {
    let status = lstatSync(path, { throwIfNoEntry: false });
    if (status === undefined) {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      status = lstatSync(path);
    }
    if (!status.isDirectory()) return 'is not a directory';
    const userId = process.getuid?.();
    if (userId === undefined) return undefined;
    if (status.uid !== userId) return `belongs to another user${chownHint(path)}`;
    return (status.mode & 0o077) === 0 ? undefined : 'is open to other users';
  } catch (error) {
    return `cannot be used (${errorCode(error)})${chownHint(path)}`;
  }
}

function chownHint(path: string): string {
  const command = chownCommand(path);
  return command === undefined ? '' : ` (to own it: ${command})`;
}

/** The command with which an ordinary user owns again what `sudo` left in a directory of theirs, on the way to a path. */
export function chownCommand(path: string): string | undefined {
  const userId = process.geteuid?.();
  if (!userId) return undefined;
  const ownerOf = (file: string) => ifPossible(() => lstatSync(file).uid);
  for (let [file, end] = [path, path.lastIndexOf('/')]; end > 0; end = file.lastIndexOf('/')) {
    const parent = file.slice(0, end);
    if (![userId, undefined].includes(ownerOf(file)) && ownerOf(parent) === userId) {
      return `sudo chown -R ${userId} ${quoted(file, Infinity)}`;
    }
    file = parent;
  }
  return undefined;
}

/** Removes a file. It is no error if that fails. */
export function removeFile(path: string): void {
  ifPossible(() => {
    unlinkSync(path);
  });
}

/** Short digest of a text, not reversible (FNV-1a, 8 hexadecimal digits). No protection against attackers. */
export function shortDigest(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}

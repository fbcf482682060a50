import { readlinkSync, realpathSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, posix, win32 } from 'node:path';
import { chownCommand } from '../cache-directory.js';
import { EckError, errorCode, ifPossible, printable, usageError } from '../errors.js';
import type { World } from '../world.js';

/** The files of the user kubeconfig, in kubectl's order: the first file to define something wins. */
export type KubeconfigPaths = readonly [string, ...string[]];

/**
 * Finds the files of the user kubeconfig as kubectl does, with absolute paths if there is a current directory. A file
 * with two names in the list counts once. @throws EckError `usage` if `$KUBECONFIG` is a list of empty names
 */
export function locateKubeconfig(
  { environment, homeDirectory, platform }: Pick<World, 'environment' | 'homeDirectory' | 'platform'>,
  flag?: string,
): KubeconfigPaths {
  if (flag) return [absolutePath(flag, platform)];
  const list = environment['KUBECONFIG'] ?? '';
  const files = new Map<string, string>();
  for (const name of splitList(list, platform).filter(Boolean)) {
    const path = absolutePath(name, platform);
    const real = realPath(path);
    if (!files.has(real)) files.set(real, path);
  }
  if (list !== '' && files.size === 0) {
    throw usageError('KUBECONFIG names no file', 'Unset it, or set it to the path of a kubeconfig');
  }
  const home = (platform === 'win32' ? win32 : posix).join(homeDirectory(), '.kube', 'config');
  const [first = home, ...others] = files.values();
  return [first, ...others];
}

/** `a/..` stays as it is: behind a symbolic link it is another directory. */
function absolutePath(path: string, platform: NodeJS.Platform): string {
  const syntax = platform === 'win32' ? win32 : posix;
  const here = syntax.isAbsolute(path) ? undefined : ifPossible(() => process.cwd());
  return here === undefined ? path : syntax.join(here, '/') + path.replace(/^(?:\.\/+)+/, '');
}

/** Splits a list as Go's `filepath.SplitList` does: on Windows, quotes protect a semicolon. */
function splitList(list: string, platform: NodeJS.Platform): string[] {
  if (platform !== 'win32') return list.split(':');
  const parts = list.match(/(?:"[^"]*(?:"|$)|[^;"])+/g) ?? [];
  return parts.map((part) => part.replaceAll('"', ''));
}

/** The real path of a file that may be missing, behind symbolic links. */
export function realPath(path: string, mostLinks = 40): string {
  const real = ifPossible(() => realpathSync.native(path));
  if (real !== undefined || dirname(path) === path) return real ?? path;
  const directory = realPath(dirname(path), mostLinks);
  const next = mostLinks > 0 ? ifPossible(() => readlinkSync(path)) : undefined;
  if (next === undefined) return join(directory, basename(path));
  // Not joined: `..` behind a symbolic link is not the directory that the path names.
  return realPath(isAbsolute(next) ? next : `${directory}/${next}`, mostLinks - 1);
}

/** The largest kubeconfig that is read or written, in bytes: thousands of clusters. */
export const maxSize = 16 * 1024 * 1024;
export const tooLarge = `it is larger than ${maxSize / 1024 / 1024} MiB`;
export const notRegular = 'it is not a regular file';

/**
 * Reads a regular file or the null device as UTF-8, or as UTF-16 if it has a byte order mark; `undefined` if there is no
 * such file. @throws EckError `kubeconfig-unusable`
 */
export async function readText(path: string): Promise<{ text: string; isUtf16: boolean } | undefined> {
  let bytes: Buffer;
  try {
    const stats = await stat(path);
    if (stats.isDirectory()) throw cannot('read', path, 'it is a directory');
    if (!stats.isFile() && realPath(path) !== '/dev/null') throw cannot('read', path, notRegular);
    if (stats.size > maxSize) throw cannot('read', path, tooLarge);
    bytes = await readFile(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error instanceof EckError ? error : cannot('read', path, error);
  }
  const mark = bytes.length % 2 === 0 ? bytes.toString('latin1', 0, 2) : '';
  if (mark === '\xff\xfe') return { text: bytes.toString('utf16le'), isUtf16: true };
  if (mark === '\xfe\xff') return { text: bytes.swap16().toString('utf16le'), isUtf16: true };
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const text = ifPossible(() => decoder.decode(bytes));
  if (text === undefined) throw cannot('read', path, 'it is not UTF-8 text');
  return { text, isUtf16: false };
}

/** @param others what happened to other files */
export function cannot(verb: 'read' | 'write', path: string, reason: unknown, others = ''): EckError {
  // The reason alone in errors such as `EACCES: permission denied, open '/home/me/.kube/config'`.
  const text = typeof reason === 'string' ? reason : (reason as Error).message;
  const words = printable(text).replace(/^E[A-Z]+: (.*?), .*/, '$1');
  const message = `Cannot ${verb} the kubeconfig ${printable(path)}: ${words}${others}`;
  const isDenied = /^E(?:ACCES|PERM)$/.test(errorCode(reason));
  const command = isDenied && chownCommand(path);
  const access = command ? `Run ${command}` : isDenied ? `Make it ${verb}able` : 'Fix this';
  const fix = `${access}, or choose another file with --kubeconfig or KUBECONFIG`;
  return new EckError('kubeconfig-unusable', message, { fix, cause: reason });
}

import { randomBytes } from 'node:crypto';
import { constants, rmSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { lstat, mkdir, open, readlink, rename, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { EckError } from '../errors.js';
import { onTermination } from './termination.js';
import { cannotRead, cannotWrite, errorCode } from './user-file-errors.js';

/** The largest kubeconfig that is read or written, in bytes: room for thousands of clusters. */
const maxSize = 16 * 1024 * 1024;

/**
 * Reads a kubeconfig's text, with its byte order mark if it has one. Regular files only, through symbolic links.
 *
 * @returns undefined where there is no such file
 * @throws EckError `kubeconfig-unusable` if it cannot be read, is not UTF-8, or is larger than 16 MiB
 */
export async function readKubeconfigText(path: string): Promise<string | undefined> {
  let bytes: Buffer;
  try {
    // Opening a pipe would wait for somebody to write to it. (Windows has no such flag, and no such files.)
    const file = await open(path, constants.O_RDONLY | ((constants.O_NONBLOCK as number | undefined) ?? 0));
    try {
      const problem = problemOf(await file.stat());
      if (problem !== undefined) throw cannotRead(path, problem);
      bytes = await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error instanceof EckError ? error : cannotRead(path, error);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw cannotRead(path, 'it is not UTF-8 text');
  }
}

/** Makes the directory of a file that is to be new, where there is none, for this user alone. */
export async function makeDirectoryFor(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** Whether there is anything of that name, also behind a symbolic link. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Replaces the texts of files. Each is written to a temporary file beside it, and takes its place in one step, so
 * that a reader sees the old text or the new one. All of them are written before the first takes its place: a full
 * disk changes none.
 *
 * A symbolic link stays one, and what it points at is replaced, or made. Permissions stay, and so does the owner
 * where this user may give files away; a new file is for this user alone.
 *
 * @throws EckError `kubeconfig-unusable`. Nothing that this wrote is left behind
 */
export async function replaceFiles(
  files: readonly { readonly path: string; readonly text: string }[],
): Promise<void> {
  const temporaries = new Set<string>();
  const removeTemporaries = () => {
    for (const temporary of temporaries) rmSync(temporary, { force: true });
  };
  const stopWatching = onTermination(removeTemporaries);
  try {
    const replacements: { path: string; temporary: string; target: string }[] = [];
    for (const { path, text } of files) {
      await rejecting(path, async () => {
        const target = await followLinks(path);
        const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
        temporaries.add(temporary);
        await writeTemporary(temporary, target, text);
        replacements.push({ path, temporary, target });
      });
    }
    for (const { path, temporary, target } of replacements) {
      await rejecting(path, () => rename(temporary, target));
      temporaries.delete(temporary);
      await syncDirectory(dirname(target));
    }
  } finally {
    removeTemporaries();
    stopWatching();
  }
}

async function writeTemporary(temporary: string, target: string, text: string): Promise<void> {
  const bytes = Buffer.from(text);
  if (bytes.length > maxSize) throw new Error(tooLarge);
  const replaced = await statOf(target);
  // Who made a file read-only means it, even if the directory would allow to replace it.
  if (replaced !== undefined) await (await open(target, 'r+')).close();
  else await mkdir(dirname(target), { recursive: true, mode: 0o700 });

  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(bytes);
    if (replaced !== undefined) await copyOwnerAndMode(file, replaced);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function copyOwnerAndMode(file: FileHandle, replaced: Stats): Promise<void> {
  const { uid, gid, mode } = await file.stat();
  if (uid !== replaced.uid || gid !== replaced.gid) {
    // Only root may give a file away. For others it becomes theirs, as it does with most editors.
    await file.chown(replaced.uid, replaced.gid).catch((error: unknown) => {
      if (process.geteuid?.() === 0) throw error;
    });
  }
  if (mode !== replaced.mode) await file.chmod(replaced.mode & 0o7777);
}

/** The file that a path means, which need not exist: `realpath` does without links to nowhere. */
async function followLinks(path: string): Promise<string> {
  let target = resolve(path);
  for (let links = 0; links < 40; links += 1) {
    const isLink = await lstat(target).then(
      (stats) => stats.isSymbolicLink(),
      (error: unknown) => {
        if (errorCode(error) === 'ENOENT') return false;
        throw error;
      },
    );
    if (!isLink) return target;
    target = resolve(dirname(target), await readlink(target));
  }
  throw Object.assign(new Error('too many symbolic links'), { code: 'ELOOP' });
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Makes a rename last through a power cut, where the system can. What was renamed is in place either way. */
async function syncDirectory(path: string): Promise<void> {
  try {
    const directory = await open(path, 'r');
    await directory.sync().finally(() => directory.close());
  } catch {
    // Windows cannot, and some network file systems cannot.
  }
}

async function rejecting(path: string, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

const tooLarge = `it is larger than ${maxSize / 1024 / 1024} MiB`;

function problemOf(stats: Stats): string | undefined {
  if (stats.isDirectory()) return 'it is a directory';
  if (!stats.isFile()) return 'it is not a regular file';
  return stats.size > maxSize ? tooLarge : undefined;
}

import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { removeFile } from '../cache-directory.js';
import { EckError, errorCode, ifPossible, printable } from '../errors.js';
import { cannot, maxSize, notRegular, realPath, tooLarge } from './files.js';

const lockTimeoutMs = 5_000;
const retryMs = 50;
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `task` while holding kubectl's lock, `<file>.lock`, on every file, also until a signal ends the process. A file in
 * a missing or read-only directory is not locked: no process can replace it. @throws EckError `kubeconfig-locked`
 */
export async function withLocks<Result>(paths: readonly string[], task: () => Promise<Result>): Promise<Result> {
  const held: string[] = [];
  const release = () => {
    held.splice(0).forEach(removeFile);
    process.off('exit', release);
    for (const signal of signals) process.off(signal, onSignal);
  };
  const onSignal = (signal: NodeJS.Signals) => {
    release();
    // Without a listener the signal ends the process as usual.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  process.on('exit', release);
  for (const signal of signals) process.on(signal, onSignal);
  try {
    // A file behind a symbolic link has two names, and in a linked directory one. Sorted, so that two processes cannot
    // wait for each other.
    const names = new Set(paths.flatMap((path) => [join(realPath(dirname(path)), basename(path)), realPath(path)]));
    for (const name of [...names].sort()) await acquireLock(name, held);
    // Of runs that were killed: the locks are held, so no other run writes them.
    paths.flatMap((path) => ifPossible(() => placeOf(path).temporary) ?? []).forEach(removeFile);
    return await task();
  } finally {
    release();
  }
}

async function acquireLock(path: string, held: string[]): Promise<void> {
  const lock = `${path}.lock`;
  for (let waitedMs = 0; ; waitedMs += retryMs) {
    try {
      fs.closeSync(fs.openSync(lock, 'wx', 0));
      // No await since the lock was made, so that a signal cannot leave it behind.
      held.push(lock);
      return;
    } catch (error) {
      const code = errorCode(error);
      if (['ENOENT', 'EACCES', 'EPERM', 'EROFS'].includes(code)) return;
      if (code !== 'EEXIST') throw cannot('write', path, error);
    }
    if (waitedMs >= lockTimeoutMs) {
      const fix = `Try again; if no kubectl is running, remove the lock: rm ${printable(lock)}`;
      throw new EckError('kubeconfig-locked', `Another process holds the lock ${printable(lock)}`, { fix });
    }
    await delay(retryMs);
  }
}

/** Creates the directory of a new kubeconfig, behind symbolic links, for this user alone. */
export function makeDirectoryFor(path: string): void {
  try {
    fs.mkdirSync(dirname(realPath(path)), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw cannot('write', path, error);
  }
}

/**
 * Replaces the texts of files whose locks are held. All are written to temporary files first, so that a full disk
 * changes none. Synchronous, so that a signal with a listener cannot interrupt it.
 * @throws EckError `kubeconfig-unusable`, saying which files are changed
 */
export function replaceFiles(files: readonly { readonly path: string; readonly text: string }[]): void {
  const temporaries: string[] = [];
  const changed: string[] = [];
  let path = '';
  let incomplete: string | undefined;
  try {
    const replacements = files.map((file) => {
      path = file.path;
      const { target, temporary, replaced } = placeOf(path);
      const bytes = Buffer.from(file.text);
      temporaries.push(temporary);
      writeTemporary(temporary, bytes, target, replaced);
      return { path, target, temporary, bytes, mustStay: mustStay(replaced) };
    });
    for (const { target, temporary, bytes, ...replacement } of replacements) {
      path = replacement.path;
      if (replacement.mustStay || !rename(temporary, target)) {
        incomplete = path;
        writeAndSync(target, 'r+', bytes);
        incomplete = undefined;
      }
      changed.push(path);
    }
  } catch (error) {
    const touched = [...changed, incomplete];
    const unchanged = files.map((file) => file.path).filter((each) => !touched.includes(each));
    const lists = files.length === 1 ? '' : listed('Changed', changed) + listed('Not changed', unchanged);
    const place = incomplete === undefined ? '' : '. It was written in place and may be incomplete';
    throw cannot('write', path, error, place + lists);
  } finally {
    temporaries.forEach(removeFile);
  }
}

function listed(what: string, paths: readonly string[]): string {
  return paths.length === 0 ? '' : `. ${what}: ${paths.map((path) => printable(path)).join(', ')}`;
}

function placeOf(path: string) {
  const target = realPath(path);
  const temporary = `${dirname(target)}/.${basename(target)}.kubectl-eck.tmp`;
  const replaced = fs.statSync(target, { throwIfNoEntry: false });
  if (replaced?.isFile() === false) throw new Error(notRegular);
  return { target, temporary, replaced };
}

/** Checks that a file can be written, and changes nothing. @throws EckError `kubeconfig-unusable` */
export function checkWritable(path: string): void {
  try {
    const { target, replaced } = placeOf(path);
    if (replaced !== undefined) fs.closeSync(fs.openSync(target, 'r+'));
    let directory = dirname(target);
    while (!fs.existsSync(directory) && directory !== dirname(directory)) directory = dirname(directory);
    fs.accessSync(directory, fs.constants.W_OK | fs.constants.X_OK);
  } catch (error) {
    throw cannot('write', path, error);
  }
}

/** Whether a rename would separate a file from its other names, or change its owner: it is written in place. */
function mustStay(file: fs.Stats | undefined): boolean {
  const user = process.geteuid?.() ?? 0;
  return file !== undefined && (file.nlink > 1 || (user !== 0 && file.uid !== user));
}

function writeTemporary(temporary: string, bytes: Buffer, target: string, replaced?: fs.Stats): void {
  if (bytes.length > maxSize) throw new Error(tooLarge);
  // A rename would replace a file that its owner made read-only.
  if (replaced !== undefined) fs.closeSync(fs.openSync(target, 'r+'));
  writeAndSync(temporary, 'wx', bytes);
  if (replaced === undefined) return;
  try {
    fs.chownSync(temporary, replaced.uid, replaced.gid);
  } catch (error) {
    // Only root can give a file to another user or to any group.
    if (process.geteuid?.() === 0) throw error;
  }
  fs.chmodSync(temporary, replaced.mode & 0o7777);
}

/** @returns false for a mount point, which cannot be replaced */
function rename(temporary: string, target: string): boolean {
  try {
    fs.renameSync(temporary, target);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EBUSY') return false;
    throw error;
  }
}

function writeAndSync(path: string, flags: 'r+' | 'wx', bytes: Buffer): void {
  const file = fs.openSync(path, flags, 0o600);
  try {
    fs.writeFileSync(file, bytes);
    fs.ftruncateSync(file, bytes.length);
    fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
}

import { closeSync, openSync, unlinkSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EckError, printable } from '../errors.js';
import { onTermination } from './termination.js';
import { cannotWrite, errorCode } from './user-file-errors.js';

/** How long to wait for a lock that another process holds. */
export interface LockLimits {
  readonly timeoutMs: number;
  /** How long to wait between two tries. */
  readonly retryMs: number;
  readonly sleep: (ms: number) => Promise<unknown>;
}

export const defaultPatience: LockLimits = { timeoutMs: 5_000, retryMs: 50, sleep: delay };

/**
 * Runs `task` while holding kubectl's own lock, `<file>.lock`, on every file. kubectl fails at once where it finds
 * a lock; this waits. The locks are released however the task ends, and when a signal ends the process.
 *
 * Files are locked in the order of their full names, so that no two processes wait for each other, and under both
 * names where one is a symbolic link. A file whose directory is missing or may not be written to is not locked:
 * others cannot lock it either, and it cannot be replaced.
 *
 * @throws EckError `kubeconfig-locked` if another process does not release a lock in time
 */
export async function withLocks<Result>(
  paths: readonly string[],
  patience: LockLimits,
  task: () => Promise<Result>,
): Promise<Result> {
  const held: string[] = [];
  const release = () => {
    for (let lock = held.pop(); lock !== undefined; lock = held.pop()) removeLock(lock);
  };
  const stopWatching = onTermination(release);
  try {
    for (const path of await namesToLock(paths)) {
      const lock = `${path}.lock`;
      await waitForLock(path, patience, () => {
        // Without a step between making and noting it, so that a signal finds every lock that was made.
        const isHeld = tryLock(path, lock);
        if (isHeld === 'held') held.push(lock);
        return isHeld !== 'taken';
      });
    }
    return await task();
  } finally {
    release();
    stopWatching();
  }
}

async function namesToLock(paths: readonly string[]): Promise<string[]> {
  const names = await Promise.all(
    paths.map(async (path) => [resolve(path), await realpath(path).catch(() => resolve(path))]),
  );
  return [...new Set(names.flat())].sort();
}

async function waitForLock(path: string, patience: LockLimits, attempt: () => boolean): Promise<void> {
  for (let waitedMs = 0; !attempt(); waitedMs += patience.retryMs) {
    if (waitedMs >= patience.timeoutMs) throw locked(path);
    await patience.sleep(patience.retryMs);
  }
}

function tryLock(path: string, lock: string): 'held' | 'taken' | 'impossible' {
  try {
    closeSync(openSync(lock, 'wx', 0));
    return 'held';
  } catch (error) {
    switch (errorCode(error)) {
      case 'EEXIST':
        return 'taken';
      case 'ENOENT':
      case 'EACCES':
      case 'EPERM':
      case 'EROFS':
        return 'impossible';
      default:
        throw cannotWrite(path, error);
    }
  }
}

function removeLock(lock: string): void {
  try {
    unlinkSync(lock);
  } catch {
    // Somebody removed it in the belief that it was left over. There is nothing to release, and nobody to tell.
  }
}

function locked(path: string): EckError {
  const lock = printable(`${path}.lock`);
  return new EckError(
    'kubeconfig-locked',
    `Another process is writing ${printable(path)}: it holds ${lock}. ` +
      `Try again; if no kubectl is running, it was left over, and can be removed: rm ${lock}`,
  );
}

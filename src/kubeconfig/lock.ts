import { closeSync, openSync, rmSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EckError, printable } from '../errors.js';
import { cannotWrite, errorCode } from './files.js';

const timeoutMs = 5_000;
const retryMs = 50;
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `task` while holding kubectl's lock, `<file>.lock`, on every file. Locks are released when the task ends and when
 * a signal ends the process. A file in a missing or read-only directory is not locked: no process can replace it.
 *
 * @throws EckError `kubeconfig-locked` if another process holds a lock for 5 seconds
 */
export async function withLocks<Result>(
  paths: readonly string[],
  task: () => Promise<Result>,
): Promise<Result> {
  const held: string[] = [];
  const release = () => {
    for (const lock of held.splice(0)) rmSync(lock, { force: true });
  };
  const onSignal = (signal: NodeJS.Signals) => {
    release();
    stop();
    // Without a listener the signal ends the process as usual.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const stop = () => {
    process.off('exit', release);
    for (const signal of signals) process.off(signal, onSignal);
  };
  process.on('exit', release);
  for (const signal of signals) process.on(signal, onSignal);
  try {
    for (const path of await namesToLock(paths)) await acquireLock(path, held);
    return await task();
  } finally {
    release();
    stop();
  }
}

/** Both names of a file behind a symbolic link, sorted so that two processes cannot wait for each other. */
async function namesToLock(paths: readonly string[]): Promise<string[]> {
  const names = await Promise.all(
    paths.map(async (path) => [resolve(path), await realpath(path).catch(() => resolve(path))]),
  );
  return [...new Set(names.flat())].sort();
}

async function acquireLock(path: string, held: string[]): Promise<void> {
  const lock = `${path}.lock`;
  for (let waitedMs = 0; ; waitedMs += retryMs) {
    try {
      closeSync(openSync(lock, 'wx', 0));
      // No await since the lock was made, so that a signal cannot leave it behind.
      held.push(lock);
      return;
    } catch (error) {
      const code = errorCode(error) ?? '';
      if (['ENOENT', 'EACCES', 'EPERM', 'EROFS'].includes(code)) return;
      if (code !== 'EEXIST') throw cannotWrite(path, error);
    }
    if (waitedMs >= timeoutMs) {
      throw new EckError('kubeconfig-locked', `Another process holds the lock ${printable(lock)}`, {
        fix: `Try again; if no kubectl is running, remove the lock: rm ${printable(lock)}`,
      });
    }
    await delay(retryMs);
  }
}

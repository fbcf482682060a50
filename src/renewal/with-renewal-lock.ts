import { setTimeout as delay } from 'node:timers/promises';
import type { CredentialState } from '../state/credential-state.js';
import { LockAttempt, type RenewalLock } from './renewal-lock.js';

const patienceMs = 2000;
const retryMs = 50;

/**
 * Does something while no other process renews the credential. One that takes longer than two seconds is not waited
 * for: whoever removes the lock with the credential's state takes from it the right to keep what it fetches.
 */
export async function withRenewalLock<T>(state: CredentialState, work: () => Promise<T>): Promise<T> {
  const lock = await takeLock(state);
  try {
    return await work();
  } finally {
    lock?.release();
  }
}

async function takeLock(state: CredentialState): Promise<RenewalLock | undefined> {
  const path = state.lockFile;
  if (path === undefined) return undefined;
  const attempt = new LockAttempt(path);
  try {
    for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += retryMs) {
      const lock = attempt.try();
      if (lock !== undefined) return lock;
      await delay(retryMs);
    }
  } catch {
    // No hard links, no space, no permission: then nobody else has a lock either.
  }
  return undefined;
}

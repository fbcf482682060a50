import { linkSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { removeFile } from '../cache-directory.js';
import type { ClientCredential } from '../credential/client-credential.js';
import { EckError, errorCode, ifPossible } from '../errors.js';
import type { CredentialRecords } from './records.js';

/**
 * A lock across processes, and across machines with one home directory: a hard link, which is atomic on NFS too. Its
 * holder touches it every second. A waiter that sees it untouched for {@link abandonedAfterMs}, by its own monotonic
 * clock, takes it over. `proper-lockfile` is not used, because it can give one lock to two waiters.
 */
export interface RenewalLock {
  /** False after another process took the lock over, as happens to a process that was stopped. */
  isStillHeld(): boolean;
  release(): void;
}

const touchEveryMs = 1000;
export const abandonedAfterMs = 3500;

/** A waiter that looks less often gets too little CPU time, as the holder may: the rest of its time is not counted. */
export const countedPerLookMs = 100;

/** Between two looks, with a random part, so that many waiters do not look at once. */
const lookEveryMs = 40;

/** Tries repeatedly for one lock. */
export class LockAttempt {
  readonly #token = crypto.randomUUID();
  readonly #ownFile: string;
  #version: string | undefined;
  #untouchedMs = 0;
  #lookedAtMs = 0;

  /** @param path the lock's file; its directory must exist */
  constructor(
    private readonly path: string,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {
    this.#ownFile = `${path}.${this.#token}`;
  }

  /** Takes the lock if it is free or abandoned. @throws the file system's error if locks cannot be made there */
  try(): RenewalLock | undefined {
    const version = versionOf(this.path);
    const nowMs = this.monotonicMs();
    if (version !== this.#version) this.#untouchedMs = 0;
    else this.#untouchedMs += Math.min(nowMs - this.#lookedAtMs, countedPerLookMs);
    this.#version = version;
    this.#lookedAtMs = nowMs;
    if (version !== undefined && this.#untouchedMs <= abandonedAfterMs) return undefined;
    let lock: RenewalLock | undefined;
    try {
      writeFileSync(this.#ownFile, this.#token, { mode: 0o600 });
      if (version !== undefined) this.#removeAbandoned(version);
      linkSync(this.#ownFile, this.path);
      lock = this.#hold();
    } catch (error) {
      // Another waiter was faster.
      if (errorCode(error) !== 'EEXIST') throw error;
    } finally {
      if (lock === undefined) removeFile(this.#ownFile);
    }
    return lock;
  }

  /** Removes the lock that was watched; another one is put back. */
  #removeAbandoned(version: string): void {
    const away = `${this.#ownFile}.away`;
    try {
      renameSync(this.path, away);
    } catch {
      return;
    }
    if (versionOf(away) === version) {
      // A dead holder does not remove its own link.
      const [token = ''] = version.split(' ');
      if (/^[0-9a-f-]{24,36}$/.test(token)) removeFile(`${this.path}.${token}`);
    } else {
      // Another waiter was faster. A third process may hold a lock already.
      ifPossible(() => {
        linkSync(away, this.path);
      });
    }
    removeFile(away);
  }

  #hold(): RenewalLock {
    const touching = setInterval(() => {
      // Fails if the lock was taken over.
      ifPossible(() => {
        utimesSync(this.#ownFile, new Date(), new Date());
      });
    }, touchEveryMs);
    touching.unref();
    const isStillHeld = () => ifPossible(() => readFileSync(this.path, 'utf8')) === this.#token;
    const release = (): void => {
      clearInterval(touching);
      if (isStillHeld()) removeFile(this.path);
      removeFile(this.#ownFile);
    };
    return { isStillHeld, release };
  }
}

/** The holder and the time of the last touch. */
function versionOf(path: string): string | undefined {
  return ifPossible(() => `${readFileSync(path, 'utf8')} ${statSync(path).mtimeMs}`);
}

/** What another process renewed, or else the lock: none if no lock can be made, or it is held for too long. */
export interface LockResult {
  readonly lock?: RenewalLock | undefined;
  readonly renewed?: ClientCredential | undefined;
}

/**
 * Waits at most `waitMs` for the renewal lock, or for the credential that its holder saves and `readRenewed` reads.
 * @throws EckError the holder's failure, shared with all that wait at the time, so that ENS is asked once
 */
export async function acquireRenewalLock(
  records: CredentialRecords,
  waitMs: number,
  readRenewed: () => Promise<ClientCredential | undefined>,
): Promise<LockResult> {
  const path = records.lockFile;
  if (path === undefined) return {};
  const attempt = new LockAttempt(path);
  const deadline = performance.now() + waitMs;
  const before = records.lastRenewal()?.finishedAt.getTime();
  while (performance.now() < deadline) {
    let lock: RenewalLock | undefined;
    try {
      lock = attempt.try();
    } catch {
      // No hard links, space or permission: better to renew twice than never.
      return {};
    }
    const last = records.lastRenewal();
    const isNew = last?.finishedAt.getTime() !== before;
    // The lock may be free because the other process is done.
    if (lock !== undefined || isNew) {
      let unused = lock;
      try {
        const renewed = await readRenewed();
        if (renewed !== undefined) return { renewed };
        if (isNew && last?.failure) throw new EckError(last.failure.code, last.failure.message, last.failure);
        unused = undefined;
        if (lock !== undefined) return { lock };
      } finally {
        unused?.release();
      }
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs * (0.5 + Math.random())));
  }
  return {};
}

/** Does something while no other process renews. A renewal that takes longer than 2 s is not waited for. */
export async function withRenewalLock<T>(records: CredentialRecords, work: () => Promise<T>): Promise<T> {
  // A failed renewal has ended, too.
  const acquiring = acquireRenewalLock(records, 2000, () => Promise.resolve(undefined));
  const { lock } = await acquiring.catch((): LockResult => ({}));
  try {
    return await work();
  } finally {
    lock?.release();
  }
}

import { linkSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { removeFile } from '../cache-directory.js';
import type { ClientCredential } from '../credential/client-credential.js';
import { EckError, errorCode, ifPossible } from '../errors.js';
import type { CredentialRecords } from './records.js';

/**
 * A lock across processes, and across machines with one home directory. It prevents work from being done twice; stores
 * write whole entries without it.
 *
 * The lock is a hard link, which is atomic on NFS too. Its holder touches it every second. A waiter that sees it
 * untouched for {@link abandonedAfterMs}, by its own monotonic clock, renames it away, and puts it back if it got
 * another lock than the one it watched. `proper-lockfile` is not used, because it can give one lock to two waiters.
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

  /**
   * Takes the lock if it is free or abandoned.
   *
   * @returns `undefined` if another process holds it
   * @throws the file system's error if locks cannot be made there
   */
  try(): RenewalLock | undefined {
    const version = versionOf(this.path);
    const nowMs = this.monotonicMs();
    const isUntouched = version === this.#version;
    this.#untouchedMs = isUntouched
      ? this.#untouchedMs + Math.min(nowMs - this.#lookedAtMs, countedPerLookMs)
      : 0;
    this.#version = version;
    this.#lookedAtMs = nowMs;
    if (version !== undefined && this.#untouchedMs <= abandonedAfterMs) return undefined;
    let lock: RenewalLock | undefined;
    try {
      writeFileSync(this.#ownFile, this.#token, { mode: 0o600 });
      if (version !== undefined) this.#removeAbandoned(version);
      if (link(this.#ownFile, this.path)) lock = this.#hold();
    } finally {
      if (lock === undefined) removeFile(this.#ownFile);
    }
    return lock;
  }

  /** Removes the lock that was watched, and no other. */
  #removeAbandoned(version: string): void {
    const away = `${this.#ownFile}.away`;
    try {
      renameSync(this.path, away);
    } catch {
      return;
    }
    if (versionOf(away) === version) {
      // A dead holder does not remove its own link.
      const token = tokenIn(away) ?? '';
      if (/^[0-9a-f-]{24,36}$/.test(token)) removeFile(`${this.path}.${token}`);
    } else {
      // Another waiter was faster, and this is its lock. A third process may hold one already.
      ifPossible(() => {
        linkSync(away, this.path);
      });
    }
    removeFile(away);
  }

  #hold(): RenewalLock {
    const { path } = this;
    const ownFile = this.#ownFile;
    const touching = setInterval(() => {
      const now = new Date();
      // Fails if the lock was taken over.
      ifPossible(() => {
        utimesSync(ownFile, now, now);
      });
    }, touchEveryMs);
    touching.unref();
    const isStillHeld = (): boolean => tokenIn(path) === this.#token;
    return {
      isStillHeld,
      release() {
        clearInterval(touching);
        if (isStillHeld()) removeFile(path);
        removeFile(ownFile);
      },
    };
  }
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** The holder and the time of the last touch. */
function versionOf(path: string): string | undefined {
  return ifPossible(() => `${readFileSync(path, 'utf8')} ${statSync(path).mtimeMs}`);
}

function tokenIn(path: string): string | undefined {
  return ifPossible(() => readFileSync(path, 'utf8'));
}

/** What another process renewed, or else the lock: none if no lock can be made, or it is held for too long. */
export interface LockResult {
  readonly lock?: RenewalLock | undefined;
  readonly renewed?: ClientCredential | undefined;
}

/**
 * Waits for the renewal lock, or for the result of the process that holds it, and at most for `waitMs`.
 *
 * @param readRenewed the credential that another process has saved meanwhile, if it is fresh
 * @throws EckError the failure of the other process, shared with all that wait at the time, so that ENS is asked once
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
      let isAcquired = false;
      try {
        const renewed = await readRenewed();
        if (renewed !== undefined) return { renewed };
        const failure = isNew ? last?.failure : undefined;
        if (failure !== undefined) throw new EckError(failure.code, failure.message, failure);
        isAcquired = lock !== undefined;
        if (isAcquired) return { lock };
      } finally {
        if (!isAcquired) lock?.release();
      }
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs * (0.5 + Math.random())));
  }
  return {};
}

/**
 * Does something while no other process renews the credential. A renewal that takes longer than two seconds is not
 * waited for; removing the records takes its lock away, so it saves nothing.
 */
export async function withRenewalLock<T>(records: CredentialRecords, work: () => Promise<T>): Promise<T> {
  // A failed renewal has ended, too.
  const result = await acquireRenewalLock(records, 2000, () => Promise.resolve(undefined)).catch(
    () => undefined,
  );
  try {
    return await work();
  } finally {
    result?.lock?.release();
  }
}

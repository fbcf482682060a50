import { linkSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { removeFile } from '../cache-directory.js';
import type { ClientCredential } from '../credential/client-credential.js';
import { EckError } from '../errors.js';
import type { CredentialRecords, RenewalFailure } from './records.js';

/**
 * A lock across processes, and across machines with one home directory. It prevents work from being done twice; stores
 * write whole entries without it.
 *
 * The lock is a hard link, which is atomic on NFS too. Its holder touches it every second. A waiter that sees it
 * untouched for {@link abandonedAfterMs}, by its own monotonic clock, renames it away, and puts it back if it got
 * another lock than the one it watched. `proper-lockfile` can give one lock to two waiters.
 */
export interface RenewalLock {
  /** False after another process took the lock over, as happens to a process that was stopped. */
  isStillHeld(): boolean;
  release(): void;
}

const touchEveryMs = 1000;
export const abandonedAfterMs = 3500;

/** Tries repeatedly for one lock. */
export class LockAttempt {
  readonly #token = crypto.randomUUID();
  readonly #ownFile: string;
  #watched: { readonly version: string; readonly sinceMs: number } | undefined;

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
    if (version === undefined) this.#watched = undefined;
    else if (this.#watched?.version !== version) this.#watched = { version, sinceMs: this.monotonicMs() };
    const watched = this.#watched;
    if (watched !== undefined && this.monotonicMs() - watched.sinceMs <= abandonedAfterMs) return undefined;
    let lock: RenewalLock | undefined;
    try {
      writeFileSync(this.#ownFile, this.#token, { mode: 0o600 });
      if (watched !== undefined) this.#removeAbandoned(watched.version);
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
      const token = read(away) ?? '';
      if (/^[0-9a-f-]{24,36}$/.test(token)) removeFile(`${this.path}.${token}`);
    } else {
      // Another waiter was faster, and this is its lock.
      try {
        linkSync(away, this.path);
      } catch {
        // A third process holds a lock already.
      }
    }
    removeFile(away);
  }

  #hold(): RenewalLock {
    const { path } = this;
    const ownFile = this.#ownFile;
    const token = this.#token;
    const touching = setInterval(() => {
      const now = new Date();
      try {
        utimesSync(ownFile, now, now);
      } catch {
        // The lock was taken over: isStillHeld is false.
      }
    }, touchEveryMs);
    touching.unref();
    const isStillHeld = (): boolean => read(path) === token;
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
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** The holder and the time of the last touch. */
function versionOf(path: string): string | undefined {
  try {
    return `${readFileSync(path, 'utf8')} ${statSync(path).mtimeMs}`;
  } catch {
    return undefined;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** What came of waiting: the lock, or the result of another process. */
export type LockResult =
  /** Without a lock if none can be made, or another process holds it for too long. */
  | { readonly kind: 'acquired'; readonly lock: RenewalLock | undefined }
  | { readonly kind: 'renewed'; readonly credential: ClientCredential }
  | { readonly kind: 'failed'; readonly error: EckError };

/** What waiting depends on. */
export interface WaitRules {
  /** After this time the work is done without the lock. */
  readonly waitMs: number;
  /** The credential that another process has saved meanwhile, if it is fresh. */
  readRenewed(): Promise<ClientCredential | undefined>;
}

/** Between two attempts, with a random part, so that many waiters do not look at once. */
const retryMs = 40;

/**
 * Waits for the renewal lock, or for the result of the process that holds it. A failure is shared with every process
 * that waits at the time, so ENS is asked once.
 */
export async function acquireRenewalLock(records: CredentialRecords, rules: WaitRules): Promise<LockResult> {
  const path = records.lockFile;
  if (path === undefined) return { kind: 'acquired', lock: undefined };
  const attempt = new LockAttempt(path);
  const deadline = performance.now() + rules.waitMs;
  const before = records.lastRenewal()?.finishedAt.getTime();
  while (performance.now() < deadline) {
    let lock: RenewalLock | undefined;
    try {
      lock = attempt.try();
    } catch {
      // No hard links, space or permission: better to renew twice than never.
      break;
    }
    const last = records.lastRenewal();
    const isNew = last !== undefined && last.finishedAt.getTime() !== before;
    if (lock !== undefined || isNew) {
      // The lock may be free because the other process is done.
      const result = await readResult(rules, isNew ? last.failure : undefined).catch((error: unknown) => {
        lock?.release();
        throw error;
      });
      if (result === undefined && lock !== undefined) return { kind: 'acquired', lock };
      lock?.release();
      if (result !== undefined) return result;
    }
    await new Promise((resolve) => setTimeout(resolve, retryMs * (0.5 + Math.random())));
  }
  return { kind: 'acquired', lock: undefined };
}

async function readResult(
  rules: WaitRules,
  failure: RenewalFailure | undefined,
): Promise<LockResult | undefined> {
  const credential = await rules.readRenewed();
  if (credential !== undefined) return { kind: 'renewed', credential };
  return failure && { kind: 'failed', error: new EckError(failure.code, failure.message, failure) };
}

/**
 * Does something while no other process renews the credential. A renewal that takes longer than two seconds is not
 * waited for; removing the records takes its lock away, so it saves nothing.
 */
export async function withRenewalLock<T>(records: CredentialRecords, work: () => Promise<T>): Promise<T> {
  const readRenewed = (): Promise<undefined> => Promise.resolve(undefined);
  const result = await acquireRenewalLock(records, { waitMs: 2000, readRenewed });
  try {
    return await work();
  } finally {
    if (result.kind === 'acquired') result.lock?.release();
  }
}

import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { removeFile } from '../cache-directory.js';
import type { ClientCredential } from '../credential/client-credential.js';
import { EckError } from '../errors.js';
import type { CredentialRecords, RenewalRecord } from './records.js';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * A lock across processes, and across machines that share a home directory.
 *
 * No library does this well enough. `proper-lockfile`, the one that others use, has had no release since January
 * 2021, and two processes that find the same abandoned lock can both come to hold it: the second removes the lock
 * that the first has just taken. Locks of the kernel (`flock`, `fcntl`) need a native addon, and NFS servers that are
 * honest about them.
 *
 * How it works: the lock is a hard link, whose making is atomic everywhere, NFS among it. Its holder touches it every
 * second. A waiter that sees it untouched for {@link abandonedAfterMs}, by the waiter's own clock that only counts
 * up, renames it away; if what it got is not what it had watched, it puts it back. So a holder that died, or was
 * stopped, costs the others a few seconds, and clocks that differ cost nothing.
 *
 * What the lock protects against is work done twice. It is not what keeps an entry whole: stores write whole entries
 * or none.
 */
export interface RenewalLock {
  /** Whether nobody has taken the lock away meanwhile, as happens to a process that was stopped for long. */
  isStillHeld(): boolean;
  release(): void;
}

const touchEveryMs = 1000;
export const abandonedAfterMs = 3500;

const tokenPattern = /^[0-9a-f]{24}$/;

/** Tries for one lock, again and again until it has it or no longer wants it. */
export class LockAttempt {
  readonly #token = randomBytes(12).toString('hex');
  readonly #own: string;
  #watched: { readonly state: string; readonly sinceMs: number } | undefined;

  /** @param path the lock's file; its directory must exist */
  constructor(
    private readonly path: string,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {
    this.#own = `${path}.${this.#token}`;
  }

  /**
   * Takes the lock if it is free, or was abandoned.
   *
   * @returns `undefined` where somebody else holds it
   * @throws the file system's error where locks cannot be made there
   */
  try(): RenewalLock | undefined {
    this.#watch();
    if (this.#watched !== undefined && !this.#isAbandoned()) return undefined;
    let lock: RenewalLock | undefined;
    try {
      writeFileSync(this.#own, this.#token, { mode: 0o600 });
      if (this.#watched !== undefined) this.#takeAway();
      if (this.#link()) lock = this.#hold();
    } finally {
      if (lock === undefined) removeFile(this.#own);
    }
    return lock;
  }

  #link(): boolean {
    try {
      linkSync(this.#own, this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      return false;
    }
    return true;
  }

  #watch(): void {
    const state = stateOf(this.path);
    if (state === undefined) this.#watched = undefined;
    else if (this.#watched?.state !== state) this.#watched = { state, sinceMs: this.monotonicMs() };
  }

  #isAbandoned(): boolean {
    return this.#watched !== undefined && this.monotonicMs() - this.#watched.sinceMs > abandonedAfterMs;
  }

  /** Takes away the lock that was watched, and no other. */
  #takeAway(): void {
    const away = `${this.#own}.away`;
    try {
      renameSync(this.path, away);
    } catch {
      return;
    }
    if (stateOf(away) !== this.#watched?.state) {
      // Somebody was faster, and this is the lock that they took.
      try {
        linkSync(away, this.path);
      } catch {
        // And somebody else has one again. Then it was all for the best.
      }
    } else {
      // Its holder's own name for it: a holder that died does not remove that any more.
      const token = read(away) ?? '';
      if (tokenPattern.test(token)) removeFile(`${this.path}.${token}`);
    }
    removeFile(away);
  }

  #hold(): RenewalLock {
    const { path } = this;
    const own = this.#own;
    const token = this.#token;
    const touching = setInterval(() => {
      const now = new Date();
      try {
        utimesSync(own, now, now);
      } catch {
        // It is gone, and with it the lock: isStillHeld says so.
      }
    }, touchEveryMs);
    touching.unref();
    const isStillHeld = (): boolean => read(path) === token;
    return {
      isStillHeld,
      release() {
        clearInterval(touching);
        if (isStillHeld()) removeFile(path);
        removeFile(own);
      },
    };
  }
}

/** Whose lock it is, and when it was last touched: as long as this text stays the same, nobody did anything. */
function stateOf(path: string): string | undefined {
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

/** What came of waiting: it is this process's turn, or another one's renewal is done. */
export type Turn =
  /** Without a lock where there can be none, or where it took too long to come by. */
  | { readonly kind: 'own'; readonly lock: RenewalLock | undefined }
  | { readonly kind: 'renewed'; readonly credential: ClientCredential }
  | { readonly kind: 'failed'; readonly error: EckError };

/** What waiting depends on. */
export interface TurnRules {
  /** What another process has put into the store meanwhile, if it serves. */
  renewed(): Promise<ClientCredential | undefined>;
  /** How long a renewal may take. Whoever holds the lock for longer is not waited for. */
  readonly timeoutMs: number;
}

/** Between two looks; a random time, so that many who wait do not all look at once. */
const lookEveryMs = 40;
const graceMs = 5000;

/**
 * Waits until this process may renew a credential, or another process has done it, or failed to.
 *
 * Whoever fails speaks for all who were waiting at that time: ENS is asked once. Those who come later ask again.
 */
export async function waitForTurn(state: CredentialRecords, rules: TurnRules): Promise<Turn> {
  const path = state.lockFile;
  if (path === undefined) return { kind: 'own', lock: undefined };
  const attempt = new LockAttempt(path);
  const deadline = performance.now() + rules.timeoutMs + graceMs;
  const before = state.lastRenewal()?.finishedAt.getTime();
  while (performance.now() < deadline) {
    const lock = tryLock(attempt);
    if (lock === 'impossible') break;
    const last = state.lastRenewal();
    const isNews = last !== undefined && last.finishedAt.getTime() !== before;
    if (lock !== undefined || isNews) {
      // Its turn may have come because somebody else is done just now.
      const turn = (await renewedOrFailed(rules, isNews ? last : undefined, lock)) ?? ownTurn(lock);
      if (turn !== undefined) return turn;
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs * (0.5 + Math.random())));
  }
  return { kind: 'own', lock: undefined };
}

function ownTurn(lock: RenewalLock | undefined): Turn | undefined {
  return lock && { kind: 'own', lock };
}

/** What another process's renewal has come to, if it has; then the lock is given back. */
async function renewedOrFailed(
  rules: TurnRules,
  news: RenewalRecord | undefined,
  lock: RenewalLock | undefined,
): Promise<Turn | undefined> {
  let turn: Turn | undefined;
  try {
    const credential = await rules.renewed();
    if (credential !== undefined) turn = { kind: 'renewed', credential };
    else if (news?.failure !== undefined) {
      turn = { kind: 'failed', error: new EckError(news.failure.code, news.failure.message) };
    }
    return turn;
  } catch (error) {
    lock?.release();
    throw error;
  } finally {
    if (turn !== undefined) lock?.release();
  }
}

function tryLock(attempt: LockAttempt): RenewalLock | undefined | 'impossible' {
  try {
    return attempt.try();
  } catch {
    // No hard links, no space, no permission: better to renew twice than not at all.
    return 'impossible';
  }
}

const patienceMs = 2000;
const retryMs = 50;

/**
 * Does something while no other process renews the credential. One that takes longer than two seconds is not waited
 * for: whoever removes the lock with the credential's state takes from it the right to keep what it fetches.
 */
export async function withRenewalLock<T>(state: CredentialRecords, work: () => Promise<T>): Promise<T> {
  const lock = await takeLock(state);
  try {
    return await work();
  } finally {
    lock?.release();
  }
}

async function takeLock(state: CredentialRecords): Promise<RenewalLock | undefined> {
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

import type { ClientCredential } from '../credential/client-credential.js';
import { EckError } from '../errors.js';
import type { CredentialState, RenewalRecord } from '../state/credential-state.js';
import { LockAttempt, type RenewalLock } from './renewal-lock.js';

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
export async function waitForTurn(state: CredentialState, rules: TurnRules): Promise<Turn> {
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

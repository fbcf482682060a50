import { freshness, type CredentialDates, type FreshnessSettings } from '../credential/freshness.js';
import type { Finding } from '../kept/find-kept.js';

/**
 * How a credential is, in one word or two. The first of these that holds:
 *
 * - `locked`: it may be in a keychain that is locked, which is not unlocked to find out.
 * - `unknown`: the store that should have it cannot be asked from here.
 * - `gone`: it was kept, and is not any more.
 * - `not kept`: a context asks for it, and it is not kept; the next command fetches it.
 * - `expired`: its certificate has ended; the next command fetches another one.
 * - `no context`: it is kept, and no context of this kubeconfig asks for it.
 * - `due`: it is renewed at the next command, and served if that fails.
 * - `ok`: it is served at once.
 */
export type StatusWord = 'ok' | 'due' | 'expired' | 'gone' | 'not kept' | 'locked' | 'unknown' | 'no context';

/** What the status of a credential depends on. */
export interface StatusFacts {
  readonly finding: Finding['kind'];
  /** Whether it is remembered that it was kept. */
  readonly wasKept: boolean;
  readonly hasContext: boolean;
  /** Absent where nothing is known of them. */
  readonly dates: CredentialDates | undefined;
}

/** Tells how a credential is. A pure function of its arguments. */
export function statusWord(
  { finding, wasKept, hasContext, dates }: StatusFacts,
  settings: FreshnessSettings,
  now: Date,
): StatusWord {
  switch (finding) {
    case 'locked':
    case 'unknown':
      return finding;
    case 'absent':
      return wasKept ? 'gone' : 'not kept';
    case 'there':
      break;
  }
  const verdict = dates === undefined ? 'serve' : freshness(dates, settings, now);
  if (verdict === 'fetch') return 'expired';
  if (!hasContext) return 'no context';
  return verdict === 'renew' ? 'due' : 'ok';
}

import type { ClientCredential } from './client-credential.js';

/** What a person decides about the age of credentials. */
export interface FreshnessSettings {
  /** How long a credential is served before ENS is asked again, so that access ends when the permission ends. */
  readonly maxAgeMs: number;
}

/** What decides about the age of a credential: everything but the credential itself. */
export type CredentialDates = Pick<ClientCredential, 'fetchedAt' | 'notBefore' | 'notAfter'>;

/**
 * What to do with what is kept.
 *
 * - `serve`: answer with it now.
 * - `renew`: ask ENS first; it is still valid, and served if ENS cannot answer.
 * - `fetch`: there is none, or its certificate has expired; only ENS can help.
 */
export type Freshness = 'serve' | 'renew' | 'fetch';

const secondMs = 1000;
const minuteMs = 60 * secondMs;

/** The longest time before a certificate's end at which it is renewed. */
const longestMarginMs = 10 * minuteMs;

/** How far apart two clocks may be before it counts. */
const clockToleranceMs = 5 * minuteMs;

/**
 * What was fetched this recently is not fetched again just for its age. Without this, a certificate that ENS hands
 * out with minutes left to live would be fetched at every command.
 */
const shortestServiceMs = minuteMs;

/**
 * How long before its end a certificate is renewed: a fifth of its lifetime, at most ten minutes.
 */
export function renewalMarginMs({ notBefore, notAfter }: CredentialDates): number {
  return Math.max(0, Math.min((notAfter.getTime() - notBefore.getTime()) / 5, longestMarginMs));
}

/** Tells what to do with what is kept. A pure function of its arguments. */
export function freshness(
  kept: CredentialDates | undefined,
  { maxAgeMs }: FreshnessSettings,
  now: Date,
): Freshness {
  if (kept === undefined || now.getTime() >= kept.notAfter.getTime()) return 'fetch';
  const ageMs = now.getTime() - kept.fetchedAt.getTime();
  // Fetched in the future: the clock was set back, and the age is anyone's guess. Renewing it once sets that right.
  if (ageMs < -clockToleranceMs) return 'renew';
  if (ageMs >= maxAgeMs) return 'renew';
  const pastMargin = now.getTime() >= kept.notAfter.getTime() - renewalMarginMs(kept);
  if (pastMargin && ageMs >= Math.min(shortestServiceMs, renewalMarginMs(kept))) return 'renew';
  return 'serve';
}

/** When a credential is due for renewal, which may be in the past. */
export function renewalDueAt(credential: CredentialDates, { maxAgeMs }: FreshnessSettings): Date {
  return new Date(
    Math.min(
      credential.fetchedAt.getTime() + maxAgeMs,
      credential.notAfter.getTime() - renewalMarginMs(credential),
    ),
  );
}

/**
 * The time at which kubectl should ask again: when the credential is due for renewal.
 *
 * Never in the past, since client-go would then ask for every connection and close those that it has; and never past
 * the certificate's end. Where the renewal is due already (ENS could not be reached, say), it is a minute from now.
 */
export function expirationTimestamp(
  credential: CredentialDates,
  { maxAgeMs }: FreshnessSettings,
  now: Date,
): Date {
  const earliest = now.getTime() + shortestServiceMs;
  // Asked of the rule itself, since what was fetched in the future is due too, and by its age would be so much later.
  const isDue = freshness(credential, { maxAgeMs }, now) !== 'serve';
  const dueAt = renewalDueAt(credential, { maxAgeMs }).getTime();
  return new Date(Math.min(credential.notAfter.getTime(), isDue ? earliest : Math.max(dueAt, earliest)));
}

/**
 * Whether this machine's clock is behind the one that issued the certificate, as far as the certificate tells: it is
 * not valid yet. It is served all the same, since it is the API server's clock that counts, and the person is told.
 */
export function isFromTheFuture({ notBefore }: ClientCredential, now: Date): boolean {
  return now.getTime() < notBefore.getTime();
}

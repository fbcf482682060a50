import type { Settings } from '../settings.js';
import type { ClientCredential } from './client-credential.js';

export type CredentialDates = Pick<ClientCredential, 'fetchedAt' | 'notBefore' | 'notAfter'>;
/** A credential older than this is renewed, so that access ends soon after the permission. */
type MaxAge = Pick<Settings, 'maxAgeMs'>;

const minuteMs = 60_000;
const maxMarginMs = 10 * minuteMs;
const clockToleranceMs = 5 * minuteMs;

/** In the margin, a younger credential is still served, or a short-lived one would be fetched at every command. */
const minServiceMs = minuteMs;

/** How long before its end a certificate is renewed: a fifth of its lifetime, at most ten minutes. */
function renewalMarginMs({ notBefore, notAfter }: CredentialDates): number {
  return Math.max(0, Math.min((notAfter.getTime() - notBefore.getTime()) / 5, maxMarginMs));
}

/** `renew`: it is due, and served only if ENS cannot answer. `fetch`: there is none, or it has expired. */
export function freshness(
  cached: CredentialDates | undefined,
  { maxAgeMs }: MaxAge,
  now: Date,
): 'serve' | 'renew' | 'fetch' {
  if (cached === undefined || now >= cached.notAfter) return 'fetch';
  const ageMs = now.getTime() - cached.fetchedAt.getTime();
  // Fetched in the future: the clock was set back, and the real age is unknown.
  if (ageMs < -clockToleranceMs || ageMs >= maxAgeMs) return 'renew';
  const marginMs = renewalMarginMs(cached);
  const isInMargin = now.getTime() >= cached.notAfter.getTime() - marginMs;
  return isInMargin && ageMs >= Math.min(minServiceMs, marginMs) ? 'renew' : 'serve';
}

/** When a credential is due for renewal, which may be in the past. */
export function renewalDueAt(credential: CredentialDates, { maxAgeMs }: MaxAge): Date {
  const tooOldAt = credential.fetchedAt.getTime() + maxAgeMs;
  return new Date(Math.min(tooOldAt, credential.notAfter.getTime() - renewalMarginMs(credential)));
}

/**
 * When kubectl should ask again: when the credential is due, but not in less than a minute and not after the
 * certificate's end. With a time in the past, client-go asks for every connection.
 */
export function expirationTimestamp(credential: CredentialDates, settings: MaxAge, now: Date): Date {
  const earliest = now.getTime() + minuteMs;
  // Not by its date: what was fetched in the future is due now.
  const isDue = freshness(credential, settings, now) !== 'serve';
  const askAt = isDue ? earliest : Math.max(renewalDueAt(credential, settings).getTime(), earliest);
  return new Date(Math.min(credential.notAfter.getTime(), askAt));
}

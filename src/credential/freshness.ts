import type { ClientCredential } from './client-credential.js';

/**
 * Whether a kept credential is served as it is, or fetched anew.
 *
 * `serve`: answer with it now. `fetch`: there is none, or its certificate has expired.
 */
export type Freshness = 'serve' | 'fetch';

/** Tells what to do with what is kept. A pure function of its arguments. */
export function freshness(kept: ClientCredential | undefined, now: Date): Freshness {
  return kept !== undefined && now.getTime() < kept.notAfter.getTime() ? 'serve' : 'fetch';
}

/** The time at which kubectl should ask again: never past the certificate's end. */
export function expirationTimestamp(credential: ClientCredential): Date {
  return credential.notAfter;
}

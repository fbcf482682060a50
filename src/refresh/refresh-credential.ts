import { certificateSubject } from '../credential/check.js';
import { readKept } from '../credential/read-kept.js';
import type { CredentialDates } from '../credential/freshness.js';
import { EckError, printable } from '../errors.js';
import { identityKey } from '../identity/identity.js';
import { fetchSettings } from '../kept/fetch-settings.js';
import type { KnownCredential } from '../kept/known-credentials.js';
import { openStore } from '../keychain/open-store.js';
import { fetchOnce, isFinal } from '../renewal/renew.js';
import type { Settings } from '../settings/settings.js';
import { CredentialState } from '../state/credential-state.js';
import type { World } from '../world.js';

/** A credential that was fetched. */
export interface Refreshed {
  readonly notAfter: Date;
  /** Safe to print. */
  readonly certificateSubject: string;
  /** Not where no store of this machine works, or none is wanted. */
  readonly isKept: boolean;
}

/**
 * Fetches a known credential now, as the identity that it is kept for, and keeps it where the old one is.
 *
 * @param command the settings of the command: how long it may take, and who asks where no context says so
 * @throws EckError where it cannot be fetched or kept; the message says what became of the old one
 */
export async function refreshCredential(
  credential: KnownCredential,
  command: Settings,
  world: World,
): Promise<Refreshed> {
  const { key, account } = credential;
  const found = await fetchSettings(credential, command, world);
  if (found === undefined) {
    throw new EckError(
      'identity-unusable',
      `the credential of ${key.clusterId} is kept for ${printable(identityKey(key.identity))}, which is not the ` +
        'identity of this environment; set that up, or forget the credential with ' +
        `"kubectl eck logout ${key.clusterId}"`,
    );
  }
  const { settings } = found;
  const store = openStore(settings.store, found.world);
  const state = new CredentialState(account, found.world);
  const kept = await readKept(store, account);
  try {
    const fetched = await fetchOnce({ key, settings, kept, refused: false }, { store, state }, found.world, {
      hasFallBack: false,
      mustKeep: true,
    });
    return {
      notAfter: fetched.notAfter,
      certificateSubject: certificateSubject(fetched),
      isKept: (await readKept(store, account))?.fetchedAt.getTime() === fetched.fetchedAt.getTime(),
    };
  } catch (error) {
    if (!(error instanceof EckError)) throw error;
    const message = `${key.clusterId}: ${error.message}${whatIsLeft(kept, error, world.now())}`;
    throw new EckError(error.code, message, { cause: error });
  }
}

function whatIsLeft(kept: CredentialDates | undefined, error: EckError, now: Date): string {
  if (kept === undefined) return '';
  if (isFinal(error)) return '; the credential that was kept has been deleted';
  const until = kept.notAfter.toISOString();
  return now.getTime() < kept.notAfter.getTime()
    ? `; the credential of ${kept.fetchedAt.toISOString()} is still kept, and valid until ${until}`
    : `; the credential that is kept has expired at ${until}`;
}

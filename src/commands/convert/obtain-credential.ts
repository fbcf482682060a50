import { certificateSubject } from '../../credential/check.js';
import type { ClientCredential } from '../../credential/client-credential.js';
import type { EnsClient } from '../../ens/client.js';
import { issueCredential } from '../../ens/actions.js';
import { EckError, messageOf, type ErrorCode } from '../../errors.js';
import type { KubeconfigUser } from '../../kubeconfig/user.js';
import type { World } from '../../world.js';
import { readEmbeddedCredential } from './embedded-credential.js';
import { waysToSignIn, type ClusterOfUser } from './find-convertible.js';

/** The credential that is to be kept for a user and a cluster. */
export interface Obtained {
  readonly credential: ClientCredential;
  /** Why it was fetched from ENS, where what lay in the kubeconfig is of no use. */
  readonly fetchedBecause?: string;
  /** Whom ENS issues certificates to, where that is somebody else than the one whose certificate is kept now. */
  readonly renewedAs?: string;
  /** Why ENS could not be asked whether it will renew the credential. */
  readonly unchecked?: EckError;
}

/** ENS was not asked, or did not say. */
const unavailableCodes: readonly ErrorCode[] = [
  'ens-unavailable',
  'ens-throttled',
  'ens-clock-skew',
  'ens-answer-invalid',
  'proxy-refused',
  'network-untrusted',
];

/**
 * Obtains the credential that is to be kept for a user: the one that lies in the kubeconfig, else a new one from ENS.
 *
 * ENS is asked for one in any case, and must not say no: when it is asked for the next renewal and says no then, what
 * is kept is deleted, and that may be the only copy. Where it cannot be reached, the credential in the kubeconfig is
 * good enough if it was the person who said which cluster it is for; a name alone may be that of a cluster elsewhere.
 *
 * @throws EckError saying why there is none to keep
 */
export async function obtainCredential(
  user: KubeconfigUser,
  { clusterId, isGiven }: ClusterOfUser,
  account: EnsClient,
  world: World,
): Promise<Obtained> {
  if (waysToSignIn(user.content) !== 'nothing') {
    const others = waysToSignIn(user.content);
    throw new EckError(
      'context-not-convertible',
      `its user signs in with ${others} besides the client key; take one of them out of the kubeconfig`,
    );
  }
  const embedded = await readEmbeddedCredential(user, world.now()).catch((error: unknown) =>
    messageOf(error),
  );
  const isUsable = typeof embedded !== 'string';
  try {
    const { credential } = await issueCredential(account, { clusterId, privateIp: false }, world, {
      hasFallBack: isUsable,
    });
    if (!isUsable) return { credential, fetchedBecause: embedded };
    const renewedAs = certificateSubject(credential);
    return { credential: embedded, ...(renewedAs === certificateSubject(embedded) ? {} : { renewedAs }) };
  } catch (error) {
    if (!(error instanceof EckError)) throw error;
    if (!isUsable) {
      throw new EckError(error.code, `${embedded}, and no new credential could be fetched: ${error.message}`);
    }
    if (!unavailableCodes.includes(error.code)) {
      throw new EckError(error.code, `it could not be renewed later: ${error.message}`);
    }
    if (isGiven) return { credential: embedded, unchecked: error };
    throw new EckError(
      error.code,
      `ENS could not be asked whether ${clusterId} is a cluster of this account: ${error.message}. ` +
        `Try again, or say that it is with --context and --cluster-id ${clusterId}`,
    );
  }
}

import { certificateSubject } from '../credential/check.js';
import { keep } from '../credential/keep.js';
import { credentialKeyText } from '../credential/key.js';
import type { EnsAccount } from '../ens/account.js';
import { issueCredential } from '../ens/issue-credential.js';
import { openStore } from '../keychain/open-store.js';
import type { StoreName } from '../keychain/store.js';
import { CredentialState } from '../state/credential-state.js';
import type { World } from '../world.js';
import type { ContextEntry } from '../kubeconfig/user.js';
import { contextEntry, type ContextSettings } from './context-entry.js';
import { pinnedIdentity } from './pinned-identity.js';

/** What `get-credentials` was asked to do for one cluster. */
export interface ContextRequest extends ContextSettings {
  /** Whether kubectl is to use the API server's private address. */
  readonly privateIp: boolean;
}

/** A cluster whose credential is kept, and the entries that a kubeconfig needs for it. */
export interface ContextSetUp {
  readonly entry: ContextEntry;
  /** The identity and where it came from, in words. */
  readonly identity: string;
  readonly keptIn: StoreName;
  /** The client certificate's subject, safe to print. */
  readonly certificateSubject: string;
  readonly notAfter: Date;
}

/**
 * Fetches a cluster's credential, keeps it, and tells what a kubeconfig needs so that kubectl finds it. Writing that
 * kubeconfig is up to the caller, who may have many clusters to write at once.
 *
 * @throws EckError where there is no credential to be had, or a store that was named by the person cannot keep it
 */
export async function setUpContext(
  account: EnsAccount,
  request: ContextRequest,
  world: World,
): Promise<ContextSetUp> {
  const { clusterId } = request;
  const { signedIn, endpoint, settings } = account;
  const { cluster, credential } = await issueCredential(account, request, world);

  const key = { endpoint, identity: await pinnedIdentity(account, world), clusterId };
  const state = new CredentialState(credentialKeyText(key), world);
  const keptIn = await keep(key, credential, { store: openStore(settings.store, world), state });

  return {
    entry: contextEntry(request, account, cluster),
    identity: signedIn.description,
    keptIn,
    certificateSubject: certificateSubject(credential),
    notAfter: credential.notAfter,
  };
}

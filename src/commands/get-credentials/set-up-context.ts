import { certificateSubject } from '../../credential/check.js';
import { saveCredential } from '../../exec-credential/cache.js';
import { cacheKeyText } from '../../credential/cache-key.js';
import type { CallRules, EnsClient } from '../../ens/client.js';
import { issueCredential } from '../../ens/actions.js';
import type { Identity } from '../../identity.js';
import { openStore } from '../../store/open-store.js';
import type { Store } from '../../store/store.js';
import type { StoreName } from '../../settings.js';
import { CredentialRecords } from '../../exec-credential/records.js';
import type { World } from '../../world.js';
import type { ContextEntry } from '../../kubeconfig/user.js';
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

/** An account, and how its credentials are kept: found out once, for any number of clusters. */
export interface KeepingAccount {
  readonly account: EnsClient;
  /** The identity that its credentials are kept under. */
  readonly identity: Identity;
  readonly store: Store;
}

/** Finds out how the credentials of an account are kept. The store is not asked yet. */
export async function openKeeping(account: EnsClient, world: World): Promise<KeepingAccount> {
  const identity = await pinnedIdentity(account, world);
  return { account, identity, store: openStore(account.settings.store, world) };
}

/**
 * Fetches a cluster's credential, keeps it, and tells what a kubeconfig needs so that kubectl finds it. Writing that
 * kubeconfig is up to the caller, who may have many clusters to write at once.
 *
 * @throws EckError where there is no credential to be had, or a store that was named by the person cannot keep it
 */
export async function setUpContext(
  { account, identity, store }: KeepingAccount,
  request: ContextRequest,
  world: World,
  rules?: CallRules,
): Promise<ContextSetUp> {
  const { clusterId } = request;
  const { cluster, credential } = await issueCredential(account, request, world, rules);
  const key = { endpoint: account.endpoint, identity, clusterId };
  const records = new CredentialRecords(cacheKeyText(key), world);
  const keptIn = await saveCredential(key, credential, { store, records });
  return {
    entry: contextEntry(request, account, cluster),
    identity: account.signer.description,
    keptIn,
    certificateSubject: certificateSubject(credential),
    notAfter: credential.notAfter,
  };
}

import type { ClientCredential } from '../credential/client-credential.js';
import { decodeEntry } from '../credential/entry.js';
import { freshness } from '../credential/freshness.js';
import { keep } from '../credential/keep.js';
import { credentialKeyText } from '../credential/key.js';
import { identityFromSettings } from '../identity/identity.js';
import { openStore } from '../keychain/open-store.js';
import type { Settings } from '../settings/settings.js';
import type { World } from '../world.js';

/** Whose credential is asked for. */
export interface CredentialRequest {
  readonly clusterId: string;
  readonly settings: Settings;
}

const noStoreHere =
  'This machine has no keychain that works, so nothing is kept, and every command fetches a credential from ENS. ' +
  'To keep them in files that only you can read, use --store file or set KUBECTL_ECK_STORE=file; ' +
  'this is said only once';

/**
 * The credential for a cluster: the kept one while it is good, else a new one, which is kept.
 *
 * This is what happens at every kubectl command. While the kept one is good, nothing heavy is loaded and the network
 * is not touched.
 *
 * @throws EckError for everything that ENS, the identity, or a store that was named by the person can be wrong with
 */
export async function provide(request: CredentialRequest, world: World): Promise<ClientCredential> {
  const { clusterId, settings } = request;
  const identity = identityFromSettings(settings.profile, world.environment);
  const account = credentialKeyText({ endpoint: settings.endpoint, identity, clusterId });

  const store = openStore(settings.store, world);
  const entry = await store.read(account);
  const kept = entry && decodeEntry(account, entry);
  if (kept && freshness(kept, world.now()) === 'serve') return kept;

  const { issueCredential } = await import('../ens/issue-credential.js');
  const { credential } = await issueCredential({ clusterId, privateIp: false, settings }, world);
  const keptIn = await keep(store, account, credential);
  if (keptIn === 'none' && settings.store === 'auto') {
    const { tellOnce } = await import('../state/tell-once.js');
    tellOnce('no-store', noStoreHere, world);
  }
  return credential;
}

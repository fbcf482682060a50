import { renewalDueAt } from '../credential/freshness.js';
import { identityKey } from '../identity/identity.js';
import { findKept, type KeptCertificate } from '../kept/find-kept.js';
import type { KnownCredential } from '../kept/known-credentials.js';
import type { KeychainCatalog } from '../keychain/catalog.js';
import type { StoreChoice } from '../keychain/store.js';
import { endpointKey } from '../settings/endpoint.js';
import type { World } from '../world.js';
import { statusWord, type StatusWord } from './status-word.js';

/** How a known credential is. No secret. */
export interface CredentialStatus {
  readonly clusterId: string;
  /** The names of the contexts that ask for it, the current one first. */
  readonly contexts: readonly string[];
  readonly isCurrentContext: boolean;
  /** The identity that it was issued to, such as `profile:work`. */
  readonly identity: string;
  /** The endpoint that issued it; `default` for the China site's. */
  readonly endpoint: string;
  /** Where it is kept, or was, or is to be. */
  readonly store: StoreChoice;
  readonly status: StatusWord;
  readonly certificate: KeptCertificate | undefined;
  /** When the next command renews it. */
  readonly renewsAt: Date | undefined;
}

/**
 * Finds out how a credential is, without unlocking anything or asking anybody.
 *
 * @param maxAgeMs how old it may become where no context says so
 */
export async function credentialStatus(
  credential: KnownCredential,
  catalog: KeychainCatalog,
  { maxAgeMs }: { readonly maxAgeMs: number },
  world: World,
): Promise<CredentialStatus> {
  const { key, record, contexts } = credential;
  const finding = await findKept(credential, catalog, world);
  const certificate = finding.kind === 'there' ? finding.certificate : record;
  // It is renewed for whichever context wants the youngest one.
  const ages = contexts.map(({ settings }) => settings.maxAgeMs);
  const settings = { maxAgeMs: ages.length > 0 ? Math.min(...ages) : maxAgeMs };
  const isThere = finding.kind !== 'absent';
  return {
    clusterId: key.clusterId,
    contexts: contexts.map(({ name }) => name),
    isCurrentContext: contexts.some(({ isCurrent }) => isCurrent),
    identity: identityKey(key.identity),
    endpoint: endpointKey(key.endpoint),
    store: isThere ? finding.store : (record?.store ?? contexts[0]?.settings.store ?? 'auto'),
    status: statusWord(
      {
        finding: finding.kind,
        wasKept: record !== undefined,
        hasContext: contexts.length > 0,
        dates: certificate,
      },
      settings,
      world.now(),
    ),
    certificate,
    renewsAt: certificate && isThere ? renewalDueAt(certificate, settings) : undefined,
  };
}

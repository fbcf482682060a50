import { certificateSubject } from '../credential/check.js';
import { readKept } from '../credential/read-kept.js';
import type { CredentialDates } from '../credential/freshness.js';
import type { KeychainCatalog } from '../keychain/catalog.js';
import { openStore } from '../keychain/open-store.js';
import type { KeepingStore, StoreChoice } from '../keychain/store.js';
import type { World } from '../world.js';
import type { KnownCredential } from './known-credentials.js';

/** A credential as it is kept: what its certificate says. */
export interface KeptCertificate extends CredentialDates {
  /** Safe to print. */
  readonly certificateSubject: string;
}

/** What became of a credential: where it lies, or that it does not. */
export type Finding =
  | {
      readonly kind: 'there';
      readonly store: KeepingStore;
      /** From the store itself where it can be read without asking anybody, else as it is remembered. */
      readonly certificate: KeptCertificate | undefined;
    }
  /** `locked`: it may be in a keychain that is locked. `unknown`: the store that should have it cannot be asked. */
  | { readonly kind: 'locked' | 'unknown'; readonly store: KeepingStore }
  | { readonly kind: 'absent' };

/**
 * Looks where a known credential should be: in the store that is remembered, then in those that its contexts would look
 * in. Reads files and the kernel keyring; of the OS keychain it asks only whether the item is there.
 */
export async function findKept(
  credential: KnownCredential,
  catalog: KeychainCatalog,
  world: World,
): Promise<Finding> {
  const { record, contexts } = credential;
  const certain = new Set<StoreChoice>(contexts.map(({ settings }) => settings.store));
  if (record !== undefined) certain.add(record.store);
  const findings: Finding[] = [];
  for (const store of storesToLook(credential, world.platform)) {
    const finding = await lookIn(store, credential, catalog, world);
    if (finding.kind === 'there') return finding;
    // Where `auto` passes over a store that is not to be had here, so does this.
    if (finding.kind !== 'unknown' || certain.has(store)) findings.push(finding);
  }
  return (
    findings.find(({ kind }) => kind === 'locked') ??
    findings.find(({ kind }) => kind === 'unknown') ?? { kind: 'absent' }
  );
}

/** The stores that a choice stands for. */
export function storesOf(choice: StoreChoice, platform: NodeJS.Platform): KeepingStore[] {
  if (choice === 'none') return [];
  if (choice !== 'auto') return [choice];
  return platform === 'linux' ? ['keychain', 'kernel'] : ['keychain'];
}

function storesToLook({ record, contexts }: KnownCredential, platform: NodeJS.Platform): Set<KeepingStore> {
  const asked = contexts.flatMap(({ settings }) => storesOf(settings.store, platform));
  return new Set(record === undefined ? asked : [record.store, ...asked]);
}

async function lookIn(
  store: KeepingStore,
  { account, record }: KnownCredential,
  catalog: KeychainCatalog,
  world: World,
): Promise<Finding> {
  if (store === 'keychain') {
    const presence = await catalog.presence(account);
    if (presence === 'absent') return { kind: 'absent' };
    return presence === 'there' ? { kind: 'there', store, certificate: record } : { kind: presence, store };
  }
  try {
    const kept = await readKept(openStore(store, world), account);
    // What cannot be understood is as good as absent: it is replaced at the next command.
    if (kept === undefined) return { kind: 'absent' };
    // Field by field: the key must not get any further.
    const { fetchedAt, notBefore, notAfter } = kept;
    const certificate = { certificateSubject: certificateSubject(kept), fetchedAt, notBefore, notAfter };
    return { kind: 'there', store, certificate };
  } catch {
    return { kind: 'unknown', store };
  }
}

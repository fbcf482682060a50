import { credentialKeyText, type CredentialKey } from '../credential/key.js';
import { keyOfSettings } from '../identity/key-of-settings.js';
import type { KeptRecord } from '../state/kept-record.js';
import type { World } from '../world.js';
import type { OwnContext } from './own-contexts.js';
import { withEnvironment } from './with-environment.js';

/** A credential that this machine knows of: it was kept here, or a context asks for it, or both. */
export interface KnownCredential {
  readonly key: CredentialKey;
  /** The key as text, see `credentialKeyText`. */
  readonly account: string;
  /** What is remembered of its being kept. It may be gone all the same. */
  readonly record: KeptRecord | undefined;
  /** The contexts that ask for it, the current one first. */
  readonly contexts: readonly OwnContext[];
}

/**
 * Joins what was kept and what contexts ask for, in the order of cluster ids.
 *
 * @throws EckError where the identity of a context cannot be told
 */
export async function knownCredentials(
  records: readonly KeptRecord[],
  contexts: readonly OwnContext[],
  world: World,
): Promise<KnownCredential[]> {
  const known = new Map<string, KnownCredential>();
  for (const record of records) {
    const account = credentialKeyText(record.key);
    known.set(account, { key: record.key, account, record, contexts: [] });
  }
  for (const context of contexts) {
    const { clusterId, settings } = context;
    const key = await keyOfSettings(clusterId, settings, withEnvironment(world, context.environment));
    const account = credentialKeyText(key);
    const found = known.get(account) ?? { key, account, record: undefined, contexts: [] };
    const itsContexts = context.isCurrent ? [context, ...found.contexts] : [...found.contexts, context];
    known.set(account, { ...found, contexts: itsContexts });
  }
  return [...known.values()].sort(byAccount);
}

/** An account begins with the cluster's id. Not by the language of the machine, so that the order is the same on all. */
function byAccount(one: KnownCredential, other: KnownCredential): number {
  return one.account < other.account ? -1 : 1;
}

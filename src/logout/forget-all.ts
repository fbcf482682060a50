import { EckError } from '../errors.js';
import type { KnownCredential } from '../kept/known-credentials.js';
import { openCatalog } from '../keychain/catalog.js';
import type { KeepingStore, StoreError, StoreName } from '../keychain/store.js';
import type { World } from '../world.js';
import { forgetCredential, storesToForget } from './forget-credential.js';
import { forgetUnknown, removeState } from './forget-leftovers.js';

/** What is to be forgotten. */
export interface ForgetRequest {
  readonly credentials: readonly KnownCredential[];
  /** Only in this store. */
  readonly only: KeepingStore | undefined;
  /** Also what nothing tells of, and everything else that this plugin has left behind. */
  readonly leftovers: boolean;
  /** Whether the directory for state can be used. */
  readonly hasState: boolean;
}

/** Hears what becomes of each credential as it is forgotten. */
export interface ForgetListener {
  forgotten(credential: KnownCredential, deletedFrom: readonly StoreName[]): void;
  failed(error: EckError): void;
}

/**
 * Forgets credentials, one after another, so that a keychain that asks the person asks one thing at a time. One that
 * cannot be forgotten does not keep the others.
 *
 * @returns how many credentials were deleted, and how many of them nothing told of
 */
export async function forgetAll(
  { credentials, only, leftovers, hasState }: ForgetRequest,
  listener: ForgetListener,
  world: World,
): Promise<{ readonly deleted: number; readonly unknown: number }> {
  const catalog = await openCatalog(world);
  try {
    let deleted = 0;
    const failed = new Set<string>();
    for (const credential of credentials) {
      const rules = { only, hasState, catalog };
      const { deletedFrom, failures } = await forgetCredential(credential, rules, world);
      for (const failure of failures) listener.failed(withCluster(credential, failure));
      if (failures.length === 0) listener.forgotten(credential, deletedFrom);
      else failed.add(credential.account);
      deleted += deletedFrom.length;
    }
    if (!leftovers) return { deleted, unknown: 0 };
    const stores = storesToForget(only, world.platform);
    const others = await forgetUnknown(stores, failed, catalog, world);
    for (const failure of others.failures) listener.failed(failure);
    if (only === undefined) removeState(world);
    return { deleted: deleted + others.deleted, unknown: others.deleted };
  } finally {
    catalog.close();
  }
}

function withCluster({ key }: KnownCredential, failure: StoreError): EckError {
  return new EckError(
    failure.code,
    `the credential of ${key.clusterId} is not forgotten: ${failure.message}`,
    { cause: failure },
  );
}

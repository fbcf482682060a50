import { storesOf } from '../kept/find-kept.js';
import type { KnownCredential } from '../kept/known-credentials.js';
import type { KeychainCatalog } from '../keychain/catalog.js';
import { openStore } from '../keychain/open-store.js';
import { keepingStores, StoreError, type KeepingStore, type StoreChoice } from '../keychain/store.js';
import { withRenewalLock } from '../renewal/with-renewal-lock.js';
import { CredentialState } from '../state/credential-state.js';
import type { World } from '../world.js';

/** What became of a credential that was to be forgotten. */
export interface Forgotten {
  /** The stores that had it. */
  readonly deletedFrom: readonly KeepingStore[];
  /** Why a store may still have it. Where there is any, it is still remembered that it is kept. */
  readonly failures: readonly StoreError[];
}

/** How credentials are forgotten. */
export interface ForgetRules {
  /** Only in the stores that this stands for. */
  readonly only: StoreChoice | undefined;
  /** Whether the directory for state can be used; where it cannot, there is none to forget. */
  readonly hasState: boolean;
  readonly catalog: KeychainCatalog;
}

/**
 * Deletes a credential from every store that has it, and forgets what is remembered of it. The OS keychain may ask the
 * person, and is not asked where it does not have the credential.
 */
export async function forgetCredential(
  credential: KnownCredential,
  { only, hasState, catalog }: ForgetRules,
  world: World,
): Promise<Forgotten> {
  const state = hasState ? new CredentialState(credential.account, world) : undefined;
  const work = async (): Promise<Forgotten> => {
    const deletedFrom: KeepingStore[] = [];
    const failures: StoreError[] = [];
    for (const store of storesToForget(only, world.platform)) {
      const isCertain = only === store || mustHave(credential, store);
      try {
        if (await deleteFrom(store, credential.account, isCertain, catalog, world)) deletedFrom.push(store);
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        // That a store cannot be had here is no failure where nothing says that it has the credential.
        if (isCertain || error.code === 'keychain-locked' || error.code === 'keychain-timeout') {
          failures.push(error);
        }
      }
    }
    const isStillKept = failures.length > 0 || !isForgotten(credential, only, world.platform);
    if (!isStillKept) state?.remove();
    return { deletedFrom, failures };
  };
  return state === undefined ? work() : withRenewalLock(state, work);
}

/** Every store of this system, or those that were asked for. */
export function storesToForget(only: StoreChoice | undefined, platform: NodeJS.Platform): KeepingStore[] {
  if (only !== undefined) return storesOf(only, platform);
  return keepingStores.filter((store) => store !== 'kernel' || platform === 'linux');
}

/** Whether a store was named to keep the credential, or is remembered to. */
function mustHave({ record, contexts }: KnownCredential, store: KeepingStore): boolean {
  return record?.store === store || contexts.some(({ settings }) => settings.store === store);
}

/** Whether the store that is remembered was among those that it was deleted from. */
function isForgotten(
  { record }: KnownCredential,
  only: StoreChoice | undefined,
  platform: NodeJS.Platform,
): boolean {
  return record === undefined || storesToForget(only, platform).includes(record.store);
}

async function deleteFrom(
  store: KeepingStore,
  account: string,
  isCertain: boolean,
  catalog: KeychainCatalog,
  world: World,
): Promise<boolean> {
  if (store === 'keychain') {
    const presence = await catalog.presence(account);
    // Where it cannot be asked, and is said to have the credential, the store itself says what is wrong.
    if (presence === 'absent' || (presence === 'unknown' && !isCertain)) return false;
  }
  return openStore(store, world).delete(account);
}

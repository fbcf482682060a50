import { credentialsDirectory } from '../cache-directory.js';
import type { World } from '../world.js';
import { autoStore } from './auto-store.js';
import { kernelKeyring } from './kernel-keyring.js';
import { noStore } from './no-store.js';
import { osKeychain } from './os-keychain.js';
import type { Store, StoreError } from './store.js';
import type { StoreChoice } from '../settings.js';
import type { TimeLimits } from './time-limit.js';

/** What the stores depend on outside of themselves. */
export interface StoreContext extends Pick<World, 'environment' | 'platform' | 'homeDirectory' | 'warn'> {
  /**
   * Told why `auto` passes over a store, at every call that does. Without it, `auto` says nothing: that a machine has
   * no keychain is no news to whoever runs kubectl there.
   */
  readonly onFailure?: (failure: StoreError) => void;
  /** How long the OS keychain is waited for, where not as long as `patienceFor` says. */
  readonly limits?: TimeLimits;
}

/**
 * The store that a person chose. Nothing is loaded or asked before its first call.
 *
 * - A store by its name does what it is asked, or throws a StoreError.
 * - `auto` is the OS keychain where there is one that works; else, on Linux, the kernel keyring if what is written
 *   can be read back; else nothing is kept. It throws no StoreError, see {@link autoStore}.
 */
export function openStore(choice: StoreChoice, context: StoreContext): Store {
  switch (choice) {
    case 'auto': {
      const stores = [osKeychain(context)];
      if (context.platform === 'linux') stores.push(kernelKeyring(context));
      return autoStore(stores, context.onFailure ?? (() => undefined));
    }
    case 'keychain':
      return osKeychain(context);
    case 'kernel':
      return kernelKeyring(context);
    case 'file':
      return openWhenUsed(choice, async () => {
        const { fileStore } = await import('./file-store.js');
        return fileStore(credentialsDirectory(context));
      });
    case 'none':
      return noStore;
  }
}

/** A store whose module is loaded with the first call. */
function openWhenUsed(name: StoreChoice, open: () => Promise<Store>): Store {
  let opened: Promise<Store> | undefined;
  const store = (): Promise<Store> => (opened ??= open());
  return {
    name,
    read: async (account) => (await store()).read(account),
    save: async (account, entry) => (await store()).save(account, entry),
    delete: async (account) => (await store()).delete(account),
  };
}

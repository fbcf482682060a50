import { loadAddon as loadAddonHere, type LoadAddon } from './addon.js';
import { addonItems } from './addon-items.js';
import { sameBytes, splitItems } from './split-items.js';
import { StoreError, type Store } from './store.js';

/** The most bytes that a key of type `user` holds. */
const itemLimit = 32_767;

/**
 * The store `kernel`: the kernel's keyring of this session and, where the kernel has one, of this user. In memory, so
 * what is kept there is gone after a restart.
 *
 * Every call throws a StoreError: `keychain-absent` where there are no keyrings, and `keychain-refused` where there
 * are and they are not for this process, or are full. What was written has been read back.
 */
export function kernelKeyring({
  platform,
  loadAddon = loadAddonHere,
}: {
  readonly platform: NodeJS.Platform;
  readonly loadAddon?: LoadAddon;
}): Store {
  const items = addonItems('kernel', loadAddon);
  const entries = splitItems(items, { store: 'kernel', limit: itemLimit });

  /**
   * A process without a session keyring can create a key, and then neither read nor delete it. So it is tried with
   * one byte, before a secret is left lying there. Another process may be trying too, and have deleted it.
   */
  async function tryOut(): Promise<void> {
    await items.write('probe', Uint8Array.of(1));
    await items.read('probe');
    await items.delete('probe');
  }

  function onLinux(): void {
    if (platform === 'linux') return;
    throw new StoreError(
      'kernel',
      'keychain-absent',
      'only Linux has a kernel keyring; choose --store keychain, or --store file',
    );
  }

  return {
    name: 'kernel',
    async read(account) {
      onLinux();
      return entries.read(account);
    },
    async save(account, entry) {
      onLinux();
      await tryOut();
      await entries.write(account, entry);
      const kept = await entries.read(account);
      if (kept === undefined || !sameBytes(kept, entry)) {
        throw new StoreError(
          'kernel',
          'keychain-refused',
          'the kernel keyring does not give back what was written to it; keep credentials in files with --store file',
        );
      }
      return 'kernel';
    },
    async delete(account) {
      onLinux();
      return entries.delete(account);
    },
  };
}

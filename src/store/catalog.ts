import type { World } from '../world.js';
import { loadAddon as loadAddonHere, type LoadAddon } from './addon.js';

/**
 * Whether an item is in the OS keychain.
 *
 * - `locked`: it is, or may be, in a part of the keychain that is locked.
 * - `unknown`: the keychain cannot be asked from here, as without a desktop session, or gives no answer.
 */
export type Presence = 'there' | 'locked' | 'absent' | 'unknown';

/** What the OS keychain holds of this plugin, told without reading a secret. */
export interface KeychainCatalog {
  /** Never unlocks the keychain, and never asks the person. */
  presence(account: string): Promise<Presence>;
  /**
   * The accounts of all items. This is for a person who wants them gone: some keychains ask before they tell.
   *
   * @throws StoreError where the keychain does not tell
   */
  accounts(): Promise<string[]>;
  /** Ends the connection to the keychain. */
  close(): void;
}

/** What a catalog depends on outside of itself. */
export interface CatalogContext extends Pick<World, 'environment' | 'platform'> {
  readonly loadAddon?: LoadAddon;
}

/** The catalog of this system's keychain. Nothing is asked before its first call. */
export async function openCatalog(context: CatalogContext): Promise<KeychainCatalog> {
  const { environment, platform, loadAddon = loadAddonHere } = context;
  switch (platform) {
    case 'linux': {
      const { secretServiceCatalog } = await import('./secret-service-catalog.js');
      return secretServiceCatalog(environment);
    }
    case 'darwin': {
      const { macosCatalog } = await import('./macos-catalog.js');
      return macosCatalog({ loadAddon });
    }
    default: {
      const { addonCatalog } = await import('./addon-catalog.js');
      return addonCatalog(loadAddon);
    }
  }
}

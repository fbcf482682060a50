import type { World } from '../world.js';
import { addonItems, loadAddon, type LoadAddon } from './addon.js';
import { findSessionBus, SecretService } from './secret-service.js';
import { splitItems, StoreError, type Items, type Store } from './store.js';

/** The most bytes of one Windows credential (CRED_MAX_CREDENTIAL_BLOB_SIZE). */
const windowsItemLimit = 2560;

/** In milliseconds: for a call, for one that asks the person on a display, and until the person is informed. */
const defaultTimeLimits = { call: 5_000, prompt: 60_000, notice: 2_000 };

export interface KeychainContext extends Pick<World, 'environment' | 'platform' | 'warn'> {
  readonly timeLimits?: typeof defaultTimeLimits;
  readonly loadAddon?: LoadAddon;
}

type Keychain = Items & Pick<SecretService, 'deleteAll'> & Partial<Pick<SecretService, 'ping' | 'close'>>;

/**
 * The store `keychain`: macOS Keychain, Windows Credential Manager, or the Secret Service on Linux. Every call ends
 * within its time limit; on macOS and Windows it then goes on in the background, and Node.js ends only after it.
 */
export function openKeychain(context: KeychainContext): Store {
  const { environment, platform, warn, timeLimits: limits = defaultTimeLimits } = context;
  const hasDisplay = platform !== 'linux' || Boolean(environment['DISPLAY'] || environment['WAYLAND_DISPLAY']);
  const entriesIn = (keychain: Keychain) => splitItems(keychain, platform === 'win32' ? windowsItemLimit : undefined);
  let isNoticed = false;

  async function use<T>(work: (keychain: Keychain) => Promise<T>): Promise<T> {
    let giveUp!: (error: StoreError) => void;
    const timeout = new Promise<never>((_, reject) => (giveUp = reject));
    let isAsking = false;
    let limitTimer: NodeJS.Timeout | undefined;
    const startTimer = (limitMs: number) => {
      clearTimeout(limitTimer);
      limitTimer = setTimeout(() => {
        const [what, how] = isAsking
          ? ['was not unlocked', 'Unlock it']
          : ['did not answer', 'Restart your keychain program'];
        const message = `the keychain ${what} within ${Math.round(limitMs / 1000)} s`;
        const fix = `${how}, then run the command again`;
        giveUp(new StoreError('keychain', 'keychain-timeout', message, fix));
      }, limitMs);
    };
    const onPrompt = (isOpen: boolean) => {
      isAsking = isOpen;
      if (hasDisplay) startTimer(isOpen ? limits.prompt : limits.call);
    };
    const keychain: Keychain =
      platform === 'linux'
        ? new SecretService(findSessionBus(environment), onPrompt)
        : addonItems('keychain', context.loadAddon ?? loadAddon);
    startTimer(limits.call);
    // Only the Secret Service shows when it asks the person.
    if (platform !== 'linux') onPrompt(true);
    const noticeTimer = setTimeout(() => {
      // A keychain that runs and does not answer asks the person by itself, as KeePassXC does.
      const isRunning = isAsking ? Promise.resolve() : hasDisplay ? keychain.ping?.() : undefined;
      void isRunning?.then(
        () => {
          if (!isAsking) onPrompt(true);
          if (!isNoticed) warn('waiting for the keychain to be unlocked');
          isNoticed = true;
        },
        () => undefined,
      );
    }, limits.notice);
    try {
      return await Promise.race([work(keychain), timeout]);
    } finally {
      clearTimeout(limitTimer);
      clearTimeout(noticeTimer);
      keychain.close?.();
    }
  }

  return {
    name: 'keychain',
    read: (key) => use((keychain) => entriesIn(keychain).read(key)),
    save: (key, entry) => use((keychain) => entriesIn(keychain).save(key, entry)).then(() => 'keychain'),
    delete: (key) => use((keychain) => entriesIn(keychain).delete(key)),
    deleteAll: () => use((keychain) => keychain.deleteAll()),
  };
}

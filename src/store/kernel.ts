import { readFileSync } from 'node:fs';
import type { World } from '../world.js';
import { addonItems, loadAddon as loadAddonHere, type LoadAddon } from './addon.js';
import { sameBytes, splitItems } from './split-items.js';
import { StoreError, type Store } from './store.js';

export interface KernelContext extends Pick<World, 'platform'> {
  readonly loadAddon?: LoadAddon;
  /** The session keyrings of this user that can be seen. */
  readonly sessionKeyrings?: () => readonly string[];
}

/**
 * The store `kernel`: the kernel's session keyring and, where the kernel has one, the user's persistent keyring. In
 * memory, so its entries are gone after a restart.
 *
 * @throws StoreError from every method: `keychain-absent` without keyrings; `keychain-refused` if they are full, or if
 * no other process of this shell could read them
 */
export function openKernelKeyring(context: KernelContext): Store {
  const { platform, loadAddon = loadAddonHere, sessionKeyrings = readSessionKeyrings } = context;
  const items = addonItems('kernel', loadAddon);
  const entries = splitItems(items, { store: 'kernel', limit: Infinity });
  let checked: Promise<void> | undefined;

  /**
   * The kernel gives a process that has no session keyring one of its own, which no other process can read. It does so
   * at the first access, which is made here and leaves nothing behind.
   */
  async function check(): Promise<void> {
    if (platform !== 'linux')
      fail('only Linux has a kernel keyring', 'choose another --store', 'keychain-absent');
    const before = sessionKeyrings();
    const failure = await items.read('probe').then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    if (sessionKeyrings().some((keyring) => !before.includes(keyring))) {
      fail(
        'this shell has no session keyring',
        'start your shell with "keyctl session -", or choose --store file',
      );
    }
    if (failure !== undefined) throw failure;
  }

  async function use<T>(work: () => Promise<T>): Promise<T> {
    await (checked ??= check());
    return work();
  }

  return {
    name: 'kernel',
    read: (key) => use(() => entries.read(key)),
    save: (key, entry) =>
      use(async () => {
        await entries.save(key, entry);
        const saved = await entries.read(key).catch(() => undefined);
        if (saved !== undefined && sameBytes(saved, entry)) return 'kernel' as const;
        await entries.delete(key).catch(() => false);
        return fail('the kernel keyring does not return what is saved in it', 'choose --store file');
      }),
    delete: (key) => use(() => entries.delete(key)),
    // The addon cannot list keys.
    deleteAll: () => Promise.resolve(0),
  };
}

function readSessionKeyrings(): readonly string[] {
  try {
    return readFileSync('/proc/keys', 'latin1').match(/^[0-9a-f]+(?=.* keyring +_ses\b)/gm) ?? [];
  } catch {
    return [];
  }
}

function fail(message: string, fix: string, code: StoreError['code'] = 'keychain-refused'): never {
  throw new StoreError('kernel', code, message, { fix });
}

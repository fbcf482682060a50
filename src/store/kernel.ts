import { readFileSync } from 'node:fs';
import { ifPossible } from '../errors.js';
import type { World } from '../world.js';
import { addonItems, loadAddon, type LoadAddon } from './addon.js';
import { sameBytes, splitItems } from './split-items.js';
import { StoreError, type Store } from './store.js';

/**
 * The store `kernel`: the kernel's session keyring and, where the kernel has one, the user's persistent keyring. In
 * memory, so its entries are gone after a restart. Refuses if no other process of this shell could read them.
 */
export function openKernelKeyring(
  { platform }: Pick<World, 'platform'>,
  load: LoadAddon = loadAddon,
  sessionKeyrings = readSessionKeyrings,
): Store {
  const items = addonItems('kernel', load);
  const entries = splitItems(items);
  let checked: Promise<void> | undefined;

  /**
   * The kernel gives a process that has no session keyring one of its own, which no other process can read. It does so
   * at the first access, which is made here and leaves nothing behind.
   */
  async function check(): Promise<void> {
    if (platform !== 'linux') fail('absent', 'only Linux has a kernel keyring', 'choose another --store');
    const before = sessionKeyrings();
    const [probe] = await Promise.allSettled([items.read('probe')]);
    if (sessionKeyrings().some((keyring) => !before.includes(keyring))) {
      const fix = 'start your shell with "keyctl session -", or choose --store file';
      fail('refused', 'this shell has no session keyring', fix);
    }
    if (probe.status === 'rejected') throw probe.reason as StoreError;
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
        return fail('refused', 'the kernel keyring does not return what it saved', 'choose --store file');
      }),
    delete: (key) => use(() => entries.delete(key)),
    // The addon cannot list keys.
    deleteAll: () => Promise.resolve(0),
  };
}

function readSessionKeyrings(): readonly string[] {
  const keys = ifPossible(() => readFileSync('/proc/keys', 'latin1'));
  return keys?.match(/^[0-9a-f]+(?=.* keyring +_ses\b)/gm) ?? [];
}

function fail(reason: 'absent' | 'refused', message: string, fix: string): never {
  throw new StoreError('kernel', `keychain-${reason}`, message, fix);
}

import { readFileSync } from 'node:fs';
import { ifPossible } from '../errors.js';
import type { World } from '../world.js';
import { addonItems, loadAddon, service, type LoadAddon } from './addon.js';
import { sameBytes, splitItems, StoreError, type Store } from './store.js';

/**
 * The store `kernel`: the kernel's session keyring and, where the kernel has one, the user's persistent keyring. In
 * memory, so its entries are gone after a restart. Refuses if no other process of this shell could read them.
 */
export function openKernelKeyring(
  { platform }: Pick<World, 'platform'>,
  load: LoadAddon = loadAddon,
  readKeys = readProcKeys,
): Store {
  const items = addonItems('kernel', load);
  const entries = splitItems(items);
  let checked: Promise<void> | undefined;

  /** The first access gives a process without a session keyring one that no other can read. */
  async function check(access: () => Promise<Uint8Array | undefined>): Promise<void> {
    if (platform !== 'linux') fail('absent', 'only Linux has a kernel keyring', 'Choose another --store');
    // Loading takes longer than everything else here, and meanwhile another session may begin.
    await load('kernel').catch(() => undefined);
    const before = readKeys() ?? '';
    const [probe] = await Promise.allSettled([access()]);
    // Another process saved this, so the keyring is shared.
    if (probe.status === 'fulfilled' && probe.value !== undefined) return;
    const after = readKeys() ?? '';
    // The addon links the persistent keyring into it, so a new one that is empty is that of another session.
    const hasPersistent = after.includes(' _persistent.');
    const sessions = hasPersistent ? /^[0-9a-f]+(?=.* keyring +_ses: \d)/gm : /^[0-9a-f]+(?=.* keyring +_ses: )/gm;
    if (after !== before && after.match(sessions)?.some((serial) => !before.includes(`${serial} `))) {
      const fix = 'Start your shell with "keyctl session -", or choose --store file';
      fail('refused', 'this shell has no session keyring', fix);
    }
    if (probe.status === 'rejected') throw probe.reason as StoreError;
  }

  async function use<T>(work: () => Promise<T>): Promise<T> {
    await (checked ??= check(() => items.read('probe')));
    return work();
  }

  async function read(key: string): Promise<Uint8Array | undefined> {
    if (checked !== undefined) return use(() => entries.read(key));
    let entry: Uint8Array | undefined;
    await (checked = check(async () => (entry = await entries.read(key))));
    return entry;
  }

  return {
    name: 'kernel',
    read,
    save: (key, entry) =>
      use(async () => {
        await entries.save(key, entry);
        const saved = await entries.read(key).catch(() => undefined);
        if (saved !== undefined && sameBytes(saved, entry)) return 'kernel' as const;
        await entries.delete(key).catch(() => false);
        return fail('refused', 'the kernel keyring does not return what it saved', 'Choose --store file');
      }),
    async delete(key) {
      let isDeleted = false;
      let problem: StoreError | undefined;
      try {
        // The session's keyring and the persistent one may have one each.
        await use(async () => {
          for (let left = 8; left > 0 && (await entries.delete(key)); left -= 1) isDeleted = true;
        });
      } catch (error) {
        problem = error as StoreError;
      }
      const keys = readKeys();
      if (keys !== undefined && namesIn(keys).includes(key)) {
        const message = 'the kernel keyring of another session has it';
        const fix = 'Run this command in the shell that saved it, or in a shell of "keyctl session -"';
        throw new StoreError('kernel', 'keychain-unreachable', message, fix, problem);
      }
      if (keys === undefined && problem !== undefined) throw problem;
      return isDeleted;
    },
    // The addon cannot list keys.
    deleteAll: () => Promise.resolve(0),
  };
}

/** The keys of all sessions of this user (proc_keys(5)); some containers hide them. */
function readProcKeys(): string | undefined {
  return ifPossible(() => readFileSync('/proc/keys', 'latin1')) || undefined;
}

/** The names of our items in the keyrings of this user's sessions. */
function namesIn(keys: string): string[] {
  const pattern = /^[0-9a-f]+ ([A-Zi-]{7}) +\d+ +\S+ [0-9a-f]+ +(\d+) +-?\d+ user +keyring:(.+)@(\S+): \d+$/gm;
  return [...keys.matchAll(pattern)].flatMap(([, flags = '', user, name = '', itsService]) => {
    // Revoked, dead and invalidated keys cannot be read any more.
    const isOurs = itsService === service && Number(user) === process.getuid?.() && !/[RDi]/.test(flags);
    return isOurs ? [name] : [];
  });
}

function fail(reason: 'absent' | 'refused', message: string, fix: string): never {
  throw new StoreError('kernel', `keychain-${reason}`, message, fix);
}

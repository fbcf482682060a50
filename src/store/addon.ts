import { existsSync, realpathSync } from 'node:fs';
import type * as keyring from '@napi-rs/keyring';
import { messageOf } from '../errors.js';
import { StoreError, type Items } from './store.js';

/** True in the executable. Set at build time, so that the bundler drops the other branch. */
declare const KUBECTL_ECK_STANDALONE: boolean | undefined;

/** What a person finds our items by in a keychain program. */
export const service = 'kubectl-eck';

export type AddonStore = 'keychain' | 'kernel';

/** The part of the native addon that is used here. `Entry` has no threads. */
export type KeyringAddon = Pick<typeof keyring, 'AsyncEntry' | 'Entry' | 'findCredentialsAsync'>;

export type LoadAddon = (store: AddonStore) => Promise<KeyringAddon>;

let loaded: KeyringAddon | undefined;

/** Loads the addon once: the npm package under Node.js, else `keyring.node` beside the executable. @throws StoreError */
export const loadAddon: LoadAddon = async (store) => {
  if (loaded) return loaded;
  let name = '@napi-rs/keyring';
  try {
    if (typeof KUBECTL_ECK_STANDALONE === 'undefined' || !KUBECTL_ECK_STANDALONE) {
      return await import('@napi-rs/keyring');
    }
    // kubectl runs a plugin through a symbolic link, so the folder is that of the executable itself.
    name = realpathSync.native(process.execPath).replace(/[^\\/]*$/, 'keyring.node');
    const module = { exports: {} };
    // Faster than require(), and it looks nowhere but at this path.
    process.dlopen(module, name);
    return (loaded = module.exports as KeyringAddon);
  } catch (cause) {
    const isMissing = name.endsWith('.node') && !existsSync(name);
    const problem = isMissing ? 'is missing' : `cannot be loaded (${messageOf(cause)})`;
    const message = `the keychain addon ${name} ${problem}`;
    throw new StoreError(store, 'keychain-absent', message, 'Install kubectl-eck again', cause);
  }
};

/** The items of a keychain, through the addon, which is loaded at the first call. @throws StoreError from every method */
export function addonItems(store: AddonStore, load: LoadAddon) {
  async function use<T>(work: (module: KeyringAddon) => Promise<T> | T): Promise<T> {
    try {
      return await work(await load(store));
    } catch (error) {
      throw storeFailure(store, error);
    }
  }

  // The kernel answers at once; starting threads to wait for it takes a millisecond.
  const entryOf = ({ Entry, AsyncEntry }: KeyringAddon, name: string) =>
    new (store === 'kernel' ? Entry : AsyncEntry)(service, name, { linux: { store: 'keyutils' } });

  const items: Items = {
    read: (name) =>
      use(async (module) => {
        const bytes = await entryOf(module, name).getSecret();
        return bytes === null ? undefined : Uint8Array.from(bytes);
      }),
    save: (name, bytes) => use((module) => entryOf(module, name).setSecret(bytes)),
    delete: (name) =>
      use(async (module) => {
        const entry = entryOf(module, name);
        const deleted = await entry.deleteCredential();
        // On macOS the addon does not report an item that the keychain would not delete. In the kernel there may be another.
        if (store === 'keychain' && deleted && (await entry.getSecret()) !== null)
          throw new Error('the item cannot be deleted');
        return deleted;
      }),
  };

  async function deleteAll(): Promise<number> {
    const found = await use((module) => module.findCredentialsAsync(service));
    for (const { account } of found) await items.delete(account);
    // The parts of one entry are named `<name>#2` and so on.
    return found.filter(({ account }) => !/#\d+$/.test(account)).length;
  }
  return { ...items, deleteAll };
}

type Reason = 'locked' | 'absent' | 'refused' | 'full';
type KnownFailure = readonly [RegExp, Reason, message: string, fix: string];

/** The words of @napi-rs/keyring 2.1, which has no codes. On macOS they are in the person's language: then `refused`. */
const knownFailures: Record<AddonStore, readonly KnownFailure[]> = {
  keychain: [
    [/not allowed|no ui|locked/i, 'locked', 'the keychain is locked', 'Run "security unlock-keychain"'],
    [/no keychain is|not be found/i, 'absent', 'there is no keychain', 'Create one in Keychain Access'],
    [/no_such_logon/i, 'absent', 'this session has no Credential Manager', 'Sign in with a password'],
  ],
  kernel: [
    [/accessdenied/i, 'refused', 'the kernel keyring does not return what it saved', 'Use --store file'],
    [
      /quotaexceeded/i,
      'full',
      'the kernel keyring is full: its quota for your keys, or their bytes, is used up',
      'Delete credentials with "kubectl eck logout", or use --store file',
    ],
    [/permissiondenied/i, 'refused', 'the kernel keyring is not allowed here', 'Use --store file'],
    // ENOSYS: a kernel without keyrings, or a sandbox that emulates one.
    [/unknown\(38\)|notsupported/i, 'absent', 'this kernel has no keyrings', 'Use --store file'],
  ],
};

export function storeFailure(store: AddonStore, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  const words = messageOf(cause).replace(/^(?:Platform failure|Couldn't access platform storage): /, '');
  const place = store === 'keychain' ? 'the keychain' : 'the kernel keyring';
  const known = knownFailures[store].find(([pattern]) => pattern.test(words));
  const other: KnownFailure = [/^/, 'refused', `${place} refused (${words})`, 'Choose another --store'];
  const [, reason, message, fix] = known ?? other;
  return new StoreError(store, `keychain-${reason}`, message, fix, cause);
}

import type { AsyncEntry, Entry, findCredentialsAsync } from '@napi-rs/keyring';
import { messageOf } from '../errors.js';
import { StoreError } from './store.js';
import { type StoreName } from '../settings.js';

/** True in the standalone executable. Set when it is built, so that the bundler drops the other branch. */
declare const KUBECTL_ECK_STANDALONE: boolean | undefined;

/** One item of a keychain, as the addon sees it. */
export type KeyringEntry = Pick<AsyncEntry | Entry, 'setSecret' | 'getSecret' | 'deleteCredential'>;

/** The native addon that speaks to keychains, or as much of it as is used here. */
export interface KeyringAddon {
  /** Constructing one connects to the Secret Service where that is the store, and throws where it cannot. */
  readonly AsyncEntry: new (...args: ConstructorParameters<typeof AsyncEntry>) => KeyringEntry;
  /** The same without threads, for a store that never waits. */
  readonly Entry: new (...args: ConstructorParameters<typeof Entry>) => KeyringEntry;
  /** Reads every secret of a service. */
  readonly findCredentialsAsync: typeof findCredentialsAsync;
}

/** Loads the addon on behalf of a store. */
export type LoadAddon = (store: StoreName) => Promise<KeyringAddon>;

/**
 * Loads the addon: the npm package under Node.js, and `keyring.node` beside the executable in the standalone one.
 *
 * @throws StoreError `keychain-absent` where there is none, or it does not load here
 */
export const loadAddon: LoadAddon = (store) =>
  typeof KUBECTL_ECK_STANDALONE !== 'undefined' && KUBECTL_ECK_STANDALONE
    ? fromFileBesideExecutable(store)
    : fromPackage(store);

async function fromPackage(store: StoreName): Promise<KeyringAddon> {
  try {
    return await import('@napi-rs/keyring');
  } catch (error) {
    throw notLoadable(store, '@napi-rs/keyring', error);
  }
}

async function fromFileBesideExecutable(store: StoreName): Promise<KeyringAddon> {
  const file = await fileBesideExecutable('keyring.node');
  try {
    const module = { exports: {} };
    // Faster than require(), and it looks nowhere but at this path.
    process.dlopen(module, file);
    return module.exports as KeyringAddon;
  } catch (error) {
    throw notLoadable(store, file, error);
  }
}

/**
 * A file in the executable's own folder. That is the folder that it really lies in: kubectl runs a plugin through a
 * symbolic link on PATH, and whoever owns the link's folder need not own the program.
 */
async function fileBesideExecutable(name: string): Promise<string> {
  let executable = process.execPath;
  if (process.platform !== 'linux') {
    // Linux tells the real path. node:fs costs a millisecond, which kubectl waits for.
    const { realpathSync } = await import('node:fs');
    executable = realpathSync.native(executable);
  }
  const folder = executable.slice(0, executable.lastIndexOf(process.platform === 'win32' ? '\\' : '/') + 1);
  return folder + name;
}

function notLoadable(store: StoreName, what: string, error: unknown): StoreError {
  return new StoreError(
    store,
    'keychain-absent',
    `the keychain addon ${what} cannot be loaded (${messageOf(error)}); install kubectl-eck again, or keep ` +
      'credentials in files with --store file',
    { cause: error },
  );
}

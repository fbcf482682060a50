import { loadAddon as loadAddonHere, type LoadAddon } from './addon.js';
import { addonItems } from './addon-items.js';
import type { Environment } from '../world.js';
import { splitItems, type Items } from './split-items.js';
import { StoreError, type Store } from './store.js';
import { timeLimitsFor, settlesWithin, type TimeLimits } from './time-limit.js';

/** The most bytes that Windows keeps in one credential (CRED_MAX_CREDENTIAL_BLOB_SIZE). */
const windowsItemLimit = 2560;
/** libdbus looks at its socket once a second, and another second is for a slow machine. */
const hangUpMs = 2_000;

/** Where the OS keychain is looked for, and how it is waited for. */
export interface OsKeychainOptions {
  readonly environment: Environment;
  readonly platform: NodeJS.Platform;
  /** Told once, when the keychain seems to be waiting for the person. */
  readonly warn: (message: string) => void;
  readonly patience?: TimeLimits;
  readonly loadAddon?: LoadAddon;
  /** Makes an unanswered call end, where that can be done. */
  readonly hangUp?: (openBefore: ReadonlySet<string>) => Promise<void>;
}

/**
 * The store `keychain`: macOS Keychain, Windows Credential Manager, or the Secret Service.
 *
 * Every call throws a StoreError: `keychain-absent` (no session bus, no Secret Service, no keychain, no addon),
 * `keychain-locked` (nobody unlocked it), `keychain-refused`, or `keychain-timeout` (see {@link TimeLimits}).
 *
 * Under Linux a call that took too long is ended. Elsewhere it cannot be, and keeps its process from ending by
 * itself: `process.exit()` ends the standalone executable all the same, and Node.js when the person has answered.
 */
export function osKeychain(options: OsKeychainOptions): Store {
  const { environment, platform, warn, loadAddon = loadAddonHere } = options;
  const patience = options.patience ?? timeLimitsFor(environment, platform);
  const hangUp = options.hangUp ?? ((openBefore) => hangUpOn(platform, openBefore));
  const items = addonItems('keychain', loadAddon);
  const entries = splitItems(platform === 'linux' ? asText(items) : items, {
    store: 'keychain',
    limit: platform === 'win32' ? windowsItemLimit : Infinity,
  });
  let personWasTold = false;
  /** What was open before the addon could open anything. */
  let openBefore: ReadonlySet<string> | undefined;

  async function inTime<T>(ask: () => Promise<T>): Promise<T> {
    if (platform === 'linux' && !(await hasSessionBus(environment))) {
      throw new StoreError(
        'keychain',
        'keychain-absent',
        'there is no D-Bus session bus here, so no Secret Service; use a desktop session, or keep credentials in ' +
          'files with --store file',
      );
    }
    openBefore ??= await openDescriptors(platform);
    const answer = ask();
    if (await settlesWithin(answer, patience.noticeAfterMs)) return answer;
    if (!personWasTold) warn('waiting for the keychain to be unlocked');
    personWasTold = true;
    if (await settlesWithin(answer, patience.limitMs - patience.noticeAfterMs)) return answer;

    // Where this fails, the call goes on, as it does where it cannot be ended at all.
    await hangUp(openBefore).catch(() => undefined);
    await settlesWithin(answer, hangUpMs);
    throw new StoreError(
      'keychain',
      'keychain-timeout',
      `the keychain gave no answer in ${Math.round(patience.limitMs / 1000)} seconds; unlock it and try again, or ` +
        'keep credentials in files with --store file',
    );
  }

  return {
    name: 'keychain',
    read: (account) => inTime(() => entries.read(account)),
    async save(account, entry) {
      await inTime(() => entries.write(account, entry));
      return 'keychain';
    },
    delete: (account) => inTime(() => entries.delete(account)),
  };
}

/** Where libdbus looks for the session bus: found without loading the addon, on servers and in containers. */
async function hasSessionBus(environment: Environment): Promise<boolean> {
  if (environment['DBUS_SESSION_BUS_ADDRESS']) return true;
  const runtimeDirectory = environment['XDG_RUNTIME_DIR'];
  if (!runtimeDirectory) return false;
  const { existsSync } = await import('node:fs');
  return existsSync(`${runtimeDirectory}/bus`);
}

/**
 * Items as base64. The addon declares an item that it overwrites to be `text/plain`, upon which KWallet and KeePassXC
 * keep it as UTF-8, and bytes that are none are lost.
 */
function asText(items: Items): Items {
  return {
    async read(name) {
      const text = await items.read(name);
      return text && Buffer.from(Buffer.from(text).toString('latin1'), 'base64');
    },
    write: (name, bytes) => items.write(name, Buffer.from(Buffer.from(bytes).toString('base64'), 'latin1')),
    delete: (name) => items.delete(name),
  };
}

async function hangUpOn(platform: NodeJS.Platform, openBefore: ReadonlySet<string>): Promise<void> {
  if (platform !== 'linux') return;
  const { hangUp } = await import('./hang-up.js');
  hangUp(openBefore);
}

/** What this process has open, each by the text that tells it from everything else, such as `socket:[4711]`. */
async function openDescriptors(platform: NodeJS.Platform): Promise<ReadonlySet<string>> {
  if (platform !== 'linux') return new Set();
  const { existsSync, readdirSync, readlinkSync } = await import('node:fs');
  const open = new Set<string>();
  if (!existsSync('/proc/self/fd')) return open;
  for (const name of readdirSync('/proc/self/fd')) {
    try {
      open.add(readlinkSync(`/proc/self/fd/${name}`));
    } catch {
      // The directory itself, which is closed by now.
    }
  }
  return open;
}

import { execFile } from 'node:child_process';
import { findAccounts } from './addon-catalog.js';
import { service } from './addon-items.js';
import type { LoadAddon } from './addon.js';
import type { KeychainCatalog } from './catalog.js';

/** Runs a program, and tells its exit status; `undefined` where it could not be run, or was ended. */
export type ExitStatusOf = (file: string, args: readonly string[]) => Promise<number | undefined>;

/** errSecItemNotFound, as `security` exits with it. */
const notFound = 44;

/**
 * The catalog of the macOS Keychain. Apple's `security` tells whether an item is there without unlocking the keychain,
 * as long as it is not asked for the password (`-g`, `-w`).
 */
export function macosCatalog({
  loadAddon,
  exitStatusOf = exitStatusHere,
}: {
  readonly loadAddon: LoadAddon;
  readonly exitStatusOf?: ExitStatusOf;
}): KeychainCatalog {
  return {
    async presence(account) {
      const args = ['find-generic-password', '-s', service, '-a', account];
      const status = await exitStatusOf('/usr/bin/security', args);
      if (status === 0) return 'there';
      return status === notFound ? 'absent' : 'unknown';
    },
    accounts: () => findAccounts(loadAddon),
    close: () => undefined,
  };
}

function exitStatusHere(file: string, args: readonly string[]): Promise<number | undefined> {
  return new Promise((resolve) => {
    execFile(file, args, { timeout: 5000 }, (error) => {
      if (error === null) resolve(0);
      else resolve(typeof error.code === 'number' ? error.code : undefined);
    });
  });
}

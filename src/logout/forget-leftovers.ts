import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import type { KeychainCatalog } from '../keychain/catalog.js';
import { emptyFileStore } from '../keychain/file-store.js';
import { openStore } from '../keychain/open-store.js';
import { StoreError, type KeepingStore } from '../keychain/store.js';
import { cacheDirectory, credentialsDirectory } from '../settings/directories.js';
import { flawOfDirectory } from '../state/directory.js';
import { keptRecordFile } from '../state/kept-record.js';
import type { World } from '../world.js';

/**
 * Deletes the credentials that nothing tells of any more: every file of the store `file`, and every item of this plugin
 * in the OS keychain.
 *
 * @param failed the accounts that could not be deleted, and are not tried again
 * @returns how many there were, and why a store may still have some
 */
export async function forgetUnknown(
  stores: readonly KeepingStore[],
  failed: ReadonlySet<string>,
  catalog: KeychainCatalog,
  world: World,
): Promise<{ readonly deleted: number; readonly failures: readonly StoreError[] }> {
  const failures: StoreError[] = [];
  let deleted = 0;
  const attempt = async (work: () => Promise<number> | number): Promise<void> => {
    try {
      deleted += await work();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      // Where there is no keychain, it holds nothing.
      if (error.code !== 'keychain-absent') failures.push(error);
    }
  };
  if (stores.includes('file')) {
    await attempt(() => emptyFileStore(credentialsDirectory(world.environment, world.homeDirectory())));
  }
  if (stores.includes('keychain')) {
    const keychain = openStore('keychain', world);
    const accounts: string[] = [];
    await attempt(async () => {
      accounts.push(...(await catalog.accounts()).filter((account) => !failed.has(account)));
      return 0;
    });
    for (const account of accounts) await attempt(async () => ((await keychain.delete(account)) ? 1 : 0));
  }
  return { deleted, failures };
}

/**
 * Removes everything else that this plugin has left in kubectl's cache directory: marks, locks, what was found out. What
 * is remembered of a credential that could not be deleted stays, and so does what somebody else put there.
 */
export function removeState(world: World): void {
  const root = cacheDirectory(world.environment, world.homeDirectory());
  if (flawOfDirectory(root) !== undefined) return;
  for (const name of readdirSync(root)) {
    const isStillKept = name === 'credentials' || existsSync(`${root}/${name}/${keptRecordFile}`);
    if (!isStillKept) rmSync(`${root}/${name}`, { recursive: true, force: true });
  }
  try {
    rmdirSync(root);
  } catch {
    // Something stays.
  }
}

import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { cacheDirectory, checkPrivateDirectory } from '../cache-directory.js';
import { cacheKeyText } from '../credential/cache-key.js';
import { EckError, ifPossible, printable, printError, printLine } from '../errors.js';
import { deleteCopies } from '../exec-credential/cache.js';
import { endingFileName, recordFileName } from '../exec-credential/cached-record.js';
import { withRenewalLock } from '../exec-credential/lock.js';
import { CredentialRecords } from '../exec-credential/records.js';
import { cacheKeyOf } from '../exec-credential/resolve-identity.js';
import { identityKey } from '../identity.js';
import { removeContexts } from '../kubeconfig/change.js';
import type { KubeconfigPaths } from '../kubeconfig/files.js';
import { isClusterId, readSettings, savingStores } from '../settings.js';
import { openStore } from '../store/open.js';
import { StoreError, type Store } from '../store/store.js';
import type { World } from '../world.js';
import {
  credentialsNamed,
  notCached,
  ofTypedIdentity,
  readCredentials,
  selectCredentials,
  type CredentialEntry,
} from './cached-credentials.js';
import { EckCommand } from './options.js';

/** `logout`: deletes cached credentials, and contexts where asked to. */
export function logoutCommand(world: World): EckCommand {
  const command = new EckCommand('logout')
    .description('delete cached credentials: of all identities, or of the one that flags select')
    .argument('[CLUSTER...]', "an id, or a context's name; by default the current context's cluster")
    .option('--all', 'every credential of this plugin, also those without a record')
    .option('--remove-contexts', 'also remove their contexts from the kubeconfig')
    .addKubeconfigOption()
    .addIdentityOptions()
    .addExamples('', 'eck-0123abcd --remove-contexts', '--all');
  return command.action((names: string[]) => logout(names, command, world));
}

/** More credentials are summarised in one line. */
const mostLines = 5;

async function logout(names: readonly string[], command: EckCommand, world: World): Promise<void> {
  const all = command.switchOption('all');
  const typed = command.typedSettings();
  const settings = readSettings(typed, world.environment);
  const paths = command.kubeconfigPaths(world);
  const known = await readCredentials(paths, world);
  // A credential can be cached without a record.
  const implied: CredentialEntry[] = [];
  for (const clusterId of names) {
    if (!isClusterId(clusterId) || credentialsNamed(known, clusterId).length > 0) continue;
    const key = await cacheKeyOf(clusterId, settings, world);
    implied.push({ key, keyText: cacheKeyText(key), record: undefined, contexts: [] });
  }
  const selected = selectCredentials([...known, ...implied], names, all);
  const credentials = ofTypedIdentity(selected, typed);

  const contexts = credentials.flatMap((credential) => credential.contexts.map(({ name }) => name));
  // Contexts first: otherwise kubectl could have a credential fetched again meanwhile.
  if (command.switchOption('remove-contexts')) await takeOut(contexts, paths, world);
  else if (contexts.length > 0) {
    printLine(`These contexts remain (--remove-contexts removes them): ${listOf(contexts)}`);
  }
  const failed = new Set<string>();
  let deleted = 0;
  const lines: string[] = [];
  const stores = savingStores
    .filter((store) => store !== 'kernel' || world.platform === 'linux')
    .map((store) => waitOnce(openStore(store, world)));
  for (const credential of credentials) {
    const { deletedFrom, failures, lasts } = await deleteEverywhere(credential, stores, world);
    const isUnknown = implied.includes(credential) && deletedFrom.length + failures.length === 0;
    const whose = `${credential.key.clusterId} for ${printable(identityKey(credential.key.identity))}`;
    deleted += deletedFrom.length;
    for (const { store, code, message, fix } of failures) {
      failed.add(store);
      const text = `the credential of ${whose} is not deleted: ${message}`;
      printError(new EckError(code, text, { fix }), world);
    }
    if (!lasts) {
      const text = `the logout of ${whose} does not last, since it cannot be noted in ${printable(cacheDirectory(world))}`;
      const fix = 'Make that directory private to you and writable, then run the command again';
      printError(new EckError('keychain-refused', text, { fix }), world);
    }
    if (deletedFrom.length > 0) {
      lines.push(`Deleted the credential of ${whose} (${deletedFrom.join(', ')}).`);
    } else if (isUnknown) {
      printError(notCached(credential.key.clusterId), world);
    } else if (failures.length === 0) lines.push(`The credential of ${whose} was not cached.`);
  }
  if (lines.length > mostLines) {
    const count = lines.filter((line) => line.startsWith('Deleted')).length;
    printLine(`Deleted the credentials of ${count}, and ${lines.length - count} were not cached.`);
  } else for (const line of lines) printLine(line);
  if (all && Object.keys(typed).length === 0) {
    const working = stores.filter(({ name }) => !failed.has(name));
    const others = await deleteWithoutRecord(working, world);
    if (others > 0) printLine(`Credentials without a record that were deleted, too: ${others}`);
    deleted += others;
    removeRecords(world);
  }
  if (deleted > 0) {
    printLine('A deleted certificate stays valid until it expires or is revoked in the ENS console.');
  } else if (credentials.length === 0) printLine('No credential is cached here.');
}

function listOf(names: readonly string[]): string {
  const more = names.length > mostLines ? `, and ${names.length - mostLines} more` : '';
  return printable(names.slice(0, mostLines).join(', ')) + more;
}

async function takeOut(names: readonly string[], paths: KubeconfigPaths, world: World): Promise<void> {
  try {
    const { contextNames, currentContext } = await removeContexts(paths, names);
    if (contextNames.length > 0) printLine(`Removed from the kubeconfig: ${listOf(contextNames)}`);
    if (currentContext.before !== undefined && currentContext.after === undefined) {
      printLine('There is no current context now. Choose one: kubectl config use-context NAME');
    }
  } catch (error) {
    printError(error, world);
  }
}

/** Deletes a credential from every store, and its records if no store may still have it. The logout lasts. */
async function deleteEverywhere(
  { keyText, contexts, record }: CredentialEntry,
  stores: readonly Store[],
  world: World,
) {
  const records = new CredentialRecords(keyText, world);
  return withRenewalLock(records, async () => {
    const named = contexts.map(({ settings }) => settings.store);
    const isKnown = contexts.length > 0 || record !== undefined || records.ending() !== undefined;
    // First, so that a renewal that is not waited for deletes what it saves.
    const lasts = records.noteEnding({ reason: 'logout', at: world.now() });
    const result = await deleteCopies(keyText, records, stores, world, named);
    if (!isKnown && result.deletedFrom.length + result.failures.length === 0) records.clearEnding();
    if (result.failures.length === 0) records.remove();
    return { ...result, lasts };
  });
}

/** A store that did not answer is not asked for other credentials, or many of them would take hours. */
function waitOnce(store: Store): Store {
  let timeout: StoreError | undefined;
  const deleteOne = async (key: string): Promise<boolean> => {
    if (timeout !== undefined) throw timeout;
    return store.delete(key).catch((error: unknown) => {
      if (error instanceof StoreError && error.code === 'keychain-timeout') timeout = error;
      throw error;
    });
  };
  return { ...store, delete: deleteOne };
}

/** Deletes every item of ours that the stores list. @returns their number */
async function deleteWithoutRecord(stores: readonly Store[], world: World): Promise<number> {
  let deleted = 0;
  for (const store of stores) {
    try {
      deleted += await store.deleteAll();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.code !== 'keychain-absent') printError(error, world);
    }
  }
  return deleted;
}

/** Removes everything else of ours from the cache directory, except what says that a logout lasts or was incomplete. */
function removeRecords(world: World): void {
  const root = cacheDirectory(world);
  if (checkPrivateDirectory(root) !== undefined) return;
  for (const name of readdirSync(root)) {
    const files = [recordFileName, endingFileName].map((file) => `${root}/${name}/${file}`);
    if (name === 'credentials' || files.some((file) => existsSync(file))) continue;
    // What is left has no secrets.
    ifPossible(() => {
      rmSync(`${root}/${name}`, { recursive: true, force: true });
    });
  }
  // Fails if it is not empty.
  ifPossible(() => {
    rmdirSync(root);
  });
}

import { Command, Option } from 'commander';
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { cacheDirectory, checkPrivateDirectory } from '../cache-directory.js';
import { cacheKeyText } from '../credential/cache-key.js';
import { EckError, printable, printError, printLine } from '../errors.js';
import { withRenewalLock } from '../exec-credential/lock.js';
import { CredentialRecords, recordFileName } from '../exec-credential/records.js';
import { resolveIdentity } from '../exec-credential/resolve-identity.js';
import { identityKey } from '../identity.js';
import { isClusterId, readSettings, savingStores, type SavingStore, type Settings } from '../settings.js';
import { openStore } from '../store/open.js';
import { StoreError } from '../store/store.js';
import type { World } from '../world.js';
import {
  credentialsNamed,
  notCached,
  ofTypedIdentity,
  readCredentials,
  selectCredentials,
  type CredentialEntry,
} from './cached-credentials.js';
import {
  addIdentityOptions,
  kubeconfigOption,
  kubeconfigPaths,
  switchOption,
  typedSettings,
} from './options.js';
import { removeContexts } from '../kubeconfig/change.js';
import { type KubeconfigPaths } from '../kubeconfig/files.js';

/** `logout`: deletes cached credentials, and contexts where asked to. */
export function logoutCommand(world: World): Command {
  const command = new Command('logout')
    .description('delete cached credentials')
    .argument('[CLUSTER...]', "an id, or a context's name; by default the current context's cluster")
    .addOption(new Option('--all', 'every credential of this plugin, also those without a record'))
    .addOption(new Option('--remove-contexts', 'also remove their contexts from the kubeconfig'))
    .addOption(kubeconfigOption());
  addIdentityOptions(command).addHelpText(
    'after',
    [
      '',
      'The credentials of every identity and endpoint are deleted. --profile,',
      '--role-arn, --endpoint and --site select those of one identity or endpoint.',
      '',
      'A deleted certificate stays valid at its API server until it expires, or is',
      'revoked in the ENS console.',
      '',
      'Examples:',
      '  kubectl eck logout',
      '  kubectl eck logout eck-0123abcd --remove-contexts',
      '  kubectl eck logout --all',
    ].join('\n'),
  );

  return command.action(async (names: string[]) => {
    const all = switchOption(command, 'all');
    const typed = typedSettings(command);
    const paths = kubeconfigPaths(command, world);
    const known = await readCredentials(paths, world);
    const unknown = names.filter((name) => isClusterId(name) && credentialsNamed(known, name).length === 0);
    const implied = await impliedCredentials(unknown, readSettings(typed, world.environment), world);
    const selected = selectCredentials([...known, ...implied], { names, all, command: 'logout' });
    const credentials = ofTypedIdentity(selected, typed);

    // Contexts first: otherwise kubectl could have a credential fetched again meanwhile.
    if (switchOption(command, 'remove-contexts')) await takeOut(credentials, paths, world);
    else printRemaining(credentials);

    const failed = new Set<SavingStore>();
    let deletedCount = 0;
    for (const credential of credentials) {
      const { deletedFrom, failures } = await deleteEverywhere(credential, world);
      const whose = `${credential.key.clusterId} for ${printable(identityKey(credential.key.identity))}`;
      deletedCount += deletedFrom.length;
      for (const failure of failures) {
        failed.add(failure.store as SavingStore);
        const { code, fix } = failure;
        const message = `the credential of ${whose} is not deleted: ${failure.message}`;
        printError(new EckError(code, message, { fix, cause: failure }), world.environment);
      }
      if (failures.length > 0) continue;
      if (deletedFrom.length > 0)
        printLine(`Deleted the credential of ${whose} (${deletedFrom.join(', ')}).`);
      else if (implied.includes(credential))
        printError(notCached(credential.key.clusterId), world.environment);
      else printLine(`The credential of ${whose} was not cached.`);
    }
    if (all && Object.keys(typed).length === 0) {
      const others = await deleteWithoutRecord(failed, world);
      if (others > 0)
        printLine(`Also deleted ${others} ${others === 1 ? 'credential' : 'credentials'} without a record.`);
      deletedCount += others;
      removeRecords(world);
    }
    if (deletedCount > 0) {
      printLine('A deleted certificate stays valid until it expires or is revoked in the ENS console.');
    } else if (credentials.length === 0) {
      printLine('No credential is cached here.');
    }
  });
}

/** The credentials that the settings lead to, for clusters without a record or a context. */
async function impliedCredentials(
  clusterIds: readonly string[],
  settings: Settings,
  world: World,
): Promise<CredentialEntry[]> {
  if (clusterIds.length === 0) return [];
  const identity = await resolveIdentity(settings, world);
  return clusterIds.map((clusterId) => {
    const key = { endpoint: settings.endpoint, identity, clusterId };
    return { key, keyText: cacheKeyText(key), record: undefined, contexts: [] };
  });
}

async function takeOut(
  credentials: readonly CredentialEntry[],
  paths: KubeconfigPaths,
  world: World,
): Promise<void> {
  try {
    const names = credentials.flatMap(({ contexts }) => contexts.map(({ name }) => name));
    const { contextNames, currentContext } = await removeContexts(paths, names);
    for (const name of contextNames) printLine(`Removed context ${printable(name)} from the kubeconfig.`);
    if (currentContext.before !== undefined && currentContext.after === undefined) {
      printLine('There is no current context now. Choose one: kubectl config use-context NAME');
    }
  } catch (error) {
    printError(error, world.environment);
  }
}

function printRemaining(credentials: readonly CredentialEntry[]): void {
  const names = credentials.flatMap(({ contexts }) => contexts.map(({ name }) => printable(name)));
  const [first] = names;
  if (first === undefined) return;
  const which =
    names.length === 1 ? `Context ${first} remains` : `${names.length} contexts remain (${first}, …)`;
  printLine(`${which}; kubectl fetches a credential when it is used. --remove-contexts removes it.`);
}

/** Deletes a credential from every store of this system, and its records if no store may still hold it. */
async function deleteEverywhere(
  { keyText, record, contexts }: CredentialEntry,
  world: World,
): Promise<{ readonly deletedFrom: readonly SavingStore[]; readonly failures: readonly StoreError[] }> {
  const deletedFrom: SavingStore[] = [];
  const failures: StoreError[] = [];
  const deleteFrom = async (store: SavingStore): Promise<void> => {
    const isNamed = record?.store === store || contexts.some(({ settings }) => settings.store === store);
    try {
      if (await openStore(store, world).delete(keyText)) deletedFrom.push(store);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      // A store that is absent here is a failure only if it is said to hold the credential.
      if (isNamed || error.code === 'keychain-locked' || error.code === 'keychain-timeout')
        failures.push(error);
    }
  };
  const deleteAndForget = async (records?: CredentialRecords): Promise<void> => {
    for (const store of storesHere(world)) await deleteFrom(store);
    if (failures.length === 0) records?.remove();
  };
  if (checkPrivateDirectory(cacheDirectory(world)) !== undefined) await deleteAndForget();
  else {
    const records = new CredentialRecords(keyText, world);
    await withRenewalLock(records, () => deleteAndForget(records));
  }
  return { deletedFrom, failures };
}

/** Deletes every item of ours that the stores list. @returns their number */
async function deleteWithoutRecord(failed: ReadonlySet<SavingStore>, world: World): Promise<number> {
  let deleted = 0;
  for (const store of storesHere(world)) {
    if (failed.has(store)) continue;
    try {
      deleted += await openStore(store, world).deleteAll();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.code !== 'keychain-absent') printError(error, world.environment);
    }
  }
  return deleted;
}

function storesHere({ platform }: World): readonly SavingStore[] {
  return savingStores.filter((store) => store !== 'kernel' || platform === 'linux');
}

/** Removes everything else of ours from the cache directory, except records of credentials that were not deleted. */
function removeRecords(world: World): void {
  const root = cacheDirectory(world);
  const problem = checkPrivateDirectory(root);
  if (problem !== undefined) {
    world.warn(`${printable(root)} ${problem}, so records of credentials are not removed from it`);
    return;
  }
  for (const name of readdirSync(root)) {
    const isNeeded = name === 'credentials' || existsSync(`${root}/${name}/${recordFileName}`);
    if (!isNeeded) rmSync(`${root}/${name}`, { recursive: true, force: true });
  }
  try {
    rmdirSync(root);
  } catch {
    // It is not empty.
  }
}

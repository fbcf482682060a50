import { EckError, printable, quoted, usageError, printError, printLine } from '../errors.js';
import {
  type KnownCredential,
  storesOf,
  meantCredentials,
  readKnown,
  credentialsNamed,
  forTyped,
  nothingKept,
  selectCredentials,
} from './cached-credentials.js';
import { openCatalog, type KeychainCatalog } from '../store/catalog.js';
import { StoreError } from '../store/store.js';
import { type SavingStore, type StoreName, savingStores, type StoreChoice } from '../settings.js';
import type { World } from '../world.js';
import { openStore } from '../store/open-store.js';
import { withRenewalLock } from '../exec-credential/lock.js';
import { CredentialRecords, recordFileName } from '../exec-credential/records.js';
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { emptyFileStore } from '../store/file-store.js';
import { cacheDirectory, credentialsDirectory, checkPrivateDirectory } from '../cache-directory.js';
import { identityKey } from '../identity.js';
import { type RemovalReport, removeContexts } from '../kubeconfig/user.js';
import { Command, Option } from 'commander';
import { isClusterId, readSettings } from '../settings.js';
import {
  addIdentityOptions,
  kubeconfigOption,
  kubeconfigPaths,
  switchOption,
  typedSettings,
  textOption,
  withChoices,
} from './options.js';

/** What is to be forgotten. */
export interface ForgetRequest {
  readonly credentials: readonly KnownCredential[];
  /** Only in this store. */
  readonly only: SavingStore | undefined;
  /** Also what nothing tells of, and everything else that this plugin has left behind. */
  readonly leftovers: boolean;
  /** Whether the directory for state can be used. */
  readonly hasState: boolean;
}

/** Hears what becomes of each credential as it is forgotten. */
export interface ForgetListener {
  forgotten(credential: KnownCredential, deletedFrom: readonly StoreName[]): void;
  failed(error: EckError): void;
}

/**
 * Forgets credentials, one after another, so that a keychain that asks the person asks one thing at a time. One that
 * cannot be forgotten does not keep the others.
 *
 * @returns how many credentials were deleted, and how many of them nothing told of
 */
export async function forgetAll(
  { credentials, only, leftovers, hasState }: ForgetRequest,
  listener: ForgetListener,
  world: World,
): Promise<{ readonly deleted: number; readonly unknown: number }> {
  const catalog = await openCatalog(world);
  try {
    let deleted = 0;
    const failed = new Set<string>();
    for (const credential of credentials) {
      const rules = { only, hasState, catalog };
      const { deletedFrom, failures } = await forgetCredential(credential, rules, world);
      for (const failure of failures) listener.failed(withCluster(credential, failure));
      if (failures.length === 0) listener.forgotten(credential, deletedFrom);
      else failed.add(credential.account);
      deleted += deletedFrom.length;
    }
    if (!leftovers) return { deleted, unknown: 0 };
    const stores = storesToForget(only, world.platform);
    const others = await forgetUnknown(stores, failed, catalog, world);
    for (const failure of others.failures) listener.failed(failure);
    if (only === undefined) removeState(world);
    return { deleted: deleted + others.deleted, unknown: others.deleted };
  } finally {
    catalog.close();
  }
}

function withCluster({ key }: KnownCredential, failure: StoreError): EckError {
  return new EckError(
    failure.code,
    `the credential of ${key.clusterId} is not forgotten: ${failure.message}`,
    { cause: failure },
  );
}

/** What became of a credential that was to be forgotten. */
export interface Forgotten {
  /** The stores that had it. */
  readonly deletedFrom: readonly SavingStore[];
  /** Why a store may still have it. Where there is any, it is still remembered that it is kept. */
  readonly failures: readonly StoreError[];
}

/** How credentials are forgotten. */
export interface ForgetRules {
  /** Only in the stores that this stands for. */
  readonly only: StoreChoice | undefined;
  /** Whether the directory for state can be used; where it cannot, there is none to forget. */
  readonly hasState: boolean;
  readonly catalog: KeychainCatalog;
}

/**
 * Deletes a credential from every store that has it, and forgets what is remembered of it. The OS keychain may ask the
 * person, and is not asked where it does not have the credential.
 */
export async function forgetCredential(
  credential: KnownCredential,
  { only, hasState, catalog }: ForgetRules,
  world: World,
): Promise<Forgotten> {
  const state = hasState ? new CredentialRecords(credential.account, world) : undefined;
  const work = async (): Promise<Forgotten> => {
    const deletedFrom: SavingStore[] = [];
    const failures: StoreError[] = [];
    for (const store of storesToForget(only, world.platform)) {
      const isCertain = only === store || mustHave(credential, store);
      try {
        if (await deleteFrom(store, credential.account, isCertain, catalog, world)) deletedFrom.push(store);
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        // That a store cannot be had here is no failure where nothing says that it has the credential.
        if (isCertain || error.code === 'keychain-locked' || error.code === 'keychain-timeout') {
          failures.push(error);
        }
      }
    }
    const isStillKept = failures.length > 0 || !isForgotten(credential, only, world.platform);
    if (!isStillKept) state?.remove();
    return { deletedFrom, failures };
  };
  return state === undefined ? work() : withRenewalLock(state, work);
}

/** Every store of this system, or those that were asked for. */
export function storesToForget(only: StoreChoice | undefined, platform: NodeJS.Platform): SavingStore[] {
  if (only !== undefined) return storesOf(only, platform);
  return savingStores.filter((store) => store !== 'kernel' || platform === 'linux');
}

/** Whether a store was named to keep the credential, or is remembered to. */
function mustHave({ record, contexts }: KnownCredential, store: SavingStore): boolean {
  return record?.store === store || contexts.some(({ settings }) => settings.store === store);
}

/** Whether the store that is remembered was among those that it was deleted from. */
function isForgotten(
  { record }: KnownCredential,
  only: StoreChoice | undefined,
  platform: NodeJS.Platform,
): boolean {
  return record === undefined || storesToForget(only, platform).includes(record.store);
}

async function deleteFrom(
  store: SavingStore,
  account: string,
  isCertain: boolean,
  catalog: KeychainCatalog,
  world: World,
): Promise<boolean> {
  if (store === 'keychain') {
    const presence = await catalog.presence(account);
    // Where it cannot be asked, and is said to have the credential, the store itself says what is wrong.
    if (presence === 'absent' || (presence === 'unknown' && !isCertain)) return false;
  }
  return openStore(store, world).delete(account);
}

/**
 * Deletes the credentials that nothing tells of any more: every file of the store `file`, and every item of this plugin
 * in the OS keychain.
 *
 * @param failed the accounts that could not be deleted, and are not tried again
 * @returns how many there were, and why a store may still have some
 */
export async function forgetUnknown(
  stores: readonly SavingStore[],
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
    await attempt(() => emptyFileStore(credentialsDirectory(world)));
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
  const root = cacheDirectory(world);
  if (checkPrivateDirectory(root) !== undefined) return;
  for (const name of readdirSync(root)) {
    const isStillKept = name === 'credentials' || existsSync(`${root}/${name}/${recordFileName}`);
    if (!isStillKept) rmSync(`${root}/${name}`, { recursive: true, force: true });
  }
  try {
    rmdirSync(root);
  } catch {
    // Something stays.
  }
}

/** Tells what became of a credential that was to be forgotten. */
export function forgottenLine({ key }: KnownCredential, deletedFrom: readonly StoreName[]): string {
  const whose = `${key.clusterId} for ${printable(identityKey(key.identity))}`;
  return deletedFrom.length === 0
    ? `The credential of ${whose} was not kept any more.`
    : `The credential of ${whose} is forgotten (${deletedFrom.join(', ')}).`;
}

/** Tells which contexts are gone, and what to do where the current one is among them. */
export function removalLines({ contextNames, currentContext }: RemovalReport): string[] {
  const lines = contextNames.map((name) => `Context ${printable(name)} is taken out of the kubeconfig.`);
  const { before, after } = currentContext;
  if (before !== undefined && after === undefined) {
    lines.push('No context is the current one now. Choose one: kubectl config use-context NAME');
  }
  return lines;
}

/** Tells that contexts stay, and what that means. */
export function stayingLines(credentials: readonly KnownCredential[]): string[] {
  const names = credentials.flatMap(({ contexts }) => contexts.map(({ name }) => printable(name)));
  const [one] = names;
  if (one === undefined) return [];
  return [
    names.length === 1
      ? `Context ${one} stays, and kubectl fetches a credential when it is used; --remove-contexts takes it out.`
      : `${names.length} contexts stay (${one}, …), and kubectl fetches a credential when one is used; ` +
        '--remove-contexts takes them out.',
  ];
}

/** What forgetting a certificate does not do. */
export const stillValid =
  'A certificate that was kept stays valid at its API server until it ends, or is revoked in the ENS console.';

/** `logout`: forgets credentials, and contexts where asked to. */
export function logoutCommand(world: World): Command {
  const { environment } = world;
  const command = new Command('logout')
    .description('forget credentials that are kept here')
    .argument('[CLUSTER...]', "an id, or a context's name; by default the current context's cluster")
    .addOption(new Option('--all', 'every credential of this plugin, also those that nothing tells of'))
    .addOption(
      new Option('--remove-contexts', 'take the contexts that ask for them out of the kubeconfig, too'),
    )
    .addOption(
      withChoices(new Option('--from-store <STORE>', 'forget only what is kept in this store'), savingStores),
    )
    .addOption(kubeconfigOption());
  addIdentityOptions(command).addHelpText(
    'after',
    [
      '',
      'A credential is forgotten for every identity and endpoint. With --profile,',
      '--role-arn, --endpoint or --site on the command line, only those for that',
      'identity or endpoint are.',
      '',
      'A certificate that was kept stays valid at its API server until it ends, or is',
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
    const only = storeName(textOption(command, 'from-store'));
    const paths = kubeconfigPaths(command, world);
    const whose = typedSettings(command);
    const known = await readKnown(paths, world);
    const lost = names.filter((name) => isClusterId(name) && credentialsNamed(known, name).length === 0);
    const meant = await meantCredentials(lost, readSettings(whose, environment), world);
    const selected = selectCredentials([...known, ...meant], { names, all, command: 'logout' });
    const credentials = forTyped(selected, whose);
    const [first] = selected;
    if (credentials.length === 0 && first) throw nothingKept(first.key.clusterId, 'for that identity');

    // Contexts first, so that no kubectl has a credential fetched again meanwhile.
    if (switchOption(command, 'remove-contexts')) await takeContextsOut(credentials);
    else stayingLines(credentials).forEach(printLine);

    const listener: ForgetListener = {
      forgotten(credential, deletedFrom) {
        if (deletedFrom.length > 0 || !meant.includes(credential))
          printLine(forgottenLine(credential, deletedFrom));
        else printError(nothingKept(credential.key.clusterId), environment);
      },
      failed(error) {
        printError(error, environment);
      },
    };
    const leftovers = all && Object.keys(whose).length === 0;
    const request = { credentials, only, leftovers, hasState: hasState() };
    const { deleted, unknown } = await forgetAll(request, listener, world);
    if (unknown > 0) printLine(`${unknown} more were kept that nothing told of, and are forgotten.`);
    if (deleted > 0) printLine(stillValid);
    else if (credentials.length === 0) printLine('Nothing is kept here.');

    async function takeContextsOut(ofThese: readonly KnownCredential[]): Promise<void> {
      try {
        const contexts = ofThese.flatMap((credential) => credential.contexts.map(({ name }) => name));
        removalLines(await removeContexts(paths, contexts)).forEach(printLine);
      } catch (error) {
        printError(error, environment);
      }
    }
  });

  function hasState(): boolean {
    const directory = cacheDirectory(world);
    const flaw = checkPrivateDirectory(directory);
    if (flaw !== undefined) {
      world.warn(
        `${printable(directory)} ${flaw}, so what is remembered of credentials is not removed from it`,
      );
    }
    return flaw === undefined;
  }
}

function storeName(text: string | undefined): SavingStore | undefined {
  if (text === undefined) return undefined;
  const store = savingStores.find((name) => name === text);
  if (store === undefined) {
    throw usageError(`--from-store ${quoted(text)} is not one of ${savingStores.join(', ')}`);
  }
  return store;
}

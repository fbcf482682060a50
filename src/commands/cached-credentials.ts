import { cacheKeyText, type CacheKey } from '../credential/cache-key.js';
import { cacheKeyOf, resolveIdentity } from '../exec-credential/resolve-identity.js';
import { type CachedRecord, readRecords } from '../exec-credential/records.js';
import { type Environment, type World, withEnvironment } from '../world.js';
import { readExecArguments } from '../exec-credential/arguments.js';
import { type UserContexts, readContexts, type KubeconfigPaths } from '../kubeconfig/user.js';
import { isClusterId, readSettings, type Settings, type SettingTexts } from '../settings.js';
import { messageOf, EckError, quoted, usageError } from '../errors.js';
import { endpointKey } from '../endpoint.js';
import { certificateSubject } from '../credential/check.js';
import { readCachedCredential } from '../exec-credential/cache.js';
import type { CredentialDates } from '../credential/freshness.js';
import type { KeychainCatalog } from '../store/catalog.js';
import { openStore } from '../store/open-store.js';
import type { SavingStore, StoreChoice } from '../settings.js';

/** A credential that this machine knows of: it was kept here, or a context asks for it, or both. */
export interface KnownCredential {
  readonly key: CacheKey;
  /** The key as text, see `credentialKeyText`. */
  readonly account: string;
  /** What is remembered of its being kept. It may be gone all the same. */
  readonly record: CachedRecord | undefined;
  /** The contexts that ask for it, the current one first. */
  readonly contexts: readonly OwnContext[];
}

/**
 * Joins what was kept and what contexts ask for, in the order of cluster ids.
 *
 * @throws EckError where the identity of a context cannot be told
 */
export async function knownCredentials(
  records: readonly CachedRecord[],
  contexts: readonly OwnContext[],
  world: World,
): Promise<KnownCredential[]> {
  const known = new Map<string, KnownCredential>();
  for (const record of records) {
    const account = cacheKeyText(record.key);
    known.set(account, { key: record.key, account, record, contexts: [] });
  }
  for (const context of contexts) {
    const { clusterId, settings } = context;
    const key = await cacheKeyOf(clusterId, settings, withEnvironment(world, context.environment));
    const account = cacheKeyText(key);
    const found = known.get(account) ?? { key, account, record: undefined, contexts: [] };
    const itsContexts = context.isCurrent ? [context, ...found.contexts] : [...found.contexts, context];
    known.set(account, { ...found, contexts: itsContexts });
  }
  return [...known.values()].sort(byAccount);
}

/** An account begins with the cluster's id. Not by the language of the machine, so that the order is the same on all. */
function byAccount(one: KnownCredential, other: KnownCredential): number {
  return one.account < other.account ? -1 : 1;
}

/** A context of the user kubeconfig whose credential comes from this plugin, and which credential it asks for. */
export interface OwnContext {
  readonly name: string;
  /** The file that it stands in. */
  readonly file: string;
  readonly isCurrent: boolean;
  readonly clusterId: string;
  /** As kubectl, run in this environment, would have them. */
  readonly settings: Settings;
  /** What kubectl would run this plugin in: this environment, and what the `exec` entry adds to it. */
  readonly environment: Environment;
}

/**
 * Tells which credentials the contexts ask this plugin for. A context whose `exec` entry cannot be understood asks for
 * none, and is left out.
 */
export function ownContexts(
  { contexts, currentContext }: UserContexts,
  environment: Environment,
): OwnContext[] {
  return contexts.flatMap((context): OwnContext[] => {
    if (!context.isOwn) return [];
    const { name, file, execArgs, execEnvironment, clusterInfoId } = context;
    const itsEnvironment = { ...environment, ...execEnvironment };
    const request = readExecArguments(execArgs, { ...itsEnvironment, KUBERNETES_EXEC_INFO: 'set' });
    if (request === undefined) return [];
    const clusterId = request.clusterId ?? clusterInfoId ?? '';
    if (!isClusterId(clusterId)) return [];
    try {
      const settings = readSettings(request.settings, itsEnvironment);
      const isCurrent = name === currentContext;
      return [{ name, file, isCurrent, clusterId, settings, environment: itsEnvironment }];
    } catch {
      return [];
    }
  });
}

/**
 * The credentials that this machine knows of, from what is remembered and the user kubeconfig. A kubeconfig that cannot
 * be read is no reason not to tell what is kept: then the person is warned.
 */
export async function readKnown(paths: KubeconfigPaths, world: World): Promise<KnownCredential[]> {
  let contexts: OwnContext[] = [];
  try {
    contexts = ownContexts(await readContexts(paths), world.environment);
  } catch (error) {
    world.warn(messageOf(error));
  }
  return knownCredentials(readRecords(world), contexts, world);
}

/** Which credentials a command is about. */
export interface Selection {
  /** Cluster ids, and names of contexts. */
  readonly names: readonly string[];
  readonly all: boolean;
  /** The command that is to be typed, for the messages, such as `refresh`. */
  readonly command: string;
}

/**
 * The credentials that were named: every one of a cluster that is named by its id, whoever it is for, and the one that
 * a context asks for which is named. Without names it is the cluster of the current context.
 *
 * @throws EckError `usage` without a name where the current context is not one of ours; `not-kept` for a name that
 *   stands for none
 */
export function selectCredentials(
  known: readonly KnownCredential[],
  { names, all, command }: Selection,
): KnownCredential[] {
  if (all && names.length > 0) throw usageError('--all and a cluster say two things; give one of them');
  if (all) return [...known];
  const current = known.find(({ contexts }) => contexts.some(({ isCurrent }) => isCurrent));
  const wanted = names.length > 0 ? names : current && [current.key.clusterId];
  if (wanted === undefined) {
    throw usageError(
      'which cluster? The current context is none of kubectl-eck; give a cluster, as in ' +
        `"kubectl eck ${command} eck-0123abcd", or --all`,
    );
  }
  const selected = new Set<KnownCredential>();
  for (const name of wanted) {
    const found = credentialsNamed(known, name);
    if (found.length === 0) throw nothingKept(name);
    for (const credential of found) selected.add(credential);
  }
  return [...selected];
}

/** A cluster's id comes before a context of that name: most contexts are named after their cluster. */
export function credentialsNamed(known: readonly KnownCredential[], name: string): KnownCredential[] {
  const ofCluster = known.filter(({ key }) => key.clusterId === name);
  return ofCluster.length > 0
    ? ofCluster
    : known.filter(({ contexts }) => contexts.some((context) => context.name === name));
}

/** The error for a cluster that no credential is known of. */
export function nothingKept(name: string, whose = ''): EckError {
  return new EckError(
    'not-cached',
    `no credential of ${quoted(name)}${whose && ` ${whose}`} is kept here, and no context asks for one; ` +
      'see "kubectl eck status", or set it up with "kubectl eck get-credentials"',
  );
}

/**
 * Those of the credentials that are for who and where was typed. An environment variable does not leave one out: it
 * says what holds where nothing else is said, and a credential says it.
 *
 * @throws EckError `usage` for what cannot be understood
 */
export function forTyped(
  credentials: readonly KnownCredential[],
  typed: SettingTexts,
): readonly KnownCredential[] {
  const { profile, roleArn, endpoint } = readSettings(typed, {});
  return credentials.filter(
    ({ key }) =>
      (profile === undefined || (key.identity.kind === 'profile' && key.identity.name === profile)) &&
      (roleArn === undefined || key.identity.assumedRole === roleArn) &&
      (endpoint.kind === 'default' || endpointKey(key.endpoint) === endpointKey(endpoint)),
  );
}

/**
 * The credentials of clusters that the settings mean, whether or not anything is known of them: where what is remembered
 * was lost, they still lead to what is kept.
 */
export async function meantCredentials(
  clusterIds: readonly string[],
  settings: Settings,
  world: World,
): Promise<KnownCredential[]> {
  if (clusterIds.length === 0) return [];
  const identity = await resolveIdentity(settings, world);
  return clusterIds.map((clusterId) => {
    const key = { endpoint: settings.endpoint, identity, clusterId };
    return { key, account: cacheKeyText(key), record: undefined, contexts: [] };
  });
}

/** A credential as it is kept: what its certificate says. */
export interface KeptCertificate extends CredentialDates {
  /** Safe to print. */
  readonly certificateSubject: string;
}

/** What became of a credential: where it lies, or that it does not. */
export type Finding =
  | {
      readonly kind: 'there';
      readonly store: SavingStore;
      /** From the store itself where it can be read without asking anybody, else as it is remembered. */
      readonly certificate: KeptCertificate | undefined;
    }
  /** `locked`: it may be in a keychain that is locked. `unknown`: the store that should have it cannot be asked. */
  | { readonly kind: 'locked' | 'unknown'; readonly store: SavingStore }
  | { readonly kind: 'absent' };

/**
 * Looks where a known credential should be: in the store that is remembered, then in those that its contexts would look
 * in. Reads files and the kernel keyring; of the OS keychain it asks only whether the item is there.
 */
export async function findKept(
  credential: KnownCredential,
  catalog: KeychainCatalog,
  world: World,
): Promise<Finding> {
  const { record, contexts } = credential;
  const certain = new Set<StoreChoice>(contexts.map(({ settings }) => settings.store));
  if (record !== undefined) certain.add(record.store);
  const findings: Finding[] = [];
  for (const store of storesToLook(credential, world.platform)) {
    const finding = await lookIn(store, credential, catalog, world);
    if (finding.kind === 'there') return finding;
    // Where `auto` passes over a store that is not to be had here, so does this.
    if (finding.kind !== 'unknown' || certain.has(store)) findings.push(finding);
  }
  return (
    findings.find(({ kind }) => kind === 'locked') ??
    findings.find(({ kind }) => kind === 'unknown') ?? { kind: 'absent' }
  );
}

/** The stores that a choice stands for. */
export function storesOf(choice: StoreChoice, platform: NodeJS.Platform): SavingStore[] {
  if (choice === 'none') return [];
  if (choice !== 'auto') return [choice];
  return platform === 'linux' ? ['keychain', 'kernel'] : ['keychain'];
}

function storesToLook({ record, contexts }: KnownCredential, platform: NodeJS.Platform): Set<SavingStore> {
  const asked = contexts.flatMap(({ settings }) => storesOf(settings.store, platform));
  return new Set(record === undefined ? asked : [record.store, ...asked]);
}

async function lookIn(
  store: SavingStore,
  { account, record }: KnownCredential,
  catalog: KeychainCatalog,
  world: World,
): Promise<Finding> {
  if (store === 'keychain') {
    const presence = await catalog.presence(account);
    if (presence === 'absent') return { kind: 'absent' };
    return presence === 'there' ? { kind: 'there', store, certificate: record } : { kind: presence, store };
  }
  try {
    const kept = await readCachedCredential(openStore(store, world), account);
    // What cannot be understood is as good as absent: it is replaced at the next command.
    if (kept === undefined) return { kind: 'absent' };
    // Field by field: the key must not get any further.
    const { fetchedAt, notBefore, notAfter } = kept;
    const certificate = { certificateSubject: certificateSubject(kept), fetchedAt, notBefore, notAfter };
    return { kind: 'there', store, certificate };
  } catch {
    return { kind: 'unknown', store };
  }
}

/** Everything that it takes to fetch a known credential again. */
export interface FetchSettings {
  readonly settings: Settings;
  /** With the environment that the credential's context has. */
  readonly world: World;
}

/**
 * The settings that lead to a known credential: those of a context that asks for it and wants it kept, else
 * those that its key tells of.
 * How long a call may take is the command's.
 *
 * @param command the settings of the command that fetches
 * @returns `undefined` where the credential is for somebody that this environment does not make anybody, such as an
 *   AccessKey that is not in it
 */
export async function fetchSettings(
  { key, account, contexts, record }: KnownCredential,
  command: Settings,
  world: World,
): Promise<FetchSettings | undefined> {
  const { timeoutMs } = command;
  const context = contexts.find(({ settings }) => settings.store !== 'none');
  if (context !== undefined) {
    return {
      settings: { ...context.settings, timeoutMs },
      world: withEnvironment(world, context.environment),
    };
  }
  const { identity, endpoint, clusterId } = key;
  const settings: Settings = {
    ...command,
    profile: identity.kind === 'profile' ? identity.name : undefined,
    roleArn: identity.assumedRole,
    endpoint,
    store: record?.store ?? command.store,
  };
  const leadsThere = cacheKeyText(await cacheKeyOf(clusterId, settings, world)) === account;
  return leadsThere ? { settings, world } : undefined;
}

import { cacheKeyText, type CacheKey } from '../credential/cache-key.js';
import { endpointKey } from '../endpoint.js';
import { compareNaturally, EckError, messageOf, quoted, usageError } from '../errors.js';
import { readExecArguments } from '../exec-credential/arguments.js';
import { readRecords, type CachedRecord } from '../exec-credential/cached-record.js';
import { cacheKeyOf } from '../exec-credential/resolve-identity.js';
import { isClusterId, readSettings, type SettingTexts } from '../settings.js';
import type { Environment, World } from '../world.js';
import { readContexts, type UserContexts } from '../kubeconfig/read.js';
import type { KubeconfigPaths } from '../kubeconfig/files.js';

/** A context of the user kubeconfig whose credential comes from this plugin. */
export type OwnContext = ReturnType<typeof ownContexts>[number];

/** A credential that was saved here, or that contexts ask for, or both. */
export interface CredentialEntry {
  readonly key: CacheKey;
  readonly keyText: string;
  /** The record of the cached credential. The credential may have been deleted by another program. */
  readonly record: CachedRecord | undefined;
  /** The contexts that ask for it, the current one first. */
  readonly contexts: readonly OwnContext[];
}

/** The contexts of this plugin. One whose `exec` entry is not understood is left out. */
export function ownContexts({ contexts, currentContext }: UserContexts, environment: Environment) {
  return contexts.flatMap((context) => {
    if (!context.isOwn) return [];
    const { name, execArgs, execEnvironment, clusterInfoId, cluster = {} } = context;
    // As kubectl adds the variables of the `exec` entry.
    const itsEnvironment: Environment = { ...environment, ...execEnvironment };
    const request = readExecArguments(execArgs, { ...itsEnvironment, KUBERNETES_EXEC_INFO: 'set' });
    const clusterId = request?.clusterId ?? clusterInfoId ?? '';
    if (request === undefined || !isClusterId(clusterId)) return [];
    try {
      const settings = readSettings(request.settings, itsEnvironment);
      const isCurrent = name === currentContext;
      return [{ name, isCurrent, clusterId, cluster, settings, environment: itsEnvironment }];
    } catch {
      return [];
    }
  });
}

/** Joins records and contexts by cache key, in the order of the keys, which begin with the cluster's id. */
export async function joinCredentials(
  records: readonly CachedRecord[],
  contexts: readonly OwnContext[],
  world: World,
): Promise<CredentialEntry[]> {
  const entries = new Map<string, CredentialEntry>();
  for (const record of records) {
    const keyText = cacheKeyText(record.key);
    entries.set(keyText, { key: record.key, keyText, record, contexts: [] });
  }
  for (const context of contexts) {
    const { clusterId, settings, environment } = context;
    const key = await cacheKeyOf(clusterId, settings, { ...world, environment });
    const keyText = cacheKeyText(key);
    const entry = entries.get(keyText) ?? { key, keyText, record: undefined, contexts: [] };
    const itsContexts = context.isCurrent ? [context, ...entry.contexts] : [...entry.contexts, context];
    entries.set(keyText, { ...entry, contexts: itsContexts });
  }
  return [...entries.values()].sort((one, other) => compareNaturally(one.keyText, other.keyText));
}

export async function readCredentials(paths: KubeconfigPaths, world: World): Promise<CredentialEntry[]> {
  return joinCredentials(readRecords(world), await readOwnContexts(paths, world), world);
}

/** The contexts of this plugin in the user kubeconfig. A kubeconfig that cannot be read is a warning. */
export async function readOwnContexts(paths: KubeconfigPaths, world: World): Promise<OwnContext[]> {
  try {
    return ownContexts(await readContexts(paths), world.environment);
  } catch (error) {
    world.warn(messageOf(error));
    return [];
  }
}

/** The contexts by the ids of their clusters. */
export function byCluster(contexts: readonly OwnContext[]): ReadonlyMap<string, OwnContext[]> {
  const found = new Map<string, OwnContext[]>(contexts.map(({ clusterId }) => [clusterId, []]));
  for (const context of contexts) found.get(context.clusterId)?.push(context);
  return found;
}

/**
 * The entries that were named. A cluster's id selects its entries of every identity; a context's name selects one.
 * Without names it is the cluster of the current context. @throws EckError `usage`; `not-cached` for an unknown name
 */
export function selectCredentials(
  entries: readonly CredentialEntry[],
  names: readonly string[],
  all: boolean,
): CredentialEntry[] {
  if (all && names.length > 0) throw usageError('--all and a cluster exclude each other', 'Give one of them');
  if (all) return [...entries];
  const current = entries.find(({ contexts }) => contexts.some(({ isCurrent }) => isCurrent));
  const wanted = names.length > 0 ? names : current && [current.key.clusterId];
  if (wanted === undefined) {
    const message = 'no cluster was named, and the current context is not one of kubectl-eck';
    throw usageError(message, 'Give the id of a cluster, or --all');
  }
  const selected = wanted.flatMap((name) => {
    const found = credentialsNamed(entries, name);
    if (found.length === 0) throw notCached(name);
    return found;
  });
  return [...new Set(selected)];
}

/** The entries of a cluster's id, a context's name or a cluster's name, in this order. */
export function credentialsNamed(entries: readonly CredentialEntry[], name: string): CredentialEntry[] {
  const ofCluster = entries.filter(({ key }) => key.clusterId === name);
  if (ofCluster.length > 0) return ofCluster;
  const ofContext = entries.filter(({ contexts }) => contexts.some((context) => context.name === name));
  return ofContext.length > 0 ? ofContext : entries.filter(({ record }) => record?.clusterName === name);
}

export function notCached(name: string, whose = ''): EckError {
  const message = `no credential of ${quoted(name)}${whose} is cached, and no context asks for one`;
  const fix = 'See "kubectl eck status", or set it up with "kubectl eck get-credentials"';
  return new EckError('not-cached', message, { fix });
}

/** The entries of the identity and endpoint that were typed. Variables do not count. @throws EckError `not-cached` */
export function ofTypedIdentity(entries: readonly CredentialEntry[], typed: SettingTexts): CredentialEntry[] {
  const { profile, roleArn, endpoint } = readSettings(typed, {});
  const chosen = entries.filter(
    ({ key }) =>
      (profile === undefined || (key.identity.kind === 'profile' && key.identity.name === profile)) &&
      (roleArn === undefined || key.identity.assumedRole === roleArn) &&
      (endpoint.kind === 'default' || endpointKey(key.endpoint) === endpointKey(endpoint)),
  );
  const [first] = entries;
  if (chosen.length === 0 && first !== undefined) throw notCached(first.key.clusterId, ' for that identity');
  return chosen;
}

export const nothingCached = 'No credential is cached here. Set up a cluster: kubectl eck get-credentials eck-0123abcd';

import { cacheKeyText, type CacheKey } from '../credential/cache-key.js';
import type { ClientCredential } from '../credential/client-credential.js';
import { freshness } from '../credential/freshness.js';
import { EckError, formatDateTime, type ErrorCode } from '../errors.js';
import { identityKey, identityText, isFromEnvironment } from '../identity.js';
import type { Settings } from '../settings.js';
import { mainFailure, openStore } from '../store/open.js';
import { StoreError, type Store } from '../store/store.js';
import type { World } from '../world.js';
import { deleteCopies, readServable, saveCredential, type Cache } from './cache.js';
import { acquireRenewalLock, type RenewalLock } from './lock.js';
import { loggedOut, warnOnce, type ParentProcess } from './records.js';
import { resolveIdentity } from './resolve-identity.js';

/** `rejected`: the API server says so. `suspected`: it may be so, and the API server is not known. */
export type Doubt = 'rejected' | 'suspected';

/** A credential that is to be fetched. */
export interface Renewal {
  readonly key: CacheKey;
  readonly settings: Settings;
  readonly cached: ClientCredential | undefined;
  /** Why the cached one is renewed though it is fresh. */
  readonly doubt?: Doubt | undefined;
  /** The process that is warned once of an outage; without it, each command warns. */
  readonly parentProcess?: ParentProcess | undefined;
}

/** How a credential is fetched. */
interface FetchRules {
  /** Whether the cached credential can be served instead, so that a call may give up early. */
  readonly hasFallBack: boolean;
  /** Whether it is an error if the store that was chosen by name cannot save the credential. */
  readonly mustSave: boolean;
  /** Whether the credential is also fetched after a logout, which it ends. */
  readonly endsLogout?: boolean;
}

/** After a failure, the cached credential is served for this time without another attempt. */
const outageMemoryMs = 60_000;

/** After a refusal, `exec-credential` asks again after this time. */
const refusalMemoryMs = 10_000;

/** A process that holds the lock is waited for this much longer than its call may take. */
const lockGraceMs = 5000;

/** After this time, a terminal shows what the command waits for. */
const noticeAfterMs = 2000;

/** ENS, or the sign-in before it, refuses: the cached credential is deleted. */
const refusals: readonly ErrorCode[] = [
  'ens-unauthenticated',
  'ens-not-allowed',
  'ens-cluster-not-found',
  'identity-refused',
];
/** ENS was not asked: nothing is served or deleted. */
const localProblems: readonly ErrorCode[] = [
  'identity-not-found',
  'identity-unusable',
  'logged-out',
  'usage',
  'internal',
];

/** Whether ENS, or the sign-in before it, refused with a code that says so. */
export function isRefusal({ code }: { readonly code: ErrorCode }): boolean {
  return refusals.includes(code);
}

/** Whether the cached credential is served after this failure. */
function isOutage({ code }: { readonly code: ErrorCode }): boolean {
  return !refusals.includes(code) && !localProblems.includes(code) && !code.startsWith('keychain-');
}

function isValid(credential: ClientCredential | undefined, now: Date): credential is ClientCredential {
  return credential !== undefined && now < credential.notAfter;
}

/**
 * Fetches a credential and saves it, once for all processes that ask at a time. In an outage, the cached one is served
 * while its certificate is valid, with a warning. A refusal deletes it.
 *
 * @throws EckError if there is no credential to serve
 */
export async function renew(renewal: Renewal, cache: Cache, world: World): Promise<ClientCredential> {
  const { key, cached, doubt, parentProcess } = renewal;
  const hasFallBack = isValid(cached, world.now());
  try {
    throwRecentFailure(cache, hasFallBack, world.now());
    return await fetchAndSave(renewal, cache, world, { hasFallBack, mustSave: cached === undefined });
  } catch (error) {
    if (!isValid(cached, world.now()) || !(error instanceof EckError)) throw error;
    // The metadata service is not there at the moment, or on a suspicion alone: nothing is lost.
    const isAway = error.code === 'identity-not-found' && key.identity.kind === 'ecs-role';
    if (!isOutage(error) && !isAway && !(doubt === 'suspected' && isRefusal(error))) throw error;
    const since = cache.records.lastRenewal()?.failure?.since ?? world.now();
    if (parentProcess === undefined || cache.records.noteWarned(parentProcess, since)) {
      const end = formatDateTime(cached.notAfter);
      world.warn(`${error.message}; the cached credential is served, valid until ${end} [${error.code}]`);
    }
    return cached;
  }
}

/** @throws EckError the failure of the last renewal, if it was a refusal or an outage a moment ago */
function throwRecentFailure({ records }: Cache, hasFallBack: boolean, now: Date): void {
  const { failure, finishedAt } = records.lastRenewal() ?? {};
  if (failure === undefined || finishedAt === undefined) return;
  const agoMs = now.getTime() - finishedAt.getTime();
  if (agoMs < 0) return;
  if (hasFallBack && isOutage(failure) && agoMs < outageMemoryMs)
    throw new EckError(failure.code, failure.message, failure);
  if (isRefusal(failure) && agoMs < refusalMemoryMs) {
    const seconds = Math.ceil((refusalMemoryMs - agoMs) / 1000);
    throw new EckError(failure.code, `${failure.message}; ENS is asked again in ${seconds} s`, failure);
  }
}

/** Fetches a credential and saves it, or takes the result of another process that does. Never serves the cached one. */
export async function fetchAndSave(
  renewal: Renewal,
  cache: Cache,
  world: World,
  rules: FetchRules,
): Promise<ClientCredential> {
  const { key, settings } = renewal;
  let reason = 'ENS has not answered yet';
  const notice = setTimeout(() => {
    if (world.isTerminal('stderr')) world.warn(`waiting for the credential of ${key.clusterId}: ${reason}`);
  }, noticeAfterMs);
  notice.unref();
  const onRetry = ({ message }: EckError): void => {
    reason = `${message}; trying again`;
  };
  try {
    // Without a store, a result cannot be shared.
    const isShared = settings.store !== 'none';
    const waitMs = settings.timeoutMs + lockGraceMs;
    for (;;) {
      const { lock, renewed } = isShared
        ? await acquireRenewalLock(cache.records, waitMs, () => readRenewed(renewal, cache, world))
        : {};
      if (renewed !== undefined) return renewed;
      try {
        const fetched = await fetchUnderLock(renewal, cache, lock, world, { ...rules, onRetry });
        if (fetched !== undefined) return fetched;
      } finally {
        lock?.release();
      }
    }
  } finally {
    clearTimeout(notice);
  }
}

/** A fresh credential that another process has saved since ours was read. */
async function readRenewed(
  { key, cached, settings }: Renewal,
  cache: Cache,
  world: World,
): Promise<ClientCredential | undefined> {
  const found = await readServable(cacheKeyText(key), cache);
  if (found?.fetchedAt.getTime() === cached?.fetchedAt.getTime()) return undefined;
  return freshness(found, settings, world.now()) === 'serve' ? found : undefined;
}

/**
 * Fetches a credential and records the result for the processes that wait.
 *
 * @returns `undefined` if another process took the lock over before ENS was called
 */
async function fetchUnderLock(
  { key, settings, doubt }: Renewal,
  cache: Cache,
  lock: RenewalLock | undefined,
  world: World,
  rules: FetchRules & { readonly onRetry: (error: EckError) => void },
): Promise<ClientCredential | undefined> {
  const { records, store } = cache;
  const { clusterId } = key;
  const isLoggedOut = (): boolean => !rules.endsLogout && records.ending()?.reason === 'logout';
  if (isLoggedOut()) throw loggedOut(clusterId, settings);
  const last = records.lastRenewal();
  const repairedAt = doubt === undefined ? last?.repairedAt : world.now();
  // A process that was stopped while another one took over saves, deletes and records nothing.
  const isStillHeld = (): boolean => lock?.isStillHeld() ?? true;
  try {
    await throwIfFromElsewhere(key, settings, world);
    // Loaded by the one process that calls ENS, not by those that wait.
    const [{ openClient }, { issueCredential }] = await Promise.all([
      import('../ens/client.js'),
      import('../ens/actions.js'),
    ]);
    const client = await openClient(settings, world);
    if (!isStillHeld()) return undefined;
    const privateIp = records.lastSaved()?.apiServer?.privateIp ?? false;
    const { cluster, credential } = await issueCredential(client, { clusterId, privateIp }, world, rules);
    if (isStillHeld()) {
      const about = { apiServer: { ...cluster, privateIp } };
      const savedIn = await saveCredential(key, credential, about, cache, world).catch((error: unknown) => {
        if (rules.mustSave || !(error instanceof StoreError)) throw error;
        world.warn(`the new credential is not saved: ${error.message} [${error.code}]`);
        return undefined;
      });
      // A logout that did not wait for this renewal, and may have removed the record.
      if (isLoggedOut()) await deleteCached(key, cache, world);
      else records.clearEnding(credential.fetchedAt);
      if (savedIn === 'none' && settings.store === 'auto') warnNoStore(store, world);
      records.noteRenewal({ finishedAt: world.now(), repairedAt });
    }
    if (world.now() < credential.notBefore) {
      const begin = formatDateTime(credential.notBefore);
      world.warn(`the certificate of ${clusterId} is not valid before ${begin}; set this machine's clock`);
    }
    return credential;
  } catch (error) {
    if (error instanceof EckError && isStillHeld()) {
      if (isRefusal(error) && doubt !== 'suspected') {
        await deleteCached(key, cache, world);
        // A logout lasts.
        if (records.ending()?.reason !== 'logout') records.noteEnding({ reason: 'refusal', at: world.now() });
      }
      const { code, message, fix } = error;
      const failure = { code, message, fix, since: last?.failure?.since ?? world.now() };
      records.noteRenewal({ finishedAt: world.now(), failure, repairedAt });
    }
    throw error;
  } finally {
    records.sweep();
  }
}

/** Deletes every copy of a credential. What cannot be deleted is said, and not served any more. */
async function deleteCached(key: CacheKey, { records, store }: Cache, world: World): Promise<void> {
  const stores = store.name === 'auto' ? [openStore('keychain', world), openStore('kernel', world)] : [store];
  const { failures } = await deleteCopies(cacheKeyText(key), records, stores, world, [store.name]);
  for (const { message, code } of failures) {
    world.warn(`the cached credential is not deleted: ${message} [${code}]`);
  }
}

function warnNoStore(store: Store, world: World): void {
  const { message = 'no store works here', fix = 'Save it in a private file: --store file' } = mainFailure(store) ?? {};
  warnOnce('no-store', `${message}, so every command fetches a credential. ${fix}`, world);
}

/** No other identity renews the credential of an AccessKey that is not in this environment. @throws EckError */
async function throwIfFromElsewhere(key: CacheKey, settings: Settings, world: World): Promise<void> {
  const { identity, clusterId } = key;
  if (!isFromEnvironment(identity)) return;
  if (identityKey(await resolveIdentity(settings, world)) === identityKey(identity)) return;
  const message = `No Alibaba Cloud identity was found; the credential of ${clusterId} came from ${identityText(identity)}`;
  throw new EckError('identity-not-found', message, {
    fix: 'Set the same variables again, or run "aliyun configure"',
  });
}

import { cacheKeyText, type CacheKey } from '../credential/cache-key.js';
import type { ClientCredential } from '../credential/client-credential.js';
import { freshness } from '../credential/freshness.js';
import { EckError, type ErrorCode } from '../errors.js';
import type { Settings } from '../settings.js';
import { StoreError } from '../store/store.js';
import type { World } from '../world.js';
import { readCachedCredential, saveCredential, type Cache } from './cache.js';
import { acquireRenewalLock, type RenewalLock } from './lock.js';
import { warnOnce, type ParentProcess } from './records.js';

/** A credential that is to be fetched. */
export interface Renewal {
  readonly key: CacheKey;
  readonly settings: Settings;
  readonly cached: ClientCredential | undefined;
  /** Whether the API server seems to have rejected the cached one. */
  readonly isRejected: boolean;
  /** The process that is warned once of an outage; without it, each command warns. */
  readonly parentProcess?: ParentProcess | undefined;
}

/** How a credential is fetched. */
interface FetchRules {
  /** Whether the cached credential can be served instead, so that a call may give up early. */
  readonly hasFallBack: boolean;
  /** Whether it is an error if the store that was chosen by name cannot save the credential. */
  readonly mustSave: boolean;
}

/** After a failure, the cached credential is served for this time without another attempt. */
const outageMemoryMs = 60_000;

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
const localProblems: readonly ErrorCode[] = ['identity-not-found', 'identity-unusable', 'usage', 'internal'];

/** Whether ENS, or the sign-in before it, refused with a code that says so. */
export function isRefusal({ code }: EckError): boolean {
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
  const { cached, parentProcess } = renewal;
  const hasFallBack = isValid(cached, world.now());
  try {
    if (hasFallBack) throwRecentOutage(cache, world.now());
    return await fetchAndSave(renewal, cache, world, { hasFallBack, mustSave: cached === undefined });
  } catch (error) {
    if (!isValid(cached, world.now()) || !(error instanceof EckError) || !isOutage(error)) throw error;
    const since = cache.records.lastRenewal()?.failure?.since ?? world.now();
    if (parentProcess === undefined || cache.records.noteWarned(parentProcess, since)) {
      const end = cached.notAfter.toISOString().slice(0, 16).replace('T', ' ');
      world.warn(`${error.message}; the cached credential is served, valid until ${end} UTC [${error.code}]`);
    }
    return cached;
  }
}

/** @throws EckError the failure of the last renewal, if it was an outage a moment ago */
function throwRecentOutage({ records }: Cache, now: Date): void {
  const { failure, finishedAt } = records.lastRenewal() ?? {};
  if (failure === undefined || finishedAt === undefined || !isOutage(failure)) return;
  const agoMs = now.getTime() - finishedAt.getTime();
  if (agoMs >= 0 && agoMs < outageMemoryMs) throw new EckError(failure.code, failure.message, failure);
}

/**
 * Fetches a credential and saves it, or takes the result of another process that is doing so. Does not serve the cached
 * one.
 *
 * @throws EckError
 */
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
    let fetched: ClientCredential | undefined;
    while (fetched === undefined) {
      // Without a store, a result cannot be shared.
      const isShared = settings.store !== 'none';
      const waitMs = settings.timeoutMs + lockGraceMs;
      const { lock, renewed } = isShared
        ? await acquireRenewalLock(cache.records, waitMs, () => readRenewed(renewal, cache, world))
        : {};
      if (renewed !== undefined) return renewed;
      try {
        fetched = await fetchUnderLock(renewal, cache, lock, world, { ...rules, onRetry });
      } finally {
        lock?.release();
      }
    }
    return fetched;
  } finally {
    clearTimeout(notice);
  }
}

/** A fresh credential that another process has saved since ours was read. */
async function readRenewed(
  { key, cached, settings }: Renewal,
  { store }: Cache,
  world: World,
): Promise<ClientCredential | undefined> {
  const found = await readCachedCredential(store, cacheKeyText(key));
  if (found?.fetchedAt.getTime() === cached?.fetchedAt.getTime()) return undefined;
  return freshness(found, settings, world.now()) === 'serve' ? found : undefined;
}

/**
 * Fetches a credential and records the result for the processes that wait.
 *
 * @returns `undefined` if another process took the lock over before ENS was called
 */
async function fetchUnderLock(
  { key, settings, isRejected }: Renewal,
  cache: Cache,
  lock: RenewalLock | undefined,
  world: World,
  rules: FetchRules & { readonly onRetry: (error: EckError) => void },
): Promise<ClientCredential | undefined> {
  const { records } = cache;
  const last = records.lastRenewal();
  const repairedAt = isRejected ? world.now() : last?.repairedAt;
  // A process that was stopped while another one took over saves, deletes and records nothing.
  const isStillHeld = (): boolean => lock?.isStillHeld() ?? true;
  try {
    // Loaded by the one process that calls ENS, not by those that wait.
    const [{ openClient }, { issueCredential }] = await Promise.all([
      import('../ens/client.js'),
      import('../ens/actions.js'),
    ]);
    const client = await openClient(settings, world);
    if (!isStillHeld()) return undefined;
    const request = { clusterId: key.clusterId, privateIp: false };
    const { credential } = await issueCredential(client, request, world, rules);
    if (isStillHeld()) {
      const saving = saveCredential(key, credential, cache);
      const savedIn = await (rules.mustSave ? saving : orWarn('new credential is not saved', saving, world));
      if (savedIn === 'none' && settings.store === 'auto') {
        const advice = '--store file saves it in a private file';
        warnOnce(
          'no-store',
          `no keychain works here, so every command fetches a credential; ${advice}`,
          world,
        );
      }
      records.noteRenewal({ finishedAt: world.now(), repairedAt });
    }
    if (world.now() < credential.notBefore) {
      const begin = credential.notBefore.toISOString();
      world.warn(
        `the certificate of ${key.clusterId} is not valid before ${begin}; set this machine's clock`,
      );
    }
    return credential;
  } catch (error) {
    if (error instanceof EckError && isStillHeld()) {
      if (isRefusal(error)) {
        const deleting = cache.store.delete(cacheKeyText(key));
        const isDeleted = await orWarn('cached credential is not deleted', deleting, world);
        if (isDeleted !== undefined) records.noteDeleted();
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

/** Waits for a change of the store. If the store fails, that is only a warning. */
async function orWarn<T>(problem: string, change: Promise<T>, world: World): Promise<T | undefined> {
  try {
    return await change;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    world.warn(`the ${problem}: ${error.message} [${error.code}]`);
    return undefined;
  }
}

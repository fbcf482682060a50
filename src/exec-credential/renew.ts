import { cacheKeyText, type CacheKey } from '../credential/cache-key.js';
import type { ClientCredential } from '../credential/client-credential.js';
import { freshness, isFromTheFuture } from '../credential/freshness.js';
import { EckError, type ErrorCode } from '../errors.js';
import type { Settings } from '../settings.js';
import { StoreError } from '../store/store.js';
import type { World } from '../world.js';
import { deleteCredential, readCachedCredential, saveCredential, type Cache } from './cache.js';
import { acquireRenewalLock, type RenewalLock } from './lock.js';
import type { ParentProcess } from './parent-process.js';
import { warnOnce, type RenewalFailure } from './records.js';

/** A credential that is to be fetched. */
export interface Renewal {
  readonly key: CacheKey;
  readonly settings: Settings;
  readonly cached: ClientCredential | undefined;
  /** Whether the API server seems to have rejected the cached one. */
  readonly refused: boolean;
  /** Warned once of an outage; without it, at every command. */
  readonly parentProcess?: ParentProcess | undefined;
}

/** How a credential is fetched. */
export interface FetchRules {
  /** Whether the cached credential can be served instead, so that a failure may come soon. */
  readonly hasFallBack: boolean;
  /** Whether it is an error if the store that was chosen by name cannot save the credential. */
  readonly mustSave: boolean;
}

/** After a failure, the cached credential is served for this time without another attempt. */
const outageMemoryMs = 60_000;

/** A process that holds the lock is waited for this much longer than its call may take. */
const lockGraceMs = 5000;

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
    const failure = hasFallBack ? recentOutage(cache, world.now()) : undefined;
    if (failure !== undefined) throw new EckError(failure.code, failure.message, failure);
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
  const notice = startNotice(world, key.clusterId);
  let lock: RenewalLock | undefined;
  try {
    // Without a store, a result cannot be shared.
    if (settings.store !== 'none') {
      const result = await acquireRenewalLock(cache.records, {
        readRenewed: () => readRenewed(renewal, cache, world),
        waitMs: settings.timeoutMs + lockGraceMs,
      });
      world.debug(`renewal lock: ${result.kind}`);
      if (result.kind === 'renewed') return result.credential;
      if (result.kind === 'failed') throw result.error;
      ({ lock } = result);
    }
    return await fetchUnderLock(renewal, cache, lock, world, { ...rules, onRetry: notice.setReason });
  } finally {
    lock?.release();
    notice.stop();
  }
}

/** Fetches a credential and records the result for the processes that wait. */
async function fetchUnderLock(
  renewal: Renewal,
  cache: Cache,
  lock: RenewalLock | undefined,
  world: World,
  rules: FetchRules & { readonly onRetry: (error: EckError) => void },
): Promise<ClientCredential> {
  const { key, settings, refused } = renewal;
  const { records } = cache;
  const last = records.lastRenewal();
  const repairedAt = refused ? world.now() : last?.repairedAt;
  const repair = repairedAt === undefined ? {} : { repairedAt };
  // A process that was stopped while another one took over saves, deletes and records nothing.
  const isStillHeld = (): boolean => lock?.isStillHeld() ?? true;
  try {
    // Loaded by the one process that calls ENS, not by those that wait.
    const [{ openClient }, { issueCredential }] = await Promise.all([
      import('../ens/client.js'),
      import('../ens/actions.js'),
    ]);
    const client = await openClient(settings, world);
    const request = { clusterId: key.clusterId, privateIp: false };
    const { credential } = await issueCredential(client, request, world, rules);
    if (isStillHeld()) await saveIfPossible(renewal, credential, cache, rules, world);
    records.noteRenewal({ finishedAt: world.now(), ...repair });
    if (isFromTheFuture(credential, world.now())) {
      world.warn(
        `the certificate of ${key.clusterId} is not valid before ${credential.notBefore.toISOString()}; ` +
          "set this machine's clock",
      );
    }
    return credential;
  } catch (error) {
    if (error instanceof EckError && isStillHeld()) {
      if (isRefusal(error)) await deleteRefused(key, cache, world);
      const { code, message, fix } = error;
      const since = last?.failure?.since ?? world.now();
      const failure = { code, message, ...(fix === undefined ? {} : { fix }), since };
      records.noteRenewal({ finishedAt: world.now(), failure, ...repair });
    }
    throw error;
  } finally {
    records.sweep();
  }
}

async function saveIfPossible(
  { key, settings }: Renewal,
  credential: ClientCredential,
  cache: Cache,
  { mustSave }: FetchRules,
  world: World,
): Promise<void> {
  try {
    const savedIn = await saveCredential(key, credential, cache);
    if (savedIn === 'none' && settings.store === 'auto') {
      warnOnce(
        'no-store',
        'no keychain works here, so every command fetches a credential; --store file saves it in a private file',
        world,
      );
    }
  } catch (error) {
    if (!(error instanceof StoreError) || mustSave) throw error;
    world.warn(`the new credential is not saved: ${error.message} [${error.code}]`);
  }
}

async function deleteRefused(key: CacheKey, cache: Cache, world: World): Promise<void> {
  try {
    await deleteCredential(key, cache);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    world.warn(`the cached credential is not deleted: ${error.message} [${error.code}]`);
  }
}

/** A fresh credential that another process has saved since ours was read. */
async function readRenewed(
  { key, cached, settings }: Renewal,
  { store }: Cache,
  world: World,
): Promise<ClientCredential | undefined> {
  const found = await readCachedCredential(store, cacheKeyText(key));
  if (found === undefined || found.fetchedAt.getTime() === cached?.fetchedAt.getTime()) return undefined;
  return freshness(found, settings, world.now()) === 'serve' ? found : undefined;
}

function isValid(credential: ClientCredential | undefined, now: Date): credential is ClientCredential {
  return credential !== undefined && now.getTime() < credential.notAfter.getTime();
}

/** The failure of the last renewal, if it was an outage a moment ago. */
function recentOutage({ records }: Cache, now: Date): RenewalFailure | undefined {
  const last = records.lastRenewal();
  if (last?.failure === undefined || !isOutage(last.failure)) return undefined;
  const agoMs = now.getTime() - last.finishedAt.getTime();
  return agoMs >= 0 && agoMs < outageMemoryMs ? last.failure : undefined;
}

const noticeAfterMs = 2000;

interface Notice {
  readonly setReason: (error: EckError) => void;
  readonly stop: () => void;
}

/** Says once, at a terminal and after two seconds, what the command waits for. */
function startNotice(world: World, clusterId: string): Notice {
  let reason = 'ENS has not answered yet';
  const timer = setTimeout(() => {
    if (world.isTerminal('stderr')) world.warn(`waiting for the credential of ${clusterId}: ${reason}`);
  }, noticeAfterMs);
  timer.unref();
  return {
    setReason: ({ message }) => {
      reason = `${message}; trying again`;
    },
    stop: () => {
      clearTimeout(timer);
    },
  };
}

import type { ClientCredential } from '../credential/client-credential.js';
import { freshness, isFromTheFuture } from '../credential/freshness.js';
import { deleteCredential, saveCredential, type Cache, readCachedCredential } from './cache.js';
import { cacheKeyText, type CacheKey } from '../credential/cache-key.js';
import { EckError, type ErrorCode } from '../errors.js';
import { StoreError, type Store } from '../store/store.js';
import type { Settings } from '../settings.js';
import type { RenewalRecord } from './records.js';
import { warnOnce } from './warn-once.js';
import type { World } from '../world.js';
import { waitForTurn, type Turn } from './lock.js';

/** A credential that is to be fetched. */
export interface Renewal {
  readonly key: CacheKey;
  readonly settings: Settings;
  /** What is kept now. */
  readonly cached: ClientCredential | undefined;
  /** Whether the API server has refused what is kept, as far as one can tell. */
  readonly refused: boolean;
}

/** How a credential is fetched. */
export interface FetchRules {
  /** Whether there is something to serve instead, so that a failure is found out soon rather than avoided. */
  readonly hasFallBack: boolean;
  /**
   * Whether it is an error where a store that was named by the person cannot keep the new one. Where it has kept one
   * before, kubectl is better served one that is not kept than none.
   */
  readonly mustSave: boolean;
}

/** How long after a failure a credential that is still valid is served without trying again. */
const outageMemoryMs = 60_000;

/** ENS, or the sign-in before it, said no. It means no: what is kept is deleted, and nothing is served. */
const finalCodes: readonly ErrorCode[] = [
  'ens-unauthenticated',
  'ens-not-allowed',
  'ens-cluster-not-found',
  'identity-refused',
];
/** Nobody was asked, since there is nobody to ask as. Nothing is served, and nothing is deleted. */
const withoutIdentityCodes: readonly ErrorCode[] = [
  'identity-not-found',
  'identity-unusable',
  'usage',
  'internal',
];

const noStoreHere =
  'This machine has no keychain that works, so nothing is kept, and every command fetches a credential from ENS. ' +
  'To keep them in files that only you can read, use --store file or set KUBECTL_ECK_STORE=file; ' +
  'this is said only once';

/**
 * Fetches a credential from ENS and keeps it, once, however many processes want it at a time: one does it, and the
 * others wait for what comes of it.
 *
 * Where ENS cannot be reached, is throttling, or fails on its side, what is kept is served as long as its certificate
 * is valid, with one warning; for a minute after that it is served without trying again. Where ENS says no, what is
 * kept is deleted.
 *
 * @throws EckError where there is no credential to be had
 */
export async function renew(renewal: Renewal, keeping: Cache, world: World): Promise<ClientCredential> {
  const last = keeping.records.lastRenewal();
  if (isFallBack(renewal, world) && isRecentOutage(last, world.now())) {
    return fallBack(renewal, new EckError(last.failure.code, last.failure.message), world);
  }
  try {
    const rules = { hasFallBack: isFallBack(renewal, world), mustSave: renewal.cached === undefined };
    return await fetchAndSave(renewal, keeping, world, rules);
  } catch (error) {
    return fallBack(renewal, error, world);
  }
}

/**
 * Does what {@link renew} does, and takes no outage for an answer: ENS is asked now, by this process or by another one
 * that is at it just then, and what is kept is not served in place of what cannot be fetched.
 *
 * @throws EckError where nothing could be fetched
 */
export async function fetchAndSave(
  renewal: Renewal,
  keeping: Cache,
  world: World,
  rules: FetchRules,
): Promise<ClientCredential> {
  const { records, store } = keeping;
  const notice = noticeWaiting(world, renewal.key.clusterId);
  try {
    // Where nothing is kept, nothing can be shared, and there is nothing to wait for.
    const turn: Turn =
      renewal.settings.store === 'none'
        ? { kind: 'own', lock: undefined }
        : await waitForTurn(records, {
            renewed: () => renewedMeanwhile(renewal, store, world),
            timeoutMs: renewal.settings.timeoutMs,
          });
    world.debug(
      turn.kind === 'own'
        ? `its turn, ${turn.lock ? 'with' : 'without'} a lock`
        : `another process has ${turn.kind}`,
    );
    if (turn.kind === 'renewed') return turn.credential;
    if (turn.kind === 'failed') throw turn.error;
    try {
      const mayKeep = () => turn.lock?.isStillHeld() ?? true;
      const onRetry = (error: EckError) => {
        notice.because(error);
      };
      return await renewNow(renewal, keeping, mayKeep, world, { ...rules, onRetry });
    } finally {
      turn.lock?.release();
    }
  } finally {
    notice.stop();
  }
}

/** The one renewal that is made. What comes of it is recorded for those who wait. */
async function renewNow(
  renewal: Renewal,
  keeping: Cache,
  mayKeep: () => boolean,
  world: World,
  rules: FetchRules & { readonly onRetry: (error: EckError) => void },
): Promise<ClientCredential> {
  const { key, settings } = renewal;
  const { clusterId } = key;
  const { records } = keeping;
  const repairedAt = renewal.refused ? world.now() : records.lastRenewal()?.repairedAt;
  const repair = repairedAt === undefined ? {} : { repairedAt };
  try {
    // Loaded here, by the one process that calls ENS. Those that wait for it are many, and need none of it.
    const [{ openClient }, { issueCredential }] = await Promise.all([
      import('../ens/client.js'),
      import('../ens/actions.js'),
    ]);
    const { credential } = await issueCredential(
      await openClient(settings, world),
      { clusterId, privateIp: false },
      world,
      rules,
    );
    world.debug(`issued; the lock is ${mayKeep() ? 'held' : 'lost'}`);
    // A process that was stopped for so long that another one took over has nothing newer to keep.
    if (mayKeep()) await keepNew(renewal, credential, keeping, rules, world);
    records.noteRenewal({ finishedAt: world.now(), ...repair });
    if (isFromTheFuture(credential, world.now())) {
      world.warn(
        `The certificate of ${clusterId} is not valid before ${credential.notBefore.toISOString()}: ` +
          "this machine's clock seems to be behind; set it right",
      );
    }
    return credential;
  } catch (error) {
    if (!(error instanceof EckError)) throw error;
    // A process that another one took over from has had its say.
    if (!mayKeep()) throw error;
    if (isRefusal(error)) await deleteCredential(key, keeping).catch(() => false);
    records.noteRenewal({
      finishedAt: world.now(),
      failure: { code: error.code, message: error.message },
      ...repair,
    });
    throw error;
  } finally {
    records.sweep();
  }
}

/** Keeps what was fetched, if the store can. */
async function keepNew(
  { key, settings }: Renewal,
  credential: ClientCredential,
  keeping: Cache,
  { mustSave }: FetchRules,
  world: World,
): Promise<void> {
  try {
    const keptIn = await saveCredential(key, credential, keeping);
    if (keptIn === 'none' && settings.store === 'auto') warnOnce('no-store', noStoreHere, world);
  } catch (error) {
    if (!(error instanceof StoreError) || mustSave) throw error;
    world.warn(`The new credential is served, and could not be kept: ${error.message} [${error.code}]`);
  }
}

/** What another process has put in the place of what was kept, if that serves. */
async function renewedMeanwhile(
  { key, cached, settings }: Renewal,
  store: Store,
  world: World,
): Promise<ClientCredential | undefined> {
  const found = await readCachedCredential(store, cacheKeyText(key));
  if (found === undefined || found.fetchedAt.getTime() === cached?.fetchedAt.getTime()) return undefined;
  return freshness(found, settings, world.now()) === 'serve' ? found : undefined;
}

/** Whether what is kept could be served in place of a new one: its certificate is valid. */
function isFallBack({ cached }: Renewal, world: World): boolean {
  return cached !== undefined && world.now().getTime() < cached.notAfter.getTime();
}

/** Whether ENS, or the sign-in before it, said no. Then what was kept is deleted. */
export function isRefusal({ code }: EckError): boolean {
  return finalCodes.includes(code);
}

type FailedRecord = RenewalRecord & { readonly failure: NonNullable<RenewalRecord['failure']> };

function isRecentOutage(last: RenewalRecord | undefined, now: Date): last is FailedRecord {
  if (last?.failure === undefined || !allowsFallBack(last.failure.code)) return false;
  const agoMs = now.getTime() - last.finishedAt.getTime();
  return agoMs >= 0 && agoMs < outageMemoryMs;
}

function allowsFallBack(code: ErrorCode): boolean {
  return !finalCodes.includes(code) && !withoutIdentityCodes.includes(code) && !code.startsWith('keychain-');
}

/** Serves what is kept in spite of a failure, where that is right and possible, and says so in one line. */
function fallBack(renewal: Renewal, error: unknown, world: World): ClientCredential {
  const { cached } = renewal;
  if (cached === undefined || !(error instanceof EckError)) throw error;
  if (!isFallBack(renewal, world) || !allowsFallBack(error.code)) throw error;
  world.warn(
    `${error.message}; meanwhile the credential of ${cached.fetchedAt.toISOString()} is served, ` +
      `whose certificate is valid until ${cached.notAfter.toISOString()} [${error.code}]`,
  );
  return cached;
}

const noticeAfterMs = 2000;

/** Tells a person at a terminal, once and after a while, why a command takes so long. */
export function noticeWaiting(
  world: Pick<World, 'warn' | 'isTerminal'>,
  clusterId: string,
): { because(error: EckError): void; stop(): void } {
  let reason = 'ENS has not answered yet';
  const timer = setTimeout(() => {
    if (world.isTerminal('stderr')) world.warn(`Waiting for a credential for ${clusterId}: ${reason}`);
  }, noticeAfterMs);
  timer.unref();
  return {
    because(error) {
      reason = `${error.message}; trying again`;
    },
    stop() {
      clearTimeout(timer);
    },
  };
}

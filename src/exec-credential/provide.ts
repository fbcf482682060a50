import type { ClientCredential } from '../credential/client-credential.js';
import { readCachedCredential } from './cache.js';
import { expirationTimestamp, freshness } from '../credential/freshness.js';
import { cacheKeyText } from '../credential/cache-key.js';
import { cacheKeyOf } from './resolve-identity.js';
import { openStore } from '../store/open-store.js';
import type { Settings } from '../settings.js';
import { CredentialRecords } from './records.js';
import type { ParentProcess } from './parent-process.js';
import type { World } from '../world.js';

/** Whose credential is asked for, and by whom. */
export interface CredentialRequest {
  readonly clusterId: string;
  readonly settings: Settings;
  /** The process that asks, where it is one that asks again when the API server has refused the answer. */
  readonly parentProcess: ParentProcess | undefined;
}

/** What kubectl is answered. */
export interface Provided {
  readonly credential: ClientCredential;
  /** When it should ask again. */
  readonly expiration: Date;
}

/**
 * The credential for a cluster: the kept one while it is good, else a new one, which is kept.
 *
 * This is what happens at every kubectl command. While the kept one is good, nothing heavy is loaded and the network
 * is not touched.
 *
 * @throws EckError for everything that ENS, the identity, or a store that was named by the person can be wrong with
 */
export async function provide(request: CredentialRequest, world: World): Promise<Provided> {
  const { clusterId, settings } = request;
  const key = await cacheKeyOf(clusterId, settings, world);
  const account = cacheKeyText(key);

  const store = openStore(settings.store, world);
  const cached = await readCachedCredential(store, account);

  const records = new CredentialRecords(account, world);
  const refused = cached !== undefined && wasRefused(cached, request, records, world.now());
  const verdict =
    cached === undefined ? 'absent' : refused ? 'refused' : freshness(cached, settings, world.now());
  world.debug(`cached in ${store.name} under ${account}: ${verdict}`);
  let credential = cached;
  if (credential === undefined || verdict !== 'serve') {
    const { renew } = await import('./renew.js');
    credential = await renew({ key, settings, cached, refused }, { store, records }, world);
  }

  const expiration = expirationTimestamp(credential, settings, world.now());
  if (request.parentProcess)
    records.noteServed(request.parentProcess, { fetchedAt: credential.fetchedAt, expiration });
  return { credential, expiration };
}

/** At most one renewal in this time is made because a process has asked twice. */
const repairEveryMs = 60_000;

/**
 * Whether the API server seems to have refused the kept credential: the process that asks was served it before, and
 * was told to come back later than now. client-go asks again when it was answered 401, and says nothing of it.
 *
 * Other clients ask again for no reason, such as a program that loads its configuration in a loop. So that they do not
 * have ENS called all the time, this is true no more than once a minute.
 */
function wasRefused(
  kept: ClientCredential,
  { parentProcess }: CredentialRequest,
  state: CredentialRecords,
  now: Date,
): boolean {
  const served = parentProcess && state.servedTo(parentProcess);
  if (served === undefined || served.fetchedAt.getTime() !== kept.fetchedAt.getTime()) return false;
  if (now.getTime() >= served.expiration.getTime()) return false;
  const repairedAt = state.lastRenewal()?.repairedAt;
  return repairedAt === undefined || Math.abs(now.getTime() - repairedAt.getTime()) >= repairEveryMs;
}

import { cacheKeyText } from '../credential/cache-key.js';
import type { ClientCredential } from '../credential/client-credential.js';
import { expirationTimestamp, freshness } from '../credential/freshness.js';
import type { Settings } from '../settings.js';
import { openStore } from '../store/open.js';
import type { World } from '../world.js';
import { readCachedCredential } from './cache.js';
import type { ParentProcess } from './parent-process.js';
import { CredentialRecords } from './records.js';
import { cacheKeyOf } from './resolve-identity.js';

/** A request for the credential of a cluster. */
export interface CredentialRequest {
  readonly clusterId: string;
  readonly settings: Settings;
  /** Given if it asks again after the API server rejected the certificate. */
  readonly parentProcess: ParentProcess | undefined;
}

/** The credential for kubectl, and when kubectl should ask again. */
export interface ProvidedCredential {
  readonly credential: ClientCredential;
  readonly expiration: Date;
}

/**
 * Serves the cached credential while it is fresh, else renews it. Runs at every kubectl command, so serving loads
 * nothing heavy and uses no network.
 *
 * @throws EckError
 */
export async function provide(request: CredentialRequest, world: World): Promise<ProvidedCredential> {
  const { clusterId, settings, parentProcess } = request;
  const key = await cacheKeyOf(clusterId, settings, world);
  const keyText = cacheKeyText(key);
  const store = openStore(settings.store, world);
  const cached = await readCachedCredential(store, keyText);
  const records = new CredentialRecords(keyText, world);
  const refused = wasRejected(cached, request, records, world.now());
  const verdict = refused ? 'repair' : freshness(cached, settings, world.now());
  world.debug(`store ${store.name}, key ${keyText}: ${verdict}`);

  let credential = cached;
  if (credential === undefined || verdict !== 'serve') {
    const { renew } = await import('./renew.js');
    credential = await renew({ key, settings, cached, refused, parentProcess }, { store, records }, world);
  }
  const expiration = expirationTimestamp(credential, settings, world.now());
  if (parentProcess) records.noteServed(parentProcess, { fetchedAt: credential.fetchedAt, expiration });
  return { credential, expiration };
}

/** Programs that read their configuration in a loop look like a rejection too, so repairs are limited. */
const repairEveryMs = 60_000;

/**
 * Whether the API server seems to have rejected the cached credential: client-go asks again before the expiration that
 * it was given, from the same process.
 */
function wasRejected(
  cached: ClientCredential | undefined,
  { parentProcess }: CredentialRequest,
  records: CredentialRecords,
  now: Date,
): boolean {
  const served = cached && parentProcess && records.servedTo(parentProcess);
  if (served === undefined || served.fetchedAt.getTime() !== cached?.fetchedAt.getTime()) return false;
  if (now.getTime() >= served.expiration.getTime()) return false;
  const repairedAt = records.lastRenewal()?.repairedAt;
  return repairedAt === undefined || Math.abs(now.getTime() - repairedAt.getTime()) >= repairEveryMs;
}

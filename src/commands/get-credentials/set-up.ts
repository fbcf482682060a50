import { once } from 'node:events';
import { cacheKeyText, type CacheKey } from '../../credential/cache-key.js';
import type { ClientCredential } from '../../credential/client-credential.js';
import { issueCredential } from '../../ens/actions.js';
import type { CallRules, EnsClient } from '../../ens/client.js';
import { RateLimiter } from '../../ens/retry.js';
import { EckError } from '../../errors.js';
import { saveCredential } from '../../exec-credential/cache.js';
import { CredentialRecords } from '../../exec-credential/records.js';
import type { StoreName } from '../../settings.js';
import { openStore } from '../../store/open.js';
import { showProgress } from '../../terminal/progress.js';
import type { World } from '../../world.js';
import { contextEntry, pinnedIdentity, type ContextOptions } from './context-entry.js';
import { type ContextEntry } from '../../kubeconfig/entry.js';

/** A cluster whose credential was fetched and saved, and its entries for a kubeconfig. */
export interface ClusterSetUp {
  readonly key: CacheKey;
  readonly credential: ClientCredential;
  readonly store: StoreName;
  readonly entry: ContextEntry;
}

/** A cluster, as an id or the name that was typed, and what went wrong with it only. */
export interface ClusterFailure {
  readonly cluster: string;
  readonly error: EckError;
}

/** The clusters in the order in which they were given. */
export interface SetUpReport {
  readonly setUps: readonly ClusterSetUp[];
  readonly failures: readonly ClusterFailure[];
  /** Why the rest was not tried. */
  readonly stopped: EckError | undefined;
}

/** Reaches the rate limit of ENS if an answer takes a third of a second. */
const concurrency = 32;

/** Codes of failures that may be one cluster's own, or those of all. */
export const mayBeOutage = /^ens-(?:unavailable|throttled)$/;

/** Codes of failures that are about the identity, the network or the store, and not about a cluster. */
const failsForAll =
  /^(?:usage|(?:identity|keychain|proxy|network)-.*|ens-(?:unauthenticated|not-allowed|clock-skew))$/;

/** Ends the retries of a call that is not made any more. */
class NotCalled extends Error {}

/**
 * Fetches and saves the credentials of clusters, side by side, as fast as ENS allows. A cluster that fails does not
 * stop the others; Ctrl-C does, and so does what would fail for each of them.
 */
export async function setUpClusters(
  clusterIds: readonly string[],
  options: ContextOptions,
  client: EnsClient,
  world: World,
): Promise<SetUpReport> {
  const identity = await pinnedIdentity(client, world);
  const store = openStore(client.settings.store, world);
  const limiter = new RateLimiter();
  const total = clusterIds.length;
  const progress = total > 1 ? showProgress('Fetching credentials', total, world) : undefined;
  const setUps = new Map<string, ClusterSetUp>();
  const failures = new Map<string, ClusterFailure>();
  let stop: EckError | undefined;
  const rules: CallRules = {
    pace: (attempt) => limiter.make(() => (stop ? Promise.reject(new NotCalled()) : attempt())),
    onRetry: ({ code, retryAfterMs }) => {
      if (code === 'ens-throttled') limiter.slowDown(retryAfterMs);
    },
  };

  async function setUp(clusterId: string): Promise<ClusterSetUp> {
    const request = { clusterId, privateIp: options.privateIp };
    const { cluster, credential } = await issueCredential(client, request, world, rules);
    const key = { endpoint: client.endpoint, identity, clusterId };
    const records = new CredentialRecords(cacheKeyText(key), world);
    const savedIn = await saveCredential(key, credential, { store, records });
    return { key, credential, store: savedIn, entry: contextEntry(clusterId, options, client, cluster) };
  }

  const waiting = clusterIds.values();
  async function work(): Promise<void> {
    for (const cluster of waiting) {
      const successes = setUps.size;
      try {
        setUps.set(cluster, await setUp(cluster));
      } catch (error) {
        if (error instanceof NotCalled) return;
        if (!(error instanceof EckError)) throw error;
        // An outage fails for all if no other call succeeded in the meantime.
        const isOutage = mayBeOutage.test(error.code) && setUps.size === successes;
        if (isOutage || failsForAll.test(error.code)) stop ??= error;
        else failures.set(cluster, { cluster, error });
      }
      progress?.advance();
      if (stop) return;
    }
  }

  const finished = new AbortController();
  const interrupted = once(process, 'SIGINT', { signal: finished.signal }).then(
    () => (stop ??= new EckError('interrupted', 'Interrupted')),
    () => undefined,
  );
  try {
    // After an interruption, calls in progress are not waited for.
    await Promise.race([Promise.all(Array.from({ length: concurrency }, work)), interrupted]);
  } finally {
    finished.abort();
    limiter.close();
    progress?.stop();
  }

  const left = total - setUps.size - failures.size;
  return {
    setUps: clusterIds.flatMap((cluster) => setUps.get(cluster) ?? []),
    failures: clusterIds.flatMap((cluster) => failures.get(cluster) ?? []),
    stopped: stop && left > 0 ? stoppedError(stop, left, total) : undefined,
  };
}

function stoppedError({ code, message, fix }: EckError, left: number, total: number): EckError {
  const counts = [left, total].map((count) => count.toLocaleString('en-US')).join(' of ');
  return new EckError(code, total === 1 ? message : `${message}. ${counts} clusters were not set up`, {
    fix,
  });
}

import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { cacheKeyText, type CacheKey } from '../../credential/cache-key.js';
import type { ClientCredential } from '../../credential/client-credential.js';
import { issueCredential, listClusters } from '../../ens/actions.js';
import type { CallRules, EnsClient } from '../../ens/client.js';
import { RateLimiter } from '../../ens/retry.js';
import { EckError } from '../../errors.js';
import { saveCredential } from '../../exec-credential/cache.js';
import type { ExecApiVersion } from '../../exec-credential/protocol.js';
import { CredentialRecords } from '../../exec-credential/records.js';
import { resolveIdentity } from '../../exec-credential/resolve-identity.js';
import type { ContextEntry, ExecEntry } from '../../kubeconfig/entry.js';
import { argumentsOf, type StoreName } from '../../settings.js';
import { mainFailure, openStore } from '../../store/open.js';
import type { StoreError } from '../../store/store.js';
import { hideProgress, showProgress } from '../../terminal/progress.js';
import type { World } from '../../world.js';
import type { ContextNamer, KnownCluster } from './context-names.js';

/** What contexts are like besides the clusters that ENS describes. */
export interface ContextOptions {
  /** How contexts are named; without it, after their clusters' ids. */
  readonly namer?: ContextNamer;
  readonly namespace?: string | undefined;
  readonly privateIp?: boolean;
  readonly execApiVersion: ExecApiVersion;
}

/** A cluster whose credential was fetched and saved, and its entries for a kubeconfig. */
export interface ClusterSetUp {
  readonly key: CacheKey;
  readonly credential: ClientCredential;
  readonly store: StoreName;
  /** Why no store saved it. */
  readonly storeFailure?: StoreError | undefined;
  readonly entry: ContextEntry;
  /** Why the context has not the cluster's name. */
  readonly nameReason?: string | undefined;
}

/** A cluster, as an id or the name that was typed, and what went wrong with it only. */
export interface ClusterFailure {
  readonly cluster: string;
  readonly error: EckError;
}

/** How long a cluster's name is waited for after its kubeconfig arrived. */
const nameWaitMs = 2000;

/** Reaches the rate limit of ENS if an answer takes a third of a second. */
const concurrency = 32;

/** Codes of failures that may be one cluster's own, or those of all. */
const mayAffectAll = /^ens-(?:unavailable|throttled)$/;

/** Codes of failures that are about the identity, the network or the store, and not about a cluster. */
const failsForAll = /^(?:usage|(?:identity|keychain|proxy|network)-.*|ens-(?:unauthenticated|not-allowed|clock-skew))$/;

/** Ends the retries of a call that is not made any more. */
const notCalled = new Error('not called');

/**
 * Fetches and saves the credentials of clusters, side by side, as fast as ENS allows. A cluster that fails does not
 * stop the others; Ctrl-C does, and so does what would fail for each of them: `stopped` says why.
 */
export async function setUpClusters(
  clusters: readonly KnownCluster[],
  options: ContextOptions,
  client: EnsClient,
  world: World,
) {
  // Contexts pin the profile, also where the default chain found it.
  const { roleArn } = client.settings;
  const identity = await resolveIdentity({ profile: client.signer.profile?.name, roleArn }, world);
  const store = openStore(client.settings.store, world);
  const limiter = new RateLimiter();
  const total = clusters.length;
  const advance = total > 1 ? showProgress('Fetching credentials', total, world) : undefined;
  const setUps = new Map<string, ClusterSetUp>();
  const failures = new Map<string, ClusterFailure>();
  let stop: EckError | undefined;
  const rules: CallRules = {
    pace: (attempt) => limiter.make(() => (stop ? Promise.reject(notCalled) : attempt())),
    onRetry: ({ code, retryAfterMs }) => {
      if (code === 'ens-throttled') limiter.slowDown(retryAfterMs);
    },
  };

  async function setUp(cluster: KnownCluster): Promise<ClusterSetUp> {
    const { namer, namespace, privateIp = false, execApiVersion } = options;
    const { clusterId } = cluster;
    // A conflict is found before anything is called, if the name is known.
    const known = namer?.needsDescription(cluster) ? undefined : (namer?.nameContext(cluster) ?? { name: clusterId });
    // For the name only, so a failure is none of the command.
    const describing = known ? [] : listClusters(client, { clusterId }, world, rules).catch(() => []);
    const { cluster: issued, credential } = await issueCredential(client, { clusterId, privateIp }, world, rules);
    const tooLate = setTimeout(nameWaitMs, undefined, { ref: false });
    const listed = (await Promise.race([describing, tooLate])) ?? [];
    const described = listed.find((each) => each.clusterId === clusterId) ?? cluster;
    const { name, reason } = known ?? namer?.nameContext(described) ?? { name: clusterId };
    const key = { endpoint: client.endpoint, identity, clusterId };
    const records = new CredentialRecords(cacheKeyText(key), world);
    const about = {
      apiServer: { ...issued, privateIp },
      ...(described.name && { clusterName: described.name }),
    };
    const savedIn = await saveCredential(key, credential, about, { store, records }, world);
    records.clearEnding(credential.fetchedAt);
    const exec = execEntry(clusterId, client, execApiVersion, world);
    const entry = { name, ...issued, namespace, exec };
    const storeFailure = savedIn === 'none' ? mainFailure(store) : undefined;
    return { key, credential, store: savedIn, storeFailure, entry, nameReason: reason };
  }

  const waiting = clusters.values();
  async function work(): Promise<void> {
    for (const known of waiting) {
      const cluster = known.clusterId;
      const successes = setUps.size;
      try {
        setUps.set(cluster, await setUp(known));
      } catch (error) {
        if (error === notCalled) return;
        if (!(error instanceof EckError)) throw error;
        // An outage fails for all if no other call succeeded in the meantime.
        const isOutage = mayAffectAll.test(error.code) && setUps.size === successes;
        if (isOutage || failsForAll.test(error.code)) stop ??= error;
        else failures.set(cluster, { cluster, error });
      }
      advance?.();
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
    hideProgress();
  }

  const left = total - setUps.size - failures.size;
  const rest = total === 1 ? '' : `. ${left} of ${total} clusters were not set up`;
  return {
    setUps: clusters.flatMap(({ clusterId }) => setUps.get(clusterId) ?? []),
    failures: clusters.flatMap(({ clusterId }) => failures.get(clusterId) ?? []),
    stopped: stop && left > 0 ? new EckError(stop.code, stop.message + rest, { fix: stop.fix }) : undefined,
  };
}

/** kubectl prints it when it cannot find the plugin. */
const installHint =
  'kubectl-eck fetches the credentials of this cluster and is not on the PATH. ' +
  'Its documentation says how to install it.';

/**
 * The `exec` entry with which kubectl asks this plugin for a cluster's credential. Its arguments pin the profile and what
 * was chosen, so that the context means the same identity in every shell.
 */
export function execEntry(
  clusterId: string,
  { signer, endpoint, settings }: EnsClient,
  apiVersion: ExecApiVersion,
  { environment }: World,
): ExecEntry {
  const pinned = argumentsOf({ ...settings, profile: signer.profile?.name, endpoint }, environment);
  const args = ['exec-credential', '--cluster-id', clusterId, ...pinned];
  // Some clients do not say which version they want.
  if (apiVersion.endsWith('/v1beta1')) args.push('--exec-api-version', 'v1beta1');
  const command = 'kubectl-eck';
  return { apiVersion, command, args, interactiveMode: 'Never', provideClusterInfo: false, installHint };
}

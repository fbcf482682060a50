import PQueue from 'p-queue';
import type { EnsError } from '../../ens/errors.js';
import { RateLimiter } from '../../ens/rate-limiter.js';
import { EckError, type ErrorCode } from '../../errors.js';
import type { World } from '../../world.js';
import {
  setUpContext,
  type ContextRequest,
  type ContextSetUp,
  type KeepingAccount,
} from './set-up-context.js';

/** What became of many clusters. */
export interface ManySetUp {
  /** In the order in which they were asked for. */
  readonly setUps: readonly ContextSetUp[];
  /** Failures of one cluster each, in the same order. */
  readonly failures: readonly ClusterFailure[];
  /** Why the rest was not done, if not all were. */
  readonly stopped?: { readonly error: EckError; readonly clusterCount: number };
}

/** What went wrong with one cluster, and says nothing about the others. */
export interface ClusterFailure {
  /** The cluster's id, or the name that was typed for it. */
  readonly cluster: string;
  readonly error: EckError;
}

/** What is heard while it goes on. */
export interface ManyRules {
  /** Called after each cluster, done or failed. */
  readonly onProgress?: () => void;
  /** Ends it early: nothing more is asked, and what is under way is not waited for. */
  readonly signal?: AbortSignal;
}

/** Enough to reach the API's rate where an answer takes a third of a second. */
const concurrency = 32;

/** What a call that is not made any more throws, in order to reach the end. */
class NotCalled extends Error {}

/**
 * Sets up many clusters side by side, as fast as ENS allows. One that fails does not keep the others from being done.
 * What would fail for each in the same way ends it: who is asking, the way to ENS, a store that was named; and an
 * outage of ENS, told by an attempt that took all its time while no other one succeeded.
 *
 * @throws what is no EckError, at once
 */
export async function setUpMany(
  keeping: KeepingAccount,
  requests: readonly ContextRequest[],
  world: World,
  { onProgress = () => undefined, signal }: ManyRules = {},
): Promise<ManySetUp> {
  const done = new Map<ContextRequest, ContextSetUp>();
  const failed = new Map<ContextRequest, EckError>();
  const queue = new PQueue({ concurrency });
  const pace = new RateLimiter();
  let stop: EckError | undefined;
  let successes = 0;

  const rules = {
    pace: <T>(attempt: () => Promise<T>): Promise<T> =>
      pace.make(() => {
        const isOver = stop !== undefined || signal?.aborted === true;
        return isOver ? Promise.reject(new NotCalled()) : attempt();
      }),
    onRetry: ({ code, retryAfterMs }: EnsError): void => {
      if (code === 'ens-throttled') pace.slowDown(retryAfterMs);
    },
  };

  async function setUp(request: ContextRequest): Promise<void> {
    const successesBefore = successes;
    try {
      done.set(request, await setUpContext(keeping, request, world, rules));
      successes += 1;
    } catch (error) {
      if (error instanceof NotCalled) return;
      if (!(error instanceof EckError)) throw error;
      const isOutage = outages.has(error.code) && successes === successesBefore;
      if (isOutage || isForAll(error.code)) {
        stop ??= error;
        queue.clear();
        return;
      }
      failed.set(request, error);
    }
    onProgress();
  }

  for (const request of requests) queue.add(() => setUp(request)).catch(() => undefined);
  await Promise.race([queue.onIdle(), queue.onError(), aborted(signal)]).finally(() => {
    queue.clear();
    pace.close();
  });

  const left = requests.filter((request) => !done.has(request) && !failed.has(request));
  return {
    setUps: requests.flatMap((request) => done.get(request) ?? []),
    failures: requests.flatMap((request) => {
      const error = failed.get(request);
      return error === undefined ? [] : [{ cluster: request.clusterId, error }];
    }),
    ...(left.length === 0
      ? {}
      : {
          stopped: { error: stop ?? new EckError('interrupted', 'Interrupted'), clusterCount: left.length },
        }),
  };
}

/** Codes of failures that may be one cluster's own, or everybody's. */
const outages: ReadonlySet<ErrorCode> = new Set(['ens-unavailable', 'ens-throttled']);

/** Whether a failure is about who asks, how, or where from, and not about the cluster. */
function isForAll(code: ErrorCode): boolean {
  return (
    [
      'ens-unauthenticated',
      'ens-not-allowed',
      'ens-clock-skew',
      'proxy-refused',
      'network-untrusted',
    ].includes(code) ||
    code === 'usage' ||
    code.startsWith('identity-') ||
    code.startsWith('keychain-')
  );
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) resolve();
    signal?.addEventListener('abort', () => {
      resolve();
    });
  });
}

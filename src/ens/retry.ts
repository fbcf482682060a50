import { EnsError } from './errors.js';

/** How long to go on trying. */
export interface RetryBudget {
  /** From the first attempt; none is begun after it. */
  readonly totalMs: number;
  /** From the first failure, where there is something to fall back on. */
  readonly afterFailureMs?: number;
}

/** What waiting and chance depend on, so that tests need neither. */
export interface RetryWorld {
  monotonicMs(): number;
  sleep(ms: number): Promise<void>;
  random(): number;
}

/** The world as it is. */
export const realRetryWorld: RetryWorld = {
  monotonicMs: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  random: Math.random,
};

const firstDelayMs = 250;
const longestDelayMs = 4000;

/**
 * How long to wait before another attempt: exponential backoff with full jitter, any time between none and the
 * attempt's limit, so that many clients that failed together do not come back together. What the server asks for
 * with `Retry-After` is the least.
 *
 * @param failures how many attempts have failed, at least 1
 * @param random between 0 and 1
 */
export function backoffMs(failures: number, random: number, retryAfterMs = 0): number {
  const limitMs = Math.min(longestDelayMs, firstDelayMs * 2 ** (failures - 1));
  return Math.max(retryAfterMs, limitMs * random);
}

/** Whether another attempt may succeed: ENS asks to slow down, cannot be reached, or fails on its side. */
export function isTransient(error: unknown): error is EnsError {
  return error instanceof EnsError && (error.code === 'ens-throttled' || error.code === 'ens-unavailable');
}

/**
 * Makes attempts until one succeeds, fails for good, or the budget does not allow another.
 *
 * @param onFailure hears of every failure after which another attempt is made
 * @throws what the last attempt threw
 */
export async function withRetry<T>(
  attempt: (remainingMs: number) => Promise<T>,
  { totalMs, afterFailureMs = Infinity }: RetryBudget,
  world: RetryWorld,
  onFailure: (error: EnsError) => void = () => undefined,
): Promise<T> {
  let deadline = world.monotonicMs() + totalMs;
  for (let failures = 1; ; failures += 1) {
    try {
      return await attempt(deadline - world.monotonicMs());
    } catch (error) {
      if (!isTransient(error)) throw error;
      const now = world.monotonicMs();
      if (failures === 1) deadline = Math.min(deadline, now + afterFailureMs);
      const delayMs = backoffMs(failures, world.random(), error.retryAfterMs);
      if (now + delayMs >= deadline) throw error;
      onFailure(error);
      await world.sleep(delayMs);
    }
  }
}

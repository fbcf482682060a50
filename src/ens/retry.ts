import { EnsError } from './errors.js';

/** How long to go on trying. */
export interface RetryBudget {
  /** From the first attempt; none begins after it. */
  readonly totalMs: number;
  /** From the first failure, if that is shorter for this failure. */
  readonly afterFailureMs?: (error: EnsError) => number;
}

/** The clock and the chance that retries depend on. */
export interface RetryClock {
  monotonicMs(): number;
  sleep(ms: number): Promise<void>;
  random(): number;
}

export const realClock: RetryClock = {
  monotonicMs: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  random: Math.random,
};

const firstDelayMs = 250;
const longestDelayMs = 4000;

/**
 * How long to wait before another attempt: exponential backoff with full jitter, and at least what the server asks for
 * with `Retry-After`.
 *
 * @param failures how many attempts have failed, at least 1
 * @param random between 0 and 1
 */
export function backoffMs(failures: number, random: number, retryAfterMs = 0): number {
  return Math.max(retryAfterMs, Math.min(longestDelayMs, firstDelayMs * 2 ** (failures - 1)) * random);
}

/** Whether another attempt may succeed: ENS received too many calls, cannot be reached or fails on its side. */
export function isTransient(error: unknown): error is EnsError {
  return error instanceof EnsError && (error.code === 'ens-throttled' || error.code === 'ens-unavailable');
}

/**
 * Makes attempts until one succeeds, fails for good, or the budget does not allow another.
 *
 * @param onRetry called with each failure after which another attempt is made
 * @throws what the last attempt threw
 */
export async function withRetry<T>(
  attempt: (remainingMs: number) => Promise<T>,
  { totalMs, afterFailureMs = () => Infinity }: RetryBudget,
  clock: RetryClock,
  onRetry: (error: EnsError) => void = () => undefined,
): Promise<T> {
  let deadline = clock.monotonicMs() + totalMs;
  for (let failures = 1; ; failures += 1) {
    try {
      return await attempt(deadline - clock.monotonicMs());
    } catch (error) {
      if (!isTransient(error)) throw error;
      const now = clock.monotonicMs();
      if (failures === 1) deadline = Math.min(deadline, now + afterFailureMs(error));
      const delayMs = backoffMs(failures, clock.random(), error.retryAfterMs);
      if (now + delayMs >= deadline) throw error;
      onRetry(error);
      await clock.sleep(delayMs);
    }
  }
}

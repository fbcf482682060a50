import PQueue from 'p-queue';
import { EnsError } from './errors.js';

/** How long to go on trying. */
export interface RetryRules {
  /** From the first attempt; none begins after it. */
  readonly totalMs: number;
  /** From the first failure, if that is shorter for this failure. */
  readonly afterFailureMs?: (error: EnsError) => number;
  /** Called with each failure after which another attempt is made. */
  readonly onRetry?: ((error: EnsError) => void) | undefined;
}

const firstDelayMs = 250;
const longestDelayMs = 4000;

/** The wait after some failures: exponential backoff with full jitter, and at least what `Retry-After` asks for. */
export function backoffMs(failures: number, random: number, retryAfterMs = 0): number {
  return Math.max(retryAfterMs, Math.min(longestDelayMs, firstDelayMs * 2 ** (failures - 1)) * random);
}

/** Whether another attempt may succeed: ENS received too many calls, cannot be reached or fails on its side. */
function isTransient(error: unknown): error is EnsError {
  return error instanceof EnsError && (error.code === 'ens-throttled' || error.code === 'ens-unavailable');
}

/** Makes attempts until one succeeds, fails for good, or is the last that is allowed. @throws what the last one threw */
export async function withRetry<T>(
  attempt: (remainingMs: number) => Promise<T>,
  { totalMs, afterFailureMs, onRetry }: RetryRules,
): Promise<T> {
  let deadline = performance.now() + totalMs;
  for (let failures = 1; ; failures += 1) {
    try {
      return await attempt(deadline - performance.now());
    } catch (error) {
      if (!isTransient(error)) throw error;
      const now = performance.now();
      if (failures === 1) deadline = Math.min(deadline, now + (afterFailureMs?.(error) ?? Infinity));
      const delayMs = backoffMs(failures, Math.random(), error.retryAfterMs);
      if (now + delayMs >= deadline) throw error;
      onRetry?.(error);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
  }
}

/** ENS allows 100 calls in any second. 80 leave room for calls that travel at different speeds. */
const rate = { intervalCap: 8, interval: 100, strict: true } as const;
const pauseMs = 1000;

/** Starts calls as fast as ENS allows. */
export class RateLimiter {
  readonly #queue = new PQueue(rate);
  #pause: NodeJS.Timeout | undefined;

  /** Starts a call when it is its turn. Settles as the call does. */
  make<T>(call: () => Promise<T>): Promise<T> {
    return this.#queue.add(call);
  }

  /** Starts no call for a second, or for as long as ENS asks. */
  slowDown(retryAfterMs = 0): void {
    clearTimeout(this.#pause);
    this.#queue.pause();
    this.#pause = setTimeout(() => this.#queue.start(), Math.max(pauseMs, retryAfterMs));
  }

  /** Drops what waits, so that the process can end. */
  close(): void {
    clearTimeout(this.#pause);
    this.#queue.clear();
  }
}

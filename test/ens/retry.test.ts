import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { EckError } from '../../src/errors.js';
import { EnsError, type FaultClass } from '../../src/ens/errors.js';
import { backoffMs, RateLimiter, withRetry, type RetryRules } from '../../src/ens/retry.js';

const throttled = (retryAfterMs?: number) => new EnsError('ens-throttled', 'slow down', undefined, retryAfterMs);
const unavailable = () => new EnsError('ens-unavailable', 'down');
const denied = () => new EnsError('ens-not-allowed', 'no');

test.each([
  [1, 250],
  [2, 500],
  [3, 1000],
  [4, 2000],
  [5, 4000],
  [2000, 4000],
])('the wait after %i failures is any time up to %i ms, or what the server asks for', (failures, limit) => {
  expect([0, 0.5, 1].map((random) => backoffMs(failures, random))).toEqual([0, limit / 2, limit]);
  expect([0, 1].map((random) => backoffMs(failures, random, 100))).toEqual([100, limit]);
  expect(backoffMs(failures, 0.5, 60_000)).toBe(60_000);
});

interface Played {
  readonly sleeps: number[];
  /** The time that is left at each attempt. */
  readonly remaining: number[];
  readonly heard: unknown[];
  readonly result: unknown;
}

/** Makes attempts that take `attemptMs` and fail with these errors, one after another, and then succeed. */
async function play(errors: readonly Error[], budget: RetryRules, attemptMs = 0): Promise<Played> {
  jest.useFakeTimers();
  jest.spyOn(Math, 'random').mockReturnValue(1);
  const sleeps: number[] = [];
  const remaining: number[] = [];
  const heard: unknown[] = [];
  let failedAt: number | undefined;
  const attempt = async (remainingMs: number): Promise<string> => {
    if (failedAt !== undefined) sleeps.push(performance.now() - failedAt);
    const error = errors[remaining.length];
    remaining.push(remainingMs);
    if (attemptMs > 0) await new Promise((resolve) => setTimeout(resolve, attemptMs));
    failedAt = performance.now();
    return error === undefined ? 'response' : Promise.reject(error);
  };
  const onRetry = (error: EnsError): number => heard.push(error);
  const trying = withRetry(attempt, { ...budget, onRetry }).catch((error: unknown) => error);
  await jest.runAllTimersAsync();
  return { sleeps, remaining, heard, result: await trying };
}

afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

describe('withRetry', () => {
  const many = Array.from({ length: 9 }, unavailable);
  const afterFailureMs = ({ code }: EnsError): number => (code === 'ens-unavailable' ? 2000 : Infinity);

  test.each<[FaultClass, number]>([
    ['ens-throttled', 2],
    ['ens-unavailable', 2],
    ['ens-unauthenticated', 1],
    ['ens-not-allowed', 1],
    ['ens-cluster-not-found', 1],
    ['ens-clock-skew', 1],
    ['ens-answer-invalid', 1],
    ['ens-refused', 1],
    ['proxy-refused', 1],
    ['network-untrusted', 1],
  ])('after %s makes %i attempts', async (code, attempts) => {
    const { remaining } = await play([new EnsError(code, 'no')], { totalMs: 60_000 });
    expect(remaining).toHaveLength(attempts);
    // Not of a call.
    expect((await play([new EckError(code, 'no')], { totalMs: 60_000 })).remaining).toHaveLength(1);
  });

  test('waits longer each time', async () => {
    const { sleeps, result } = await play(many.slice(0, 6), { totalMs: 60_000 });
    expect({ sleeps, result }).toEqual({ sleeps: [250, 500, 1000, 2000, 4000, 4000], result: 'response' });
  });

  test('passes the remaining time, and reports each failure before a retry', async () => {
    const errors = [unavailable(), throttled(), denied()];
    const { remaining, heard, result } = await play(errors, { totalMs: 10_000 }, 100);
    expect(remaining).toEqual([10_000, 9650, 9050]);
    expect(heard).toEqual(errors.slice(0, 2));
    expect(result).toBe(errors[2]);
  });

  test.each<[string, Error[], RetryRules, number, number[]]>([
    ['no retry at the very end', many, { totalMs: 750 }, 0, [250]],
    ['no wait if there is no time after it', many, { totalMs: 250 }, 0, []],
    ['the wait that the server asks for', [throttled(7000)], { totalMs: 20_000 }, 0, [7000]],
    ['no wait for longer than there is time', [throttled(20_000)], { totalMs: 20_000 }, 0, []],
    ['a limit from the first failure on', many, { totalMs: 20_000, afterFailureMs }, 100, [250, 500, 1000]],
    ['the shorter of both limits', many, { totalMs: 1000, afterFailureMs }, 900, []],
    ['a limit for some failures', [throttled(), unavailable()], { totalMs: 20_000, afterFailureMs }, 0, [250, 500]],
  ])('%s', async (_, errors, budget, attemptMs, expected) => {
    expect((await play(errors, budget, attemptMs)).sleeps).toEqual(expected);
  });
});

test('the rate limiter pauses for a second, or as long as the server asks', async () => {
  const limiter = new RateLimiter();
  for (const [retryAfterMs, expectedMs] of [
    [undefined, 1000],
    [1200, 1200],
  ] as const) {
    const start = performance.now();
    limiter.slowDown(retryAfterMs);
    await limiter.make(() => Promise.resolve());
    // A timer may fire a little early by the finer clock.
    expect(performance.now() - start).toBeGreaterThanOrEqual(expectedMs - 5);
  }
  limiter.close();
});

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EckError, type ErrorCode } from '../../src/errors.js';
import { EnsError, type FaultClass } from '../../src/ens/errors.js';
import { backoffMs, isTransient, realRetryWorld, withRetry, type RetryWorld } from '../../src/ens/retry.js';

const throttled = (retryAfterMs?: number) => new EnsError('ens-throttled', 'slow down', retryAfterMs);
const unavailable = (retryAfterMs?: number) => new EnsError('ens-unavailable', 'down', retryAfterMs);

describe('the wait before another attempt', () => {
  test.each([
    { failures: 1, limit: 250 },
    { failures: 2, limit: 500 },
    { failures: 3, limit: 1000 },
    { failures: 4, limit: 2000 },
    { failures: 5, limit: 4000 },
    { failures: 6, limit: 4000 },
    { failures: 2000, limit: 4000 },
  ])('after $failures failures is any time up to $limit ms', ({ failures, limit }) => {
    expect(backoffMs(failures, 0)).toBe(0);
    expect(backoffMs(failures, 0.5)).toBe(limit / 2);
    expect(backoffMs(failures, 1)).toBe(limit);
  });

  test.each([
    { random: 0, retryAfterMs: 100, expected: 100 },
    { random: 1, retryAfterMs: 100, expected: 250 },
    { random: 1, retryAfterMs: 250, expected: 250 },
    { random: 0.5, retryAfterMs: 60_000, expected: 60_000 },
    { random: 1, retryAfterMs: 0, expected: 250 },
  ])(
    'is no shorter than the $retryAfterMs ms that the server asks for',
    ({ random, retryAfterMs, expected }) => {
      expect(backoffMs(1, random, retryAfterMs)).toBe(expected);
    },
  );
});

describe('an error', () => {
  const transient: Record<FaultClass, boolean> = {
    'ens-throttled': true,
    'ens-unavailable': true,
    'ens-unauthenticated': false,
    'ens-not-allowed': false,
    'ens-cluster-not-found': false,
    'ens-clock-skew': false,
    'ens-answer-invalid': false,
    'ens-refused': false,
    'proxy-refused': false,
    'network-untrusted': false,
  };
  const classes = Object.entries(transient) as [FaultClass, boolean][];

  test.each(classes)('%s is transient: %s', async (code, expected) => {
    const error = new EnsError(code, 'no', undefined);
    expect(isTransient(error)).toBe(expected);
    const world = new FakeWorld();
    const attempt = world.attempt([failing(error), succeeding]);
    const tried = withRetry(attempt, { totalMs: 20_000 }, world);
    if (expected) await expect(tried).resolves.toBe('answer');
    else await expect(tried).rejects.toBe(error);
    expect(world.attempts).toHaveLength(expected ? 2 : 1);
  });

  test.each<ErrorCode>(['identity-unavailable', 'issued-kubeconfig-invalid', 'internal'])(
    'of another kind is final: %s',
    (code) => {
      expect(isTransient(new EckError(code, 'no'))).toBe(false);
    },
  );

  test.each([new Error('no'), undefined, { code: 'ens-unavailable' }].map((error) => ({ error })))(
    'that is none of ours is final: $error',
    ({ error }) => {
      expect(isTransient(error)).toBe(false);
    },
  );
});

describe('withRetry', () => {
  test('answers what the first attempt answers, without waiting', async () => {
    const world = new FakeWorld();
    await expect(withRetry(world.attempt([succeeding]), { totalMs: 20_000 }, world)).resolves.toBe('answer');
    expect(world.sleeps).toEqual([]);
  });

  test('waits longer each time', async () => {
    const world = new FakeWorld({ random: 1 });
    const attempt = world.attempt([...Array.from({ length: 6 }, () => failing(unavailable())), succeeding]);
    await expect(withRetry(attempt, { totalMs: 60_000 }, world)).resolves.toBe('answer');
    expect(world.sleeps).toEqual([250, 500, 1000, 2000, 4000, 4000]);
  });

  test('tells each attempt how much time is left', async () => {
    const world = new FakeWorld({ random: 1, attemptMs: 100 });
    const attempt = world.attempt([failing(unavailable()), failing(unavailable()), succeeding]);
    await withRetry(attempt, { totalMs: 10_000 }, world);
    expect(world.attempts).toEqual([
      { at: 0, remainingMs: 10_000 },
      { at: 350, remainingMs: 9650 },
      { at: 950, remainingMs: 9050 },
    ]);
  });

  test('tells of every failure after which another attempt is made, and of no other', async () => {
    const world = new FakeWorld({ random: 1 });
    const [first, second, last] = [
      unavailable(),
      throttled(),
      new EnsError('ens-not-allowed', 'no', undefined),
    ];
    const heard: EckError[] = [];
    const tried = withRetry(
      world.attempt([failing(first), failing(second), failing(last)]),
      { totalMs: 20_000 },
      world,
      (error) => heard.push(error),
    );
    await expect(tried).rejects.toBe(last);
    expect(heard).toEqual([first, second]);
  });

  test('tells of no failure for which there is no time any more', async () => {
    const world = new FakeWorld({ random: 1 });
    const heard: EckError[] = [];
    const error = unavailable();
    const tried = withRetry(world.attempt([failing(error)]), { totalMs: 250 }, world, (one) =>
      heard.push(one),
    );
    await expect(tried).rejects.toBe(error);
    expect(heard).toEqual([]);
    expect(world.sleeps).toEqual([]);
  });

  test('throws what the last attempt threw', async () => {
    const world = new FakeWorld({ random: 1 });
    const errors = [unavailable(), throttled(), unavailable()];
    await expect(withRetry(world.attempt(errors.map(failing)), { totalMs: 800 }, world)).rejects.toBe(
      errors[2],
    );
    expect(world.sleeps).toEqual([250, 500]);
  });

  test('waits as long as the server asks', async () => {
    const world = new FakeWorld({ random: 0 });
    await withRetry(world.attempt([failing(throttled(7000)), succeeding]), { totalMs: 20_000 }, world);
    expect(world.sleeps).toEqual([7000]);
  });

  test.each([
    { retryAfterMs: 20_000, budget: { totalMs: 20_000 } },
    { retryAfterMs: 60_000, budget: { totalMs: 20_000 } },
    { retryAfterMs: 2000, budget: { totalMs: 20_000, afterFailureMs: 2000 } },
  ])(
    'gives up at once where the server asks for $retryAfterMs ms, with a budget of $budget',
    async ({ retryAfterMs, budget }) => {
      const world = new FakeWorld({ random: 0 });
      const error = throttled(retryAfterMs);
      await expect(withRetry(world.attempt([failing(error)]), budget, world)).rejects.toBe(error);
      expect(world.now).toBe(0);
    },
  );

  test('begins no attempt at the very end of the budget', async () => {
    const world = new FakeWorld({ random: 1 });
    const attempt = world.attempt([failing(unavailable()), failing(unavailable())]);
    await expect(withRetry(attempt, { totalMs: 750 }, world)).rejects.toBeInstanceOf(EnsError);
    expect(world.attempts.map(({ at }) => at)).toEqual([0, 250]);
  });

  test('counts the time of afterFailureMs from the end of the first attempt', async () => {
    const world = new FakeWorld({ random: 1, attemptMs: 5000 });
    const attempt = world.attempt([failing(unavailable()), succeeding]);
    await withRetry(attempt, { totalMs: 20_000, afterFailureMs: 2000 }, world);
    expect(world.attempts).toEqual([
      { at: 0, remainingMs: 20_000 },
      { at: 5250, remainingMs: 1750 },
    ]);
  });

  test('does not count it anew at later failures', async () => {
    const world = new FakeWorld({ random: 1, attemptMs: 100 });
    const attempt = world.attempt(Array.from({ length: 9 }, () => failing(unavailable())));
    await expect(withRetry(attempt, { totalMs: 20_000, afterFailureMs: 2000 }, world)).rejects.toBeInstanceOf(
      EnsError,
    );
    // Failures at 100, 450, 1050 and 2150 ms, and 2100 ms is the end.
    expect(world.sleeps).toEqual([250, 500, 1000]);
  });

  test('does not let afterFailureMs make the whole longer', async () => {
    const world = new FakeWorld({ random: 1, attemptMs: 900 });
    const attempt = world.attempt(Array.from({ length: 9 }, () => failing(unavailable())));
    await expect(withRetry(attempt, { totalMs: 1000, afterFailureMs: 2000 }, world)).rejects.toBeInstanceOf(
      EnsError,
    );
    expect(world.attempts).toHaveLength(1);
  });

  test('never begins an attempt without time for it, whatever happens', async () => {
    const failure = fc.record({
      durationMs: fc.nat(6000),
      retryAfterMs: fc.option(fc.nat(8000), { nil: undefined }),
      random: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    const budgets = fc.record(
      { totalMs: fc.integer({ min: 1, max: 20_000 }), afterFailureMs: fc.integer({ min: 1, max: 5000 }) },
      { requiredKeys: ['totalMs'] },
    );
    await fc.assert(
      fc.asyncProperty(
        budgets,
        fc.array(failure, { minLength: 1, maxLength: 30 }),
        async (budget, failures) => {
          const world = new FakeWorld();
          let firstFailureAt = Infinity;
          const tried = withRetry(
            (remainingMs) => {
              const { durationMs, retryAfterMs, random } = failures[
                world.attempts.length % failures.length
              ] ?? {
                durationMs: 0,
                retryAfterMs: undefined,
                random: 1,
              };
              world.attempts.push({ at: world.now, remainingMs });
              // An attempt keeps to the time that it is given.
              world.now += Math.min(durationMs, remainingMs);
              world.randomValue = random;
              firstFailureAt = Math.min(firstFailureAt, world.now);
              return world.attempts.length > 500
                ? Promise.resolve('enough')
                : Promise.reject(throttled(retryAfterMs));
            },
            budget,
            world,
          );
          await tried.catch(() => undefined);
          const end = Math.min(budget.totalMs, firstFailureAt + (budget.afterFailureMs ?? Infinity));
          for (const { remainingMs } of world.attempts) expect(remainingMs).toBeGreaterThan(0);
          for (const { at } of world.attempts.slice(1)) expect(at).toBeLessThan(end);
          expect(world.now).toBeLessThanOrEqual(Math.max(end, firstFailureAt) + 1e-6);
        },
      ),
    );
  });
});

describe('the world as it is', () => {
  test('has a clock that its sleep moves, and chance', async () => {
    const before = realRetryWorld.monotonicMs();
    await realRetryWorld.sleep(5);
    // A timer may fire a little early by the finer clock.
    expect(realRetryWorld.monotonicMs() - before).toBeGreaterThanOrEqual(4);
    const random = realRetryWorld.random();
    expect(random >= 0 && random < 1).toBe(true);
  });
});

type Outcome = () => Promise<string>;
const succeeding: Outcome = () => Promise.resolve('answer');
function failing(error: Error): Outcome {
  return () => Promise.reject(error);
}

/** Time passes in it only where somebody sleeps, and while an attempt is made. */
class FakeWorld implements RetryWorld {
  now = 0;
  randomValue: number;
  readonly sleeps: number[] = [];
  readonly attempts: { readonly at: number; readonly remainingMs: number }[] = [];
  readonly #attemptMs: number;

  constructor({ random = 1, attemptMs = 0 }: { random?: number; attemptMs?: number } = {}) {
    this.randomValue = random;
    this.#attemptMs = attemptMs;
  }

  monotonicMs(): number {
    return this.now;
  }

  sleep(ms: number): Promise<void> {
    this.sleeps.push(ms);
    this.now += ms;
    return Promise.resolve();
  }

  random(): number {
    return this.randomValue;
  }

  /** Attempts with these outcomes, in this order. One more is a mistake. */
  attempt(outcomes: readonly Outcome[]): Parameters<typeof withRetry<string>>[0] {
    return (remainingMs) => {
      const outcome = outcomes[this.attempts.length];
      this.attempts.push({ at: this.now, remainingMs });
      this.now += this.#attemptMs;
      return outcome === undefined ? Promise.reject(new Error('one attempt too many')) : outcome();
    };
  }
}

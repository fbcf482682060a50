import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ClientCredential } from '../../src/credential/client-credential.js';
import {
  expirationTimestamp,
  freshness,
  isFromTheFuture,
  renewalMarginMs,
} from '../../src/credential/freshness.js';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const year = 365 * 24 * hour;

const now = new Date('2026-03-01T12:00:00.000Z');
const maxAgeMs = 12 * hour;

/** All in milliseconds from now. */
interface Dates {
  readonly fetched: number;
  readonly begins: number;
  readonly ends: number;
}

/** Fetched an hour ago, and good for years. */
const usual: Dates = { fetched: -hour, begins: -hour, ends: 3 * year };

function credential(dates: Partial<Dates> = {}): ClientCredential {
  const { fetched, begins, ends } = { ...usual, ...dates };
  const at = (ms: number) => new Date(now.getTime() + ms);
  return {
    certificates: [new Uint8Array()],
    privateKey: { label: 'PRIVATE KEY', der: new Uint8Array() },
    fetchedAt: at(fetched),
    notBefore: at(begins),
    notAfter: at(ends),
  };
}

describe('the renewal margin', () => {
  test.each([
    { lifetime: 3 * year, margin: 10 * minute },
    { lifetime: 50 * minute + 5, margin: 10 * minute },
    { lifetime: 50 * minute, margin: 10 * minute },
    { lifetime: 50 * minute - 5, margin: 10 * minute - 1 },
    { lifetime: 10 * minute, margin: 2 * minute },
    { lifetime: 5, margin: 1 },
    { lifetime: 0, margin: 0 },
    { lifetime: -hour, margin: 0 },
  ])('of a certificate that lives for $lifetime ms is $margin ms', ({ lifetime, margin }) => {
    expect(renewalMarginMs(credential({ begins: 0, ends: lifetime }))).toBe(margin);
  });
});

describe('a credential that is kept', () => {
  test.each<[string, Partial<Dates> | undefined, ReturnType<typeof freshness>]>([
    ['none', undefined, 'fetch'],
    ['one that is young and lives long', {}, 'serve'],

    ['one whose certificate ended long ago', { ends: -year }, 'fetch'],
    ['one whose certificate ended a millisecond ago', { ends: -1 }, 'fetch'],
    ['one whose certificate ends now', { ends: 0 }, 'fetch'],
    ['one whose certificate ends in a millisecond', { ends: 1 }, 'renew'],
    ['one that is too old and whose certificate ended', { fetched: -13 * hour, ends: 0 }, 'fetch'],

    ['one a millisecond younger than the greatest age', { fetched: -maxAgeMs + 1 }, 'serve'],
    ['one exactly of the greatest age', { fetched: -maxAgeMs }, 'renew'],
    ['one that is older', { fetched: -30 * 24 * hour }, 'renew'],

    ['one a millisecond before the longest margin', { ends: 10 * minute + 1 }, 'serve'],
    ['one exactly at the longest margin', { ends: 10 * minute }, 'renew'],
    // Of ten minutes, so that the margin is two.
    [
      'one a millisecond before a fifth',
      { fetched: -8 * minute + 1, begins: -8 * minute + 1, ends: 2 * minute + 1 },
      'serve',
    ],
    ['one exactly at a fifth', { fetched: -8 * minute, begins: -8 * minute, ends: 2 * minute }, 'renew'],

    ['one that came within its margin just now', { fetched: 0, begins: -year, ends: 5 * minute }, 'serve'],
    [
      'one that came so a minute ago, but for a millisecond',
      { fetched: -minute + 1, begins: -year, ends: 5 * minute },
      'serve',
    ],
    ['one that came so a minute ago', { fetched: -minute, begins: -year, ends: 5 * minute }, 'renew'],
    // A hundred seconds of life, a margin of twenty: a minute would be too long a rest.
    [
      'a short one that came 19.999 s ago within its margin',
      { fetched: -20 * second + 1, begins: -81 * second, ends: 19 * second },
      'serve',
    ],
    [
      'a short one that came 20 s ago within its margin',
      { fetched: -20 * second, begins: -81 * second, ends: 19 * second },
      'renew',
    ],
    // Read by a clock that is a little behind the one that wrote it.
    [
      'one that came within its margin four minutes from now',
      { fetched: 4 * minute, begins: -year, ends: 5 * minute },
      'serve',
    ],

    ['one fetched four minutes from now', { fetched: 4 * minute }, 'serve'],
    ['one fetched exactly five minutes from now', { fetched: 5 * minute }, 'serve'],
    ['one fetched a millisecond more than that from now', { fetched: 5 * minute + 1 }, 'renew'],
    ['one fetched six minutes from now', { fetched: 6 * minute }, 'renew'],
    [
      'one fetched before the clock was set back by an hour',
      { fetched: hour - minute, begins: hour - 6 * minute },
      'renew',
    ],
    [
      'one fetched before the clock was set ahead by an hour',
      { fetched: -hour - minute, begins: -hour - 6 * minute },
      'serve',
    ],
    [
      'one fetched before the clock was set ahead by a day',
      { fetched: -25 * hour, begins: -25 * hour },
      'renew',
    ],

    ['one whose certificate is not valid yet', { fetched: -minute, begins: 4 * hour }, 'serve'],
    ['one whose certificate begins and ends in an hour', { fetched: 0, begins: hour, ends: hour }, 'serve'],
    ['one whose certificate ends before it begins', { fetched: 0, begins: 2 * hour, ends: hour }, 'serve'],
    ['one whose certificate ended before it begins', { fetched: 0, begins: hour, ends: -hour }, 'fetch'],
  ])('%s: %j -> %s', (_, dates, expected) => {
    expect(freshness(dates && credential(dates), { maxAgeMs }, now)).toBe(expected);
  });
});

describe('the time at which kubectl asks again', () => {
  test.each<[string, Partial<Dates>, number]>([
    ['is when the greatest age is reached', { fetched: -hour }, 11 * hour],
    ['is when the margin is reached, where that comes first', { ends: 2 * hour }, 2 * hour - 10 * minute],
    ['is a minute from now where the greatest age was reached', { fetched: -maxAgeMs - hour }, minute],
    [
      'is a minute from now where the greatest age is reached within it',
      { fetched: -maxAgeMs + 59 * second },
      minute,
    ],
    [
      'is when the greatest age is reached, a little more than a minute from now',
      { fetched: -maxAgeMs + 61 * second },
      61 * second,
    ],
    ['is a minute from now within the margin', { ends: 5 * minute }, minute],
    ["is the certificate's end where that is less than a minute away", { ends: 30 * second }, 30 * second],
    ["is the certificate's end where that is exactly a minute away", { ends: minute }, minute],
    [
      'is a minute from now where the clock was set back by two hours',
      { fetched: 2 * hour, begins: 0, ends: year },
      minute,
    ],
    ['is a minute from now where the clock was set back by years', { fetched: 2 * year }, minute],
    [
      'is not affected by a clock that was set back by four minutes',
      { fetched: 4 * minute },
      maxAgeMs + 4 * minute,
    ],
    ["is the certificate's end where that is when it begins", { fetched: 0, begins: hour, ends: hour }, hour],
    [
      "is the certificate's end where it ends before it begins",
      { fetched: 0, begins: 2 * hour, ends: hour },
      hour,
    ],
  ])('%s', (_, dates, expected) => {
    const expiration = expirationTimestamp(credential(dates), { maxAgeMs }, now);
    expect(expiration.getTime() - now.getTime()).toBe(expected);
  });

  test('is the time from which on the credential is renewed, unless that is due already', () => {
    for (const dates of [
      {},
      { ends: 2 * hour },
      { begins: -5 * minute, ends: 5 * minute, fetched: -4 * minute },
    ]) {
      const kept = credential(dates);
      const expiration = expirationTimestamp(kept, { maxAgeMs }, now);
      expect(freshness(kept, { maxAgeMs }, new Date(expiration.getTime() - 1))).toBe('serve');
      expect(freshness(kept, { maxAgeMs }, expiration)).toBe('renew');
    }
  });
});

describe('a certificate from the future', () => {
  test.each([
    { begins: 1, expected: true },
    { begins: 0, expected: false },
    { begins: -1, expected: false },
  ])('is one that begins $begins ms from now: $expected', ({ begins, expected }) => {
    expect(isFromTheFuture(credential({ begins }), now)).toBe(expected);
  });
});

describe('whatever the dates are', () => {
  const span = fc.oneof(
    fc.integer({ min: -2 * minute, max: 2 * minute }),
    fc.integer({ min: -2 * hour, max: 2 * hour }),
    fc.integer({ min: -4 * year, max: 4 * year }),
  );
  const anyCredential = fc.record({ fetched: span, begins: span, ends: span }).map(credential);
  const anyMaxAge = fc.oneof(
    fc.constant(1),
    fc.integer({ min: 1, max: hour }),
    fc.integer({ min: 1, max: 2 ** 31 }),
  );

  test('an expired certificate is fetched anew, and no other is', () => {
    fc.assert(
      fc.property(anyCredential, anyMaxAge, (kept, age) => {
        const isOver = kept.notAfter.getTime() <= now.getTime();
        expect(freshness(kept, { maxAgeMs: age }, now) === 'fetch').toBe(isOver);
      }),
    );
  });

  test('nothing is served beyond its age', () => {
    fc.assert(
      fc.property(anyCredential, anyMaxAge, (kept, age) => {
        fc.pre(now.getTime() - kept.fetchedAt.getTime() >= age);
        expect(freshness(kept, { maxAgeMs: age }, now)).not.toBe('serve');
      }),
    );
  });

  test('what was fetched now is served, so that no command fetches what the one before has fetched', () => {
    fc.assert(
      fc.property(
        span,
        fc.integer({ min: 5, max: 4 * year }),
        fc.integer({ min: 1, max: 2 ** 31 }),
        (begins, ends, age) => {
          fc.pre(begins <= ends - 5);
          expect(freshness(credential({ fetched: 0, begins, ends }), { maxAgeMs: age }, now)).toBe('serve');
        },
      ),
    );
  });

  test('kubectl asks again later than now and no later than the end of what it has', () => {
    fc.assert(
      fc.property(anyCredential, anyMaxAge, (kept, age) => {
        fc.pre(kept.notAfter.getTime() > now.getTime());
        const expiration = expirationTimestamp(kept, { maxAgeMs: age }, now).getTime();
        expect(expiration).toBeGreaterThan(now.getTime());
        expect(expiration).toBeLessThanOrEqual(kept.notAfter.getTime());
        expect(expiration).toBeGreaterThanOrEqual(Math.min(now.getTime() + minute, kept.notAfter.getTime()));
      }),
    );
  });

  test('what is served is due for renewal at the time at which kubectl asks again, or a minute before at most', () => {
    fc.assert(
      fc.property(anyCredential, anyMaxAge, (kept, age) => {
        fc.pre(freshness(kept, { maxAgeMs: age }, now) === 'serve');
        const expiration = expirationTimestamp(kept, { maxAgeMs: age }, now);
        const dueBy = new Date(expiration.getTime() + minute);
        fc.pre(kept.fetchedAt.getTime() <= now.getTime());
        expect(freshness(kept, { maxAgeMs: age }, dueBy)).not.toBe('serve');
      }),
    );
  });
});

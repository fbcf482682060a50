import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { expirationTimestamp, freshness, type CredentialDates } from '../../src/credential/freshness.js';
import { holds } from '../fuzz/property.js';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const year = 365 * 24 * hour;
const now = new Date('2026-03-01T12:00:00.000Z');
const maxAgeMs = 12 * hour;

/** In milliseconds from now. */
type Dates = readonly [fetched: number, begins: number, ends: number];

function credential(dates: Dates): CredentialDates {
  const [fetched, begins, ends] = dates;
  const at = (ms: number) => new Date(now.getTime() + ms);
  return { fetchedAt: at(fetched), notBefore: at(begins), notAfter: at(ends) };
}

test.each<[string, Dates, ReturnType<typeof freshness>]>([
  ['young', [-hour, -hour, 3 * year], 'serve'],
  ['expired long ago', [-hour, -hour, -year], 'fetch'],
  ['expired now', [-hour, -hour, 0], 'fetch'],
  ['expiring in a millisecond', [-hour, -hour, 1], 'renew'],
  ['too old and expired', [-13 * hour, -hour, 0], 'fetch'],
  ['almost too old', [-maxAgeMs + 1, -hour, year], 'serve'],
  ['too old', [-maxAgeMs, -hour, year], 'renew'],
  ['much too old', [-30 * 24 * hour, -hour, year], 'renew'],
  ['almost in the longest margin', [-hour, -hour, 10 * minute + 1], 'serve'],
  ['in the longest margin', [-hour, -hour, 10 * minute], 'renew'],
  ['almost in a margin of two minutes', [-8 * minute + 1, -8 * minute + 1, 2 * minute + 1], 'serve'],
  ['in a margin of two minutes', [-8 * minute, -8 * minute, 2 * minute], 'renew'],
  ['almost in a margin of 10 minutes', [-40 * minute + 1, -40 * minute + 1, 10 * minute + 1], 'serve'],
  ['fetched in its margin just now', [0, -year, 5 * minute], 'serve'],
  ['fetched in its margin almost a minute ago', [-minute + 1, -year, 5 * minute], 'serve'],
  ['fetched in its margin a minute ago', [-minute, -year, 5 * minute], 'renew'],
  // It lives 100 s, so its margin is 20 s.
  ['short-lived and fetched in its margin almost 20 s ago', [-20_000 + 1, -81_000, 19_000], 'serve'],
  ['short-lived and fetched in its margin 20 s ago', [-20_000, -81_000, 19_000], 'renew'],
  ['fetched in its margin by a clock that is ahead', [4 * minute, -year, 5 * minute], 'serve'],
  ['fetched five minutes from now', [5 * minute, -hour, year], 'serve'],
  ['fetched more than five minutes from now', [5 * minute + 1, -hour, year], 'renew'],
  ['fetched before the clock was set back by an hour', [hour - minute, hour - 6 * minute, year], 'renew'],
  ['fetched before the clock was set ahead by an hour', [-hour - minute, -hour, year], 'serve'],
  ['fetched before the clock was set ahead by a day', [-25 * hour, -25 * hour, year], 'renew'],
  ['not valid yet', [-minute, 4 * hour, year], 'serve'],
  ['valid for no time', [0, hour, hour], 'serve'],
  ['ending before it begins', [0, 2 * hour, hour], 'serve'],
  ['ended before it begins', [0, hour, -hour], 'fetch'],
])('a credential that is %s: %j -> %s', (_, dates, expected) => {
  expect(freshness(credential(dates), { maxAgeMs }, now)).toBe(expected);
});

test('no credential is fetched', () => {
  expect(freshness(undefined, { maxAgeMs }, now)).toBe('fetch');
});

test.each<[string, Dates, number]>([
  ['the maximum age is reached', [-hour, -hour, year], 11 * hour],
  ['the margin begins', [-hour, -hour, 2 * hour], 2 * hour - 10 * minute],
  ['a minute has passed, if it is too old', [-13 * hour, -hour, year], minute],
  ['a minute has passed, if it is too old before', [-maxAgeMs + 59 * second, -hour, year], minute],
  ['it is too old in 61 s', [-maxAgeMs + 61 * second, -hour, year], 61 * second],
  ['a minute has passed, in the margin', [-hour, -hour, 5 * minute], minute],
  ['the certificate expires in less than a minute', [-hour, -hour, 30 * second], 30 * second],
  ['a minute has passed, if the clock was set back', [2 * hour, 0, year], minute],
  ['a minute has passed, if the clock was set back by years', [2 * year, -hour, 3 * year], minute],
  ['it is too old, by a clock 4 minutes behind', [4 * minute, -hour, year], maxAgeMs + 4 * minute],
  ['it expires, valid for no time', [0, hour, hour], hour],
  ['it expires, before it begins', [0, 2 * hour, hour], hour],
])('kubectl asks again when %s: %j -> %d', (_, dates, expected) => {
  const expiration = expirationTimestamp(credential(dates), { maxAgeMs }, now);
  expect(expiration.getTime() - now.getTime()).toBe(expected);
});

test('whatever the dates are', () => {
  const spans = [2 * minute, 2 * hour, 4 * year];
  const span = fc.oneof(...spans.map((most) => fc.integer({ min: -most, max: most })));
  const age = fc.oneof(...[1, hour, 2 ** 31].map((max) => fc.integer({ min: 1, max })));
  holds(fc.tuple(fc.tuple(span, span, span), age), ([dates, maxAge]) => {
    const one = credential(dates);
    const [fetched, begins, ends] = dates;
    const settings = { maxAgeMs: maxAge };
    const verdict = freshness(one, settings, now);
    // Only an expired certificate is fetched, nothing is served beyond its age, what has just come is served.
    expect(verdict === 'fetch').toBe(ends <= 0);
    if (-fetched >= maxAge) expect(verdict).not.toBe('serve');
    if (fetched === 0 && ends >= 5 && begins <= ends - 5) expect(verdict).toBe('serve');
    if (verdict === 'fetch') return;
    // kubectl asks again in a minute at the earliest, and at the certificate's end at the latest.
    const expiration = expirationTimestamp(one, settings, now);
    const inMs = expiration.getTime() - now.getTime();
    expect(inMs).toBeGreaterThanOrEqual(Math.min(minute, ends));
    expect(inMs).toBeLessThanOrEqual(ends);
    if (verdict !== 'serve' || fetched > 0) return;
    expect(freshness(one, settings, new Date(expiration.getTime() + minute))).not.toBe('serve');
    const isLater = inMs > minute && inMs < ends;
    if (isLater) expect(freshness(one, settings, new Date(expiration.getTime() - 1))).toBe('serve');
  });
});

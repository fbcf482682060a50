import { describe, expect, test } from '@jest/globals';
import { humanDuration, humanTime } from '../../src/terminal/format.js';

const s = 1000;
const m = 60 * s;
const h = 60 * m;
const d = 24 * h;

describe('a duration is shown as kubectl shows an age', () => {
  test.each([
    [-5 * s, '0s'],
    [0, '0s'],
    [999, '0s'],
    [119 * s, '119s'],
    [120 * s, '2m'],
    [5 * m + 30 * s, '5m30s'],
    [10 * m + 30 * s, '10m'],
    [179 * m, '179m'],
    [180 * m, '3h'],
    [7 * h + 59 * m, '7h59m'],
    [8 * h + 59 * m, '8h'],
    [47 * h, '47h'],
    [48 * h, '2d'],
    [3 * d + 4 * h, '3d4h'],
    [8 * d + 4 * h, '8d'],
    [729 * d, '729d'],
    [730 * d, '2y'],
    [2 * 365 * d + 364 * d, '2y364d'],
    [8 * 365 * d + d, '8y'],
  ])('%d ms: %s', (durationMs, text) => {
    expect(humanDuration(durationMs)).toBe(text);
  });
});

test.each([
  [2 * h, 'in 120m'],
  [0, '0s ago'],
  [-10 * h, '10h ago'],
])('a time that is %d ms ahead: %s', (aheadMs, text) => {
  const now = new Date('2026-03-01T12:00:00Z');
  expect(humanTime(new Date(now.getTime() + aheadMs), now)).toBe(text);
});

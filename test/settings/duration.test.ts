import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatDuration, parseDuration } from '../../src/settings.js';

describe('a duration', () => {
  test.each([
    ['1ms', 1],
    ['500ms', 500],
    ['10s', 10_000],
    ['1.5s', 1500],
    ['2m', 120_000],
    ['12h', 43_200_000],
    ['1h30m', 5_400_000],
    ['1h2m3s4ms', 3_723_004],
    ['90m', 5_400_000],
    ['1m30s', 90_000],
    ['30s1m', 90_000],
    ['0h5s', 5000],
    ['0.5s', 500],
    ['596h', 2_145_600_000],
  ])('%s is %i ms', (text, milliseconds) => {
    expect(parseDuration('timeout', text)).toBe(milliseconds);
  });

  test.each([
    '',
    '0',
    '0s',
    '0h0m',
    '10',
    '10 s',
    ' 10s',
    '10s ',
    '10s\n',
    '-5s',
    '+5s',
    '5S',
    '5sec',
    '1d',
    '1h30',
    's',
    '.5s',
    '5.s',
    '1e3s',
    '1,5s',
    '1h 30m',
    'Infinity',
    'NaNs',
    '∞',
    '597h',
    '99999999999999999999h',
    // One more than a timer can wait: it would go off at once.
    '2147483648ms',
  ])('cannot be %j', (text) => {
    expect(() => parseDuration('read-timeout', text)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining('--read-timeout') }),
    );
  });

  test('is read as it is written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (milliseconds) => {
        expect(parseDuration('timeout', formatDuration(milliseconds))).toBe(milliseconds);
      }),
    );
  });

  test.each([
    [1, '1ms'],
    [1500, '1500ms'],
    [10_000, '10s'],
  ])('of %i ms is written %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });
});

import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { EckError } from '../../src/errors.js';
import { noticeWaiting } from '../../src/exec-credential/renew.js';

const warnings: string[] = [];
const at = (isTerminal: boolean) => ({
  isTerminal: () => isTerminal,
  warn: (message: string) => {
    warnings.push(message);
  },
});

beforeEach(() => {
  jest.useFakeTimers();
  warnings.length = 0;
});
afterEach(() => {
  jest.useRealTimers();
});

describe('a person at a terminal', () => {
  test('is told after two seconds, once, what is waited for', () => {
    noticeWaiting(at(true), 'eck-1');
    jest.advanceTimersByTime(1999);
    expect(warnings).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(warnings).toEqual([expect.stringContaining('eck-1')]);
    jest.advanceTimersByTime(60_000);
    expect(warnings).toHaveLength(1);
  });

  test('is told why it takes so long, by the last failure until then', () => {
    const notice = noticeWaiting(at(true), 'eck-1');
    notice.because(new EckError('ens-throttled', 'slow down'));
    notice.because(new EckError('ens-unavailable', 'ENS is down'));
    jest.advanceTimersByTime(2000);
    expect(warnings).toEqual([expect.stringContaining('ENS is down')]);
    expect(warnings.join()).not.toContain('slow down');
  });

  test('is told nothing where it does not take long', () => {
    const notice = noticeWaiting(at(true), 'eck-1');
    jest.advanceTimersByTime(1999);
    notice.stop();
    jest.advanceTimersByTime(60_000);
    expect(warnings).toEqual([]);
  });
});

test('a program that reads standard error is told nothing', () => {
  noticeWaiting(at(false), 'eck-1');
  jest.advanceTimersByTime(60_000);
  expect(warnings).toEqual([]);
});

test('nobody waits for the notice itself', () => {
  jest.useRealTimers();
  const start = jest.spyOn(global, 'setTimeout');
  const notice = noticeWaiting(at(true), 'eck-1');
  expect(start.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([false]);
  notice.stop();
  start.mockRestore();
});

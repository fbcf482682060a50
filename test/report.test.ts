import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import fs from 'node:fs';
import { EckError, usageError } from '../src/errors.js';
import { printError } from '../src/errors.js';

let lines: string[];
const statusBefore = process.exitCode;

beforeEach(() => {
  lines = [];
  jest.spyOn(fs, 'writeSync').mockImplementation((file: number, text: unknown) => {
    expect(file).toBe(2);
    lines.push(...String(text).replace(/\n$/, '').split('\n'));
    return 0;
  });
});
afterEach(() => {
  jest.restoreAllMocks();
  process.exitCode = statusBefore;
});

describe('what a person is told of a failure', () => {
  test('is one line with the message and the code', () => {
    printError(new EckError('ens-not-allowed', 'ENS does not allow it'), {});
    expect(lines).toEqual(['kubectl-eck: ENS does not allow it [ens-not-allowed]']);
  });

  test.each([
    ['a failure', new EckError('ens-unavailable', 'no'), 1],
    ['wrong usage', usageError('no'), 2],
    ['a defect', new TypeError('no'), 1],
  ])('comes with the exit status of %s', (_, error, status) => {
    printError(error, {});
    expect(process.exitCode).toBe(status);
  });

  test.each<[string, unknown]>([
    ['an error', new TypeError('x is not a function')],
    ['a text', 'x is not a function'],
  ])('is that it is a defect, where %s was thrown that is none of ours', (_, thrown) => {
    printError(thrown, {});
    expect(lines).toEqual([expect.stringContaining('x is not a function')]);
    expect(lines[0]).toMatch(/^kubectl-eck: .*defect.* \[internal\]$/);
  });

  test('is one line without control characters, also of a defect', () => {
    printError(new Error('first\nsecond\u001b[2J\u202e'), {});
    expect(lines).toHaveLength(1);
    // eslint-disable-next-line no-control-regex
    expect(lines[0]).not.toMatch(/[\u0000-\u001f\u202e]/);
  });
});

describe('the stack trace', () => {
  test.each([{}, { KUBECTL_ECK_LOG: '' }, { KUBECTL_ECK_LOG: 'info' }])(
    'is not shown with %j',
    (environment) => {
      printError(new Error('no'), environment);
      expect(lines).toHaveLength(1);
    },
  );

  test.each([new EckError('internal', 'no'), new TypeError('no')])(
    'of a %s is shown for debugging',
    (error) => {
      printError(error, { KUBECTL_ECK_LOG: 'debug' });
      expect(lines.slice(1)).toEqual([
        expect.stringContaining(`${error.name}: no`),
        ...Array.from({ length: lines.length - 2 }, () => expect.stringMatching(/^ *at /)),
      ]);
      expect(lines.length).toBeGreaterThan(2);
    },
  );

  test('holds no control characters either', () => {
    printError(new Error('first\u001b[2J\u009b1m\u202e'), { KUBECTL_ECK_LOG: 'debug' });
    // eslint-disable-next-line no-control-regex
    for (const line of lines) expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  });

  test('is left out where there is none', () => {
    printError('a text', { KUBECTL_ECK_LOG: 'debug' });
    expect(lines).toHaveLength(1);
  });
});

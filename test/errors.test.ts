import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { EckError, messageOf, printable, printError, printOutput, quoted, usageError } from '../src/errors.js';
import type { Environment } from '../src/world.js';
import { holds, isPrintable } from './fuzz/property.js';

const screen = (environment: Environment, isTerminal = false) => ({
  environment,
  isTerminal: () => isTerminal,
});

test.each([
  ['one\ntwo', 'one two'],
  ['denied\rallowed', 'denied allowed'],
  ['one\r\n\t two', 'one two'],
  ['one\v\ftwo\0three\bfour\u007ffive', 'one two three four five'],
  ['\u0007one', 'one'],
  ['\u001b[31mred\u001b[0m', '[31mred [0m'],
  ['one\u009b2Jtwo', 'one 2Jtwo'],
  ['\u001b]0;title\u0007one', ']0;title one'],
  ['one\u0085two\u2028three\u2029four', 'one two three four'],
  ['one\u202etwo\u202c \u2066one\u2069 \u2067two\u2068', 'one two one two'],
  ['one\u200etwo\u200fthree\u061cfour\u200b\u2060\ufeff', 'one two three four'],
  ['  one  ', 'one'],
  ['\u001b\n\0', ''],
  ...['plain', 'Zoë', '集群不存在', 'שלום', '🙂👍🏽', '"quoted" <&> \\ %00'].map((text) => [text, text]),
  ['a'.repeat(300), 'a'.repeat(300)],
  ['a'.repeat(301), `${'a'.repeat(300)}…`],
])('%j is printed as %j', (text, expected) => {
  expect(printable(text)).toBe(expected);
});

test('any text is printable and cut to its length, between characters', () => {
  expect(printable('🙂🙂🙂', 2)).toBe('🙂🙂…');
  expect(printable(`${'\n'.repeat(500)}abc`, 3)).toBe('abc');
  const length = fc.integer({ min: 1, max: 40 });
  holds(fc.tuple(fc.string({ unit: 'binary', maxLength: 60 }), length), ([text, max]) => {
    for (const shown of [printable(text, max), quoted(text, max)]) expect(isPrintable(shown)).toBe(true);
    expect(Array.from(printable(text, max)).length).toBeLessThanOrEqual(max + 1);
  });
  const start = performance.now();
  printable('\u001b[31m \n'.repeat(150_000));
  expect(performance.now() - start).toBeLessThan(5000);
});

test('typed text is quoted and cut', () => {
  expect(quoted('a "b"\n')).toBe('"a \\"b\\"\\n"');
  expect(quoted('abcdef', 3)).toBe('"abc…"');
});

test.each<[unknown, string]>([
  [new Error('it\nbroke\u001b[0m'), 'it broke [0m'],
  ['it broke', 'it broke'],
  [undefined, 'undefined'],
])('the message of %p is %s', (thrown, expected) => {
  expect(messageOf(thrown)).toBe(expected);
});

test('an error has a code, a message, a fix, a cause and an exit status', () => {
  const cause = new Error('below');
  const error = new EckError('kubeconfig-unusable', 'the file is broken', { fix: 'repair it', cause });
  expect(error).toBeInstanceOf(Error);
  const { code, message, fix, exitStatus, name } = error;
  expect([name, code, message, fix, exitStatus, error.cause]).toEqual([
    ...['EckError', 'kubeconfig-unusable', 'the file is broken', 'repair it', 1, cause],
  ]);
  expect(usageError('what?', 'this')).toMatchObject({ code: 'usage', fix: 'this', exitStatus: 2 });
  expect(new EckError('interrupted', 'no')).toMatchObject({ fix: undefined, exitStatus: 130 });
});

describe('printing', () => {
  /** What was written to each file descriptor. */
  let written: Record<number, string>;
  const statusBefore = process.exitCode;
  const write = jest.spyOn(fs, 'writeSync');

  beforeEach(() => {
    written = { 1: '', 2: '' };
    write.mockReset().mockImplementation((file: number, data: unknown, offset?: unknown) => {
      const bytes = Buffer.from(data as string).subarray(Number(offset ?? 0));
      // A pipe may take a part.
      const part = file === 1 ? bytes.subarray(0, 3) : bytes;
      written[file] = `${written[file] ?? ''}${part.toString('latin1')}`;
      return part.length;
    });
  });
  afterEach(() => {
    process.exitCode = statusBefore;
  });

  function failOnce(code: string): void {
    write.mockImplementationOnce(() => {
      throw Object.assign(new Error(code), { code });
    });
  }

  test.each<[string, unknown, string, number]>([
    ['an error', new EckError('ens-not-allowed', 'denied'), 'error: denied [ens-not-allowed]\n', 1],
    ['a fix', usageError('what?', 'Give this'), 'error: what? [usage]\nGive this\n', 2],
  ])('%s', (_, error, expected, status) => {
    printError(error, screen({ KUBECTL_ECK_LOG: 'info' }));
    expect(written).toEqual({ 1: '', 2: expected });
    expect(process.exitCode).toBe(status);
  });

  test.each([new TypeError('first\nsecond\u001b[2J\u202e'), 'first\nsecond'])('a defect: %p', (thrown) => {
    printError(thrown, screen({}));
    expect(written[2]).toMatch(/^error: Internal error: first second.* \[internal\]\nReport it .*\n$/);
    expect(process.exitCode).toBe(1);
  });

  test('a stack trace for debugging, without control characters', () => {
    printError(new TypeError('one\u001b[2J\u009b1m\u202e'), screen({ KUBECTL_ECK_LOG: 'debug' }));
    const [, , first, ...frames] = String(written[2]).trimEnd().split('\n');
    expect(first).toMatch(/TypeError: one/);
    expect(frames.length).toBeGreaterThan(2);
    for (const line of [first, ...frames]) expect(isPrintable(String(line))).toBe(true);
  });

  test('data in parts, to a full pipe too', () => {
    failOnce('EAGAIN');
    printOutput('größer\n');
    expect(Buffer.from(String(written[1]), 'latin1').toString()).toBe('größer\n');
  });
});

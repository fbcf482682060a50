import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EckError, messageOf, printable, usageError, type ErrorCode } from '../src/errors.js';

describe('printable text', () => {
  test.each([
    ['a line feed', 'one\ntwo', 'one two'],
    ['a carriage return that overwrites the line', 'denied\rallowed', 'denied allowed'],
    ['several kinds of white space in a row', 'one\r\n\t two', 'one two'],
    ['a vertical tab and a form feed', 'one\v\ftwo', 'one two'],
    ['a NUL', 'one\0two', 'one two'],
    ['a backspace', 'one\btwo', 'one two'],
    ['a delete', 'one\u007ftwo', 'one two'],
    ['a bell', '\u0007one', 'one'],
    ['an ANSI colour', '\u001b[31mred\u001b[0m', '[31mred [0m'],
    ['an ANSI sequence of one character (C1)', 'one\u009b2Jtwo', 'one 2Jtwo'],
    ['a terminal title (OSC)', '\u001b]0;title\u0007one', ']0;title one'],
    ['a next line (C1)', 'one\u0085two', 'one two'],
    ['a line separator', 'one\u2028two', 'one two'],
    ['a paragraph separator', 'one\u2029two', 'one two'],
    ['a right-to-left override', 'one\u202etwo\u202c', 'one two'],
    ['bidi isolates', '\u2066one\u2069 \u2067two\u2068', 'one two'],
    ['bidi marks', 'one\u200etwo\u200fthree\u061cfour', 'one two three four'],
    ['zero-width characters', 'one\u200btwo\u2060three\ufeff', 'one two three'],
    ['white space at the ends', '  one  ', 'one'],
    ['nothing but control characters', '\u001b\n\0', ''],
  ])('has no trace of %s', (_, text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  test.each(['plain', 'two words', 'Zoë', '集群不存在', 'שלום', '🙂👍🏽', 'é', '"quoted" <&> \\ %00'])(
    'is the text itself where nothing is wrong with it: %s',
    (text) => {
      expect(printable(text)).toBe(text);
    },
  );

  test('is not longer than 300 characters and the mark that it was cut', () => {
    expect(printable('a'.repeat(300))).toBe('a'.repeat(300));
    expect(printable('a'.repeat(301))).toBe(`${'a'.repeat(300)}…`);
  });

  test('is as long as asked for', () => {
    expect(printable('abcdef', 6)).toBe('abcdef');
    expect(printable('abcdef', 5)).toBe('abcde…');
  });

  test('is measured after it was cleaned', () => {
    expect(printable(`${'\n'.repeat(500)}abc`, 3)).toBe('abc');
  });

  test('is not cut through the middle of a character', () => {
    expect(printable('🙂🙂🙂', 2)).toBe('🙂🙂…');
  });

  test('is one line without control characters or marks, whatever it was made of', () => {
    // eslint-disable-next-line no-control-regex
    const unprintable = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 60 }),
        fc.integer({ min: 1, max: 40 }),
        (text, max) => {
          const shown = printable(text, max);
          expect(shown).not.toMatch(unprintable);
          expect(Array.from(shown).length).toBeLessThanOrEqual(max + 1);
        },
      ),
    );
  });

  test('is made of a megabyte in no time', () => {
    const began = performance.now();
    printable('\u001b[31m \n'.repeat(150_000));
    expect(performance.now() - began).toBeLessThan(5000);
  });
});

describe('the message of what was thrown', () => {
  test.each<[string, unknown, string]>([
    ['an error', new Error('it broke'), 'it broke'],
    ['an error with control characters', new Error('it\nbroke\u001b[0m'), 'it broke [0m'],
    ['a text', 'it broke', 'it broke'],
    ['a number', 42, '42'],
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
  ])('%s', (_, thrown, expected) => {
    expect(messageOf(thrown)).toBe(expected);
  });
});

describe('an error of ours', () => {
  test.each<[ErrorCode, 1 | 2]>([
    ['usage', 2],
    ['exec-info-invalid', 1],
    ['identity-not-found', 1],
    ['ens-not-allowed', 1],
    ['keychain-locked', 1],
    ['internal', 1],
  ])('with the code %s ends the program with status %i', (code, status) => {
    expect(new EckError(code, 'no').exitStatus).toBe(status);
  });

  test('keeps its code, its message and its cause', () => {
    const cause = new Error('below');
    const error = new EckError('kubeconfig-unusable', 'the file is broken', { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'EckError',
      code: 'kubeconfig-unusable',
      message: 'the file is broken',
      cause,
    });
  });

  test('for wrong usage has the code for it', () => {
    expect(usageError('what?')).toMatchObject({ code: 'usage', message: 'what?', exitStatus: 2 });
  });
});

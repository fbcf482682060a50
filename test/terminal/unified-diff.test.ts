import { describe, expect, test } from '@jest/globals';
import { mayColour } from '../../src/terminal/format.js';
import { unifiedDiff } from '../../src/terminal/unified-diff.js';

const before = ['1', '2', '3', '4', '5', '6', ''].join('\n');

test('a change is shown as diff -u shows it', () => {
  expect(unifiedDiff({ path: 'a', before, after: before.replace('5', 'five') }, { colour: false })).toBe(
    ['--- a', '+++ a', '@@ -2,5 +2,5 @@', ' 2', ' 3', ' 4', '-5', '+five', ' 6', ''].join('\n'),
  );
});

test('what is taken away is red and what is added green, where colours are wanted', () => {
  const shown = unifiedDiff({ path: 'a', before: 'x\n', after: 'y\n' }, { colour: true });
  expect(shown).toContain('\u001b[31m-x\u001b[0m\n');
  expect(shown).toContain('\u001b[32m+y\u001b[0m\n');
});

test('no line can command the terminal', () => {
  const shown = unifiedDiff({ path: 'a', before: 'x\n', after: '\u001b[2J\u202e\ty\r\n' }, { colour: false });
  expect(shown).toContain('+\ufffd[2J\ufffd\ty\n');
});

describe('colours', () => {
  test.each<[boolean, Record<string, string>, boolean]>([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { TERM: 'dumb' }, false],
  ])('at a terminal: %p, with %j: %p', (isTerminal, environment, expected) => {
    expect(mayColour('stdout', { environment, isTerminal: () => isTerminal })).toBe(expected);
  });
});

import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { formatDocument, humanDuration, humanTime, shellWord } from '../../src/terminal/format.js';
import { formatDateTime } from '../../src/errors.js';
import { mayColour } from '../../src/world.js';
import { progressLine } from '../../src/terminal/progress.js';
import { formatTable, type Column } from '../../src/terminal/table.js';

const s = 1000;
const m = 60 * s;
const h = 60 * m;
const d = 24 * h;

describe('times', () => {
  test.each([
    [-5 * s, '0s'],
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
  ])('%d ms are shown as kubectl shows an age: %s', (durationMs, text) => {
    expect(humanDuration(durationMs)).toBe(text);
  });

  test('are relative to now, or local dates', () => {
    const now = new Date(2026, 2, 1, 9, 5);
    expect(humanTime(new Date(now.getTime() + 2 * h), now)).toBe('in 120m');
    expect(humanTime(now, now)).toBe('0s ago');
    expect(humanTime(new Date(now.getTime() - 10 * h), now)).toBe('10h ago');
    expect(formatDateTime(now)).toBe('2026-03-01 09:05');
  });
});

describe('a table', () => {
  const columns: readonly Column<readonly string[]>[] = [
    ['NAME', ([name = '']) => name],
    ['ID', ([, id = '']) => id],
  ];
  const short = [
    ['a-long-name', 'x'],
    ['b', 'eck-1'],
  ];
  const wide = [
    ['杭州', 'x'],
    ['abcd', 'y'],
  ];
  test.each<[string, string[][], string]>([
    ['has columns as wide as their text', short, 'NAME          ID\na-long-name   x\nb             eck-1\n'],
    ['counts wide characters as two columns', wide, 'NAME   ID\n杭州   x\nabcd   y\n'],
    ['shows that a cell is empty', [['', 'x'], ['y']], 'NAME     ID\n<none>   x\ny        <none>\n'],
    ['without rows is empty', [], ''],
  ])('%s', (_, rows, text) => {
    expect(formatTable(columns, rows)).toBe(text);
  });
});

describe('a progress bar', () => {
  test.each([
    [0, 4, 80, 'Fetching [------------------------------] 0/4'],
    [1, 4, 80, 'Fetching [#######-----------------------] 1/4'],
    [4, 4, 80, 'Fetching [##############################] 4/4'],
    [13, 120, 30, 'Fetching [#----------] 13/120'],
    [13, 120, 12, '13/120'],
  ])('at %d of %d in %d columns', (done, total, columns, line) => {
    expect(progressLine('Fetching', done, total, columns)).toBe(line);
    expect(line.length).toBeLessThan(columns);
  });
});

test.each(['json', 'yaml'] as const)('a document as %s has the value, and no line is folded', async (format) => {
  const value = [{ name: '杭州: a', long: 'word '.repeat(60).trim(), none: [], size: 3 }];
  const text = await formatDocument(value, format);
  expect(parse(text)).toEqual(value);
  expect(text.split('\n').filter((line) => line.includes('word'))).toHaveLength(1);
  expect(text).toMatch(/\n$/);
});

test.each<[boolean, Record<string, string>, boolean]>([
  [true, {}, true],
  [false, {}, false],
  [true, { NO_COLOR: '1' }, false],
  [true, { NO_COLOR: '' }, true],
  [true, { TERM: 'dumb' }, false],
])('colours at a terminal (%p) with %j: %p', (isTerminal, environment, expected) => {
  expect(mayColour('stdout', { environment, isTerminal: () => isTerminal })).toBe(expected);
});

test.each([
  ['eck-1', 'eck-1'],
  ['a b', "'a b'"],
  ["it's", "'it'\\''s'"],
  ['', "''"],
])('%j is the shell word %s', (text, word) => {
  expect(shellWord(text)).toBe(word);
});

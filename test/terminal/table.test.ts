import { describe, expect, test } from '@jest/globals';
import { formatTable } from '../../src/terminal/table.js';

describe('a table', () => {
  test('has columns as wide as what stands in them, and no space at the end of a line', () => {
    expect(
      formatTable(
        ['NAME', 'ID'],
        [
          ['a-long-name', 'x'],
          ['b', 'eck-1'],
        ],
      ),
    ).toBe('NAME          ID\na-long-name   x\nb             eck-1\n');
  });

  test('counts wide characters as the two columns that they take', () => {
    expect(
      formatTable(
        ['NAME', 'ID'],
        [
          ['杭州', 'x'],
          ['abcd', 'y'],
        ],
      ),
    ).toBe('NAME   ID\n杭州   x\nabcd   y\n');
  });

  test('says that a cell is empty', () => {
    expect(formatTable(['A', 'B'], [['', 'x'], ['y']])).toBe('A        B\n<none>   x\ny        <none>\n');
  });

  test('can go without its heading, and is then as wide as its rows', () => {
    expect(formatTable(['A LONG HEADING', 'B'], [['x', 'y']], { headers: false })).toBe('x   y\n');
  });

  test('without lines is nothing', () => {
    expect(formatTable(['A'], [], { headers: false })).toBe('');
  });
});

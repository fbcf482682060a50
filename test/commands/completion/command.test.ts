import { describe, expect, test } from '@jest/globals';
import { formatCompletion } from '../../../src/commands/completion/command.js';

function lines(value: string, description = ''): string[] {
  return formatCompletion({ candidates: [{ value, description }], isFile: false }).split('\n');
}

describe('the answer to a shell', () => {
  test('has a line for each candidate, then a directive', () => {
    const candidates = [
      { value: 'eck-1', description: 'edge' },
      { value: 'eck-2', description: '' },
    ];
    expect(formatCompletion({ candidates, isFile: false })).toBe('eck-1\tedge\neck-2\n:4\n');
    expect(formatCompletion({ candidates: [], isFile: true })).toBe(':0\n');
  });

  test.each(['eck-1', '杭州 边缘', 'a:b', 'user@host/x', '--site', 'é', '50%', 'a+b=c,d.e_f'])(
    'contains %j',
    (value) => {
      expect(lines(value)).toEqual([value, ':4', '']);
    },
  );

  test.each([
    ...['$(x)', '`x`', 'a;b', 'a|b', 'a&b', '"a', "a'b", 'a\\b', 'a*', '~', '#a', '!a', 'a\nb', 'a\tb'],
    ...['edge --endpoint evil', 'a -n b', '\u202eabc', '\u001b[31m', ''],
  ])('leaves out %j, which a shell could misread', (value) => {
    expect(lines(value)).toEqual([':4', '']);
  });

  test('has descriptions of one line, without control characters', () => {
    expect(lines('eck-1', 'a\n:0\tb\u001b[31m')).toEqual(['eck-1\ta :0 b [31m', ':4', '']);
  });
});

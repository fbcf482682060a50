import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { formatDocument } from '../../src/terminal/format.js';

const value = [{ name: '杭州: a', long: 'word '.repeat(60).trim(), none: [], size: 3 }];

test('a JSON document says what the value says, and ends with a line feed', async () => {
  const text = await formatDocument(value, 'json');
  expect(JSON.parse(text)).toEqual(value);
  expect(text).toMatch(/\]\n$/);
});

test('a YAML document says what the value says, with no line folded', async () => {
  const text = await formatDocument(value, 'yaml');
  expect(parse(text)).toEqual(value);
  expect(text.split('\n').filter((line) => line.includes('word'))).toHaveLength(1);
});

import { describe, expect, test } from '@jest/globals';
import { EckError } from '../../src/errors.js';
import { parseClusterId } from '../../src/settings.js';

describe('a cluster id', () => {
  test.each(['eck-0123abcd', 'e', '7', 'ECK_1', 'a-b_c', 'a--b', 'x'.repeat(63)])('can be %s', (text) => {
    expect(parseClusterId(text)).toBe(text);
  });

  test.each([
    '',
    ' ',
    'eck-1 ',
    'eck-1\n',
    'eck 1',
    '-eck',
    'eck-',
    '_eck',
    'eck_',
    '.',
    '..',
    '../eck-1',
    'eck/1',
    'eck\\1',
    'eck.1',
    'eck:1',
    'eck@1',
    'eck%31',
    'eck&PrivateIpAddress=true',
    'eck\0',
    'eck-ü',
    '集群',
    '--help',
    'x'.repeat(64),
    'x'.repeat(100_000),
  ])('cannot be %j', (text) => {
    expect(() => parseClusterId(text)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  test.each(['eck\n1', 'eck\u001b[31m', 'eck\u009b31m', 'eck\u202e1', 'x'.repeat(100_000)])(
    'that cannot be one is shown in one short line without control characters: %j',
    (text) => {
      const message = messageFor(text);
      // eslint-disable-next-line no-control-regex
      expect(message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
      expect(message.length).toBeLessThan(200);
    },
  );

  test('that cannot be one is shown', () => {
    expect(messageFor('no such id')).toContain('"no such id"');
  });
});

function messageFor(text: string): string {
  try {
    parseClusterId(text);
  } catch (error) {
    if (error instanceof EckError) return error.message;
  }
  throw new Error('it was taken for a cluster id');
}

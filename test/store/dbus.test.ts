import { describe, expect, test } from '@jest/globals';
import { decode, decodeMessage, encode, encodeCall } from '../../src/store/dbus.js';

const hex = (bytes: ArrayLike<number>) => Buffer.from(Array.from(bytes)).toString('hex');

describe('a value', () => {
  test.each([
    ['b', [true], '01000000'],
    ['s', ['ä'], '02000000c3a400'],
    ['o', ['/a'], '020000002f6100'],
    ['g', ['ao'], '02616f00'],
    ['ay', [Buffer.of(1, 2)], '020000000102'],
    ['ao', [['/', '/a']], '0f000000010000002f000000020000002f6100'],
    ['as', [[]], '00000000'],
    // The padding before the first element does not count.
    ['a{ss}', [[['a', 'b']]], '0e00000000000000010000006100000001000000' + '6200'],
    ['gv', ['', ['b', true]], '00000162' + '00000000' + '01000000'],
    ['g(so)', ['', ['a', '/']], '00000000000000000100000061000000010000002f00'],
  ] as const)('of type %s is encoded as the specification says', (types, values, bytes) => {
    expect(hex(encode(types, values))).toBe(bytes);
  });

  test.each([
    ['aoao', [['/a', '/b'], []], undefined],
    ['vo', [['s', 'text'], '/session/1'], ['text', '/session/1']],
    ['(oayays)', [['/s', Buffer.of(), Buffer.from('secret'), 'text/plain']], undefined],
    ['a{sv}', [[['Label', ['s', 'x']]]], [[['Label', 'x']]]],
    ['b', [false], undefined],
  ])('of type %s is decoded', (types, values, decoded) => {
    expect(decode(types, encode(types, values))).toEqual(decoded ?? values);
  });

  test.each([
    ['a string that is longer than the message', 's', 'ff00000061'],
    ['an array that is longer than the message', 'ao', 'ff000000'],
    ['bytes that are longer than the message', 'ay', 'ffffffff00'],
    ['a variant of an unknown type', 'v', '01680000000000'],
    ['a variant of an array of empty structs', 'v', '03612829000000000001000000'],
    ['variants without end', 'v', '017600'.repeat(100_000)],
    ['nothing', 'b', ''],
  ])('%s is an error', (_, types, bytes) => {
    expect(() => decode(types, Buffer.from(bytes, 'hex'))).toThrow();
  });
});

describe('a message', () => {
  const call = { destination: 'a.b', path: '/p', method: 'i.f.M', types: 's', body: ['text'] };
  const bytes = encodeCall(5, call);

  test('is read when it is complete, and not before', () => {
    for (let length = 0; length < bytes.length; length += 1) {
      expect(decodeMessage(bytes.subarray(0, length))).toBeUndefined();
    }
    const message = decodeMessage(Buffer.concat([bytes, Buffer.from('next')]));
    expect(message).toMatchObject({ type: 1, length: bytes.length });
    // The code of MEMBER.
    expect(message?.fields.get(3)).toBe('M');
    expect(decode('s', message?.body ?? Buffer.of())).toEqual(['text']);
  });

  test.each([
    ['has another byte order', (copy: Buffer) => copy.write('B')],
    ['has header fields that are too long', (copy: Buffer) => copy.writeUInt32LE(0xffffff00, 12)],
    ['has a body that is too long', (copy: Buffer) => copy.writeUInt32LE(0xffffffff, 4)],
  ])('that %s is an error', (_, spoil) => {
    const copy = Buffer.from(bytes);
    spoil(copy);
    expect(() => decodeMessage(copy)).toThrow(/^a message/);
  });
});

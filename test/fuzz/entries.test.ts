import { isDeepStrictEqual } from 'node:util';
import { beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ClientCredential } from '../../src/credential/client-credential.js';
import { decodeEntry, encodeEntry } from '../../src/credential/encoded-entry.js';
import { createFixtures } from './credentials.js';
import { holds } from './property.js';
import { weighted } from './values.js';

const cacheKey = 'default/ak:LTAI/eck-0123abcd';
let credentials: readonly ClientCredential[];
let entries: readonly Buffer[];
const entry = (which: number): Buffer => entries[which] ?? Buffer.alloc(0);

beforeAll(async () => {
  ({ credentials } = await createFixtures());
  entries = credentials.map((credential) => Buffer.from(encodeEntry(cacheKey, credential)));
});

/** Bytes that begin anywhere in their buffer, as those of a store may. */
const anyBytes = fc
  .tuple(fc.uint8Array({ maxLength: 80 }), fc.nat(7), fc.constantFrom([], [0], [1], [2]))
  .map(([bytes, offset, start]) => {
    const buffer = Uint8Array.from([...Array<number>(offset).fill(0xff), ...start, ...bytes, 0xff, 0xff]);
    return buffer.subarray(offset, -2);
  });

type Change = (bytes: Buffer, at: number) => Buffer;

/** Puts bytes in the place of `length` others. */
const put = (added: Uint8Array, length: number): Change => {
  return (bytes, at) => Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + length)]);
};
const length = fc.oneof(fc.nat(8), fc.nat(2000));
const changes = fc.oneof<fc.Arbitrary<Change>[]>(
  fc.nat(7).map((bit) => (bytes, at) => put(Buffer.of((bytes[at] ?? 0) ^ (1 << bit)), 1)(bytes, at)),
  fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xff).map((byte) => put(Buffer.of(byte), 1)),
  length.map((count) => put(Buffer.alloc(0), count)),
  length.map((count) => (bytes, at) => put(bytes.subarray(at, at + count), 0)(bytes, at)),
  fc.nat(2).map((which) => (bytes, at) => put(entry(which).subarray(at), Infinity)(bytes, at)),
);
const places = fc.oneof(fc.nat(2000), fc.nat(70));
/** Entries with changed bits and bytes, removed or doubled parts, or the end of another entry. */
const changedEntry = fc
  .tuple(fc.nat(2), fc.array(fc.tuple(changes, places), { maxLength: 3 }))
  .map(([which, all]) => all.reduce((bytes, [change, at]) => change(bytes, at % (bytes.length + 1)), entry(which)));

test('any bytes, or a changed entry, are read as what was saved, or as nothing', () => {
  let read = 0;
  holds(weighted<Uint8Array>([1, anyBytes], [3, changedEntry]), (bytes) => {
    const decoded = decodeEntry(cacheKey, bytes);
    if (decoded === undefined) return;
    read += 1;
    const isSaved = credentials.some((credential) => isDeepStrictEqual(plain(decoded), plain(credential)));
    if (!isSaved) throw new Error('a credential that was not saved');
  });
  expect(read).toBeGreaterThan(0);
});

test('an entry with two changed highest bits is not read', () => {
  const bytes = Buffer.from(entry(0));
  for (const at of [5 + 4 * 20, 5 + 4 * 30]) bytes.writeUInt8(bytes.readUInt8(at) ^ 0x80, at);
  expect(decodeEntry(cacheKey, bytes)).toBeUndefined();
});

test('an entry is never read for another cache key', () => {
  const keys = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.constant(cacheKey));
  holds(fc.tuple(keys, keys, fc.nat(2)), ([saved, asked, which]) => {
    const credential = credentials[which];
    // A text with a lone surrogate has no bytes of its own.
    if (credential === undefined || /\p{Surrogate}/u.test(saved)) return;
    const decoded = decodeEntry(asked, encodeEntry(saved, credential));
    if ((decoded !== undefined) !== (saved === asked)) throw new Error('read for another key');
  });
});

/** A credential in a form that can be compared. */
function plain({ certificates, privateKey, ...dates }: ClientCredential) {
  const blobs = [privateKey.der, ...certificates].map((bytes) => Buffer.from(bytes).toString('hex'));
  return { ...dates, label: privateKey.label, blobs };
}

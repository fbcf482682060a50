import { isDeepStrictEqual } from 'node:util';
import { beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ClientCredential } from '../../src/credential/client-credential.js';
import { decodeEntry, encodeEntry } from '../../src/credential/encoded-entry.js';
import { itemCount, joinItems, sameBytes, splitEntry } from '../../src/store/split-items.js';
import { createFixtures, type Fixtures } from './credentials.js';
import { holds, isWellFormed } from './property.js';

const timeoutMs = 120_000;
const account = 'default/ak:LTAI/eck-0123abcd';
let fixtures: Fixtures;
let entries: { readonly bytes: Uint8Array; readonly credential: ClientCredential }[];

beforeAll(async () => {
  fixtures = await createFixtures();
  entries = fixtures.credentials.map((credential) => ({
    bytes: encodeEntry(account, credential),
    credential,
  }));
}, timeoutMs);

test(
  'a kept entry that is random, or was changed, is read as what was kept, or as nothing',
  () => {
    let read = 0;
    holds(
      fc.oneof({ weight: 1, arbitrary: anyBytes }, { weight: 3, arbitrary: changedEntries() }),
      (bytes) => {
        const decoded = decodeEntry(account, bytes);
        if (decoded === undefined) return;
        read += 1;
        if (!entries.some(({ credential }) => isSameCredential(decoded, credential))) {
          throw new Error('a credential that nobody kept');
        }
      },
    );
    expect(read).toBeGreaterThan(0);
  },
  timeoutMs,
);

test(
  'a kept entry that was changed by somebody who knows the checksum is read without a crash',
  () => {
    let read = 0;
    holds(changedEntries(), (bytes) => {
      if (bytes.length < 5) return;
      new DataView(bytes.buffer, bytes.byteOffset).setUint32(1, checksum(bytes.subarray(5)));
      const decoded = decodeEntry(account, bytes);
      if (decoded === undefined) return;
      read += 1;
      const dates = [decoded.fetchedAt, decoded.notBefore, decoded.notAfter];
      if (dates.some((date) => Number.isNaN(date.getTime()))) throw new Error('a date that is none');
      // Whatever was read is what is written for it, so nothing was invented or left out.
      // Dates aside, which are rounded to milliseconds.
      if (!sameBytes(encodeEntry(account, decoded).subarray(29), bytes.subarray(29)))
        throw new Error('another entry than the one that was read');
    });
    expect(read).toBeGreaterThan(0);
  },
  timeoutMs,
);

test(
  'an entry is never read for another account',
  () => {
    const accounts = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.constantFrom(account));
    holds(fc.tuple(accounts, accounts, fc.nat(2)), ([written, asked, which]) => {
      const { credential } = entries[which] ?? { credential: fixtures.credentials[0] };
      const decoded = decodeEntry(asked, encodeEntry(written, credential));
      // A text that is not well-formed has no bytes of its own.
      if (!isWellFormed(written)) return;
      if ((decoded !== undefined) !== (written === asked)) throw new Error('a mix-up');
    });
  },
  timeoutMs,
);

test(
  'any mixture of the items of two writes is one of the two, or absent',
  () => {
    const limit = fc.integer({ min: 16, max: 64 });
    const write = fc.record({ entry: fc.uint8Array({ maxLength: 400 }), limit });
    const generation = fc.uint8Array({ minLength: 8, maxLength: 8 });
    const input = fc.record({
      one: write,
      other: write,
      generations: fc.tuple(generation, generation).filter(([first, second]) => !sameBytes(first, second)),
      from: fc.array(fc.constantFrom('one', 'other', 'none'), { minLength: 1, maxLength: 40 }),
      cut: fc.option(fc.tuple(fc.nat(40), fc.nat(64)), { nil: undefined, freq: 5 }),
    });
    holds(input, ({ one, other, generations, from, cut }) => {
      const writes = {
        one: splitEntry(one.entry, one.limit, () => generations[0]) ?? [],
        other: splitEntry(other.entry, other.limit, () => generations[1]) ?? [],
        none: [],
      };
      const item = (index: number): Uint8Array | undefined => {
        const found: Uint8Array | undefined = writes[from[index % from.length] ?? 'none'][index];
        // A tail may have been cut off. A head that was is noticed by the entry's checksum only, where it is alone.
        return cut !== undefined && cut[0] === index && index > 0 ? found?.subarray(0, cut[1]) : found;
      };
      const head = item(0);
      if (head === undefined) return;
      const tails: Uint8Array[] = [];
      for (let number = 1; number < itemCount(head); number += 1) {
        const tail = item(number);
        if (tail === undefined) return;
        tails.push(tail);
      }
      const joined = joinItems(head, tails);
      if (joined === undefined || sameBytes(joined, one.entry) || sameBytes(joined, other.entry)) return;
      throw new Error(`neither of the two: ${Buffer.from(joined).toString('hex')}`);
    });
  },
  timeoutMs,
);

test(
  'items of any bytes are joined without a crash',
  () => {
    holds(fc.tuple(anyBytes, fc.array(anyBytes, { maxLength: 4 })), ([head, tails]) => {
      const joined = joinItems(head, tails);
      if (
        joined !== undefined &&
        joined.length > [head, ...tails].reduce((sum, item) => sum + item.length, 0)
      ) {
        throw new Error('more than there was');
      }
    });
  },
  timeoutMs,
);

test(
  'what is split is joined again',
  () => {
    const generation = fc.uint8Array({ minLength: 8, maxLength: 8 });
    const limit = fc.oneof(fc.integer({ min: 14, max: 100 }), fc.constantFrom(2560, Infinity));
    holds(fc.tuple(fc.uint8Array({ maxLength: 3000 }), limit, generation), ([entry, most, eight]) => {
      const items = splitEntry(entry, most, () => eight);
      if (items === undefined) {
        if (entry.length < (most - 13) * 255) throw new Error('not split, though it would fit');
        return;
      }
      const [head, ...tails] = items;
      if (items.some((item) => item.length > most)) throw new Error('an item beyond the limit');
      const joined = joinItems(head, tails);
      if (joined === undefined || !sameBytes(joined, entry)) throw new Error('not the same again');
    });
  },
  timeoutMs,
);

test('an entry with the highest bits of two words turned over is noticed', () => {
  const bytes = Uint8Array.from(entries[0]?.bytes ?? []);
  for (const offset of [5 + 4 * 20, 5 + 4 * 30]) bytes[offset] = (bytes[offset] ?? 0) ^ 0x80;
  expect(decodeEntry(account, bytes)).toBeUndefined();
});

/** Bytes that begin anywhere in their buffer, as a store may hand them out. */
const anyBytes = fc
  .tuple(fc.uint8Array({ maxLength: 80 }), fc.nat(7), fc.constantFrom(undefined, 0, 1, 2))
  .map(([bytes, offset, first]) => {
    const buffer = new Uint8Array(offset + bytes.length + 3).fill(0xff);
    buffer.set(bytes, offset);
    if (first !== undefined && bytes.length > 0) buffer[offset] = first;
    return buffer.subarray(offset, offset + bytes.length);
  });

/** Entries of which bits were turned over, parts cut out, set to other bytes, doubled, or taken from another one. */
function changedEntries(): fc.Arbitrary<Uint8Array> {
  const place = fc.oneof(fc.nat(2000), fc.nat(70));
  const change = fc.oneof(
    fc.record({ kind: fc.constant('flip' as const), at: place, value: fc.nat(7) }),
    fc.record({
      kind: fc.constant('set' as const),
      at: place,
      value: fc.constantFrom(0, 1, 2, 3, 0x7f, 0x80, 0xff),
    }),
    fc.record({ kind: fc.constant('cut' as const), at: place, value: fc.oneof(fc.nat(8), fc.nat(2000)) }),
    fc.record({ kind: fc.constant('double' as const), at: place, value: fc.nat(40) }),
    fc.record({ kind: fc.constant('truncate' as const), at: place, value: fc.constant(0) }),
    fc.record({ kind: fc.constant('splice' as const), at: place, value: fc.nat(2) }),
  );
  return fc.tuple(fc.nat(2), fc.array(change, { maxLength: 3 })).map(([which, changes]) => {
    let bytes = Buffer.from(entries[which]?.bytes ?? []);
    for (const { kind, at, value } of changes) {
      const index = at % Math.max(1, bytes.length);
      if (kind === 'flip') bytes[index] = (bytes[index] ?? 0) ^ (1 << value);
      else if (kind === 'set') bytes[index] = value;
      else if (kind === 'truncate') bytes = bytes.subarray(0, index);
      else if (kind === 'cut')
        bytes = Buffer.concat([bytes.subarray(0, index), bytes.subarray(index + value)]);
      else if (kind === 'double')
        bytes = Buffer.concat([bytes.subarray(0, index + value), bytes.subarray(index)]);
      else
        bytes = Buffer.concat([
          bytes.subarray(0, index),
          entries[value]?.bytes.subarray(index) ?? Buffer.alloc(0),
        ]);
    }
    return Uint8Array.from(bytes);
  });
}

function isSameCredential(one: ClientCredential, other: ClientCredential): boolean {
  const plain = ({ certificates, privateKey, ...dates }: ClientCredential) => ({
    ...dates,
    label: privateKey.label,
    blobs: [privateKey.der, ...certificates].map((bytes) => Buffer.from(bytes).toString('hex')),
  });
  return isDeepStrictEqual(plain(one), plain(other));
}

const mixed = (hash: number): number => hash ^ (hash >>> 15);

/** FNV-1a over 32-bit words, as an entry's format has it. */
function checksum(bytes: Uint8Array): number {
  const buffer = Buffer.from(bytes);
  let hash = 0x811c9dc5;
  let offset = 0;
  for (; offset + 4 <= buffer.length; offset += 4)
    hash = mixed(Math.imul(hash ^ buffer.readUInt32BE(offset), 0x01000193));
  for (; offset < buffer.length; offset += 1) hash = Math.imul(hash ^ (buffer[offset] ?? 0), 0x01000193);
  return hash >>> 0;
}

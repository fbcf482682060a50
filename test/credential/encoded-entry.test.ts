import { beforeAll, describe, expect, test } from '@jest/globals';
import { cacheKeyText } from '../../src/credential/cache-key.js';
import { decodeEntry, encodeEntry } from '../../src/credential/encoded-entry.js';
import type { ClientCredential } from '../../src/credential/client-credential.js';
import { issueCredential } from '../exec-credential/fixtures.js';
import { checksum } from '../fuzz/credentials.js';
import type { CertificateRequest } from '../support/certificate-authority.js';

/** As long as a key is in practice. */
const key = cacheKeyText({
  endpoint: { kind: 'site', site: 'international' },
  identity: {
    kind: 'access-key',
    accessKeyId: 'LTAI5tTestAccessKeyId0000000',
    assumedRole: 'acs:ram::1234567890123456:role/edge-cluster-administrators',
  },
  clusterId: 'eck-0123456789abcdef0123456789abcdef',
});
const dates = {
  fetchedAt: new Date('2026-03-01T12:00:00.001Z'),
  notBefore: new Date('1969-12-31T23:59:59.999Z'),
  notAfter: new Date('9999-12-31T23:59:59.000Z'),
};
let credential: ClientCredential;
let entry: Uint8Array;

beforeAll(async () => {
  credential = { ...(await issue({})), ...dates };
  entry = encodeEntry(key, credential);
});

const issue = (request: Partial<CertificateRequest>): Promise<ClientCredential> =>
  issueCredential(new Date(), {
    commonName: '1234567890123456-1234567890',
    organizations: ['system:masters'],
    ...request,
  });

/** With bytes in one kind of array. */
const plain = (one: ClientCredential | undefined): unknown =>
  one && {
    ...one,
    certificates: one.certificates.map((der) => Buffer.from(der)),
    privateKey: { ...one.privateKey, der: Buffer.from(one.privateKey.der) },
  };

test.each<[string, Partial<CertificateRequest>]>([
  [key, { key: 'p-256' }],
  [key, { key: 'p-384', encoding: 'sec1' }],
  [key, { key: 'p-384', encoding: 'pkcs8' }],
  [key, { key: 'rsa-2048', encoding: 'pkcs1' }],
  [key, { key: 'rsa-2048', encoding: 'pkcs8' }],
  ['eck-1@端点/profile:🙂', { key: 'p-256', chainLength: 3 }],
])('for %s, a credential of %j is decoded as it was encoded', async (keyText, request) => {
  const one = { ...(await issue(request)), ...dates };
  const encoded = encodeEntry(keyText, one);
  const inBuffer = Buffer.concat([Buffer.alloc(3, 0xee), encoded, Buffer.alloc(4)]).subarray(3, -4);
  expect(plain(decodeEntry(keyText, inBuffer))).toEqual(plain(one));
  // Windows allows 2,560 bytes.
  if (request.chainLength === undefined) expect(encoded.length).toBeLessThan(2560);
});

test('an entry of the first release is decoded, and encoded the same way', () => {
  const saved = Buffer.from(
    [
      '0173d2f2424279ca9450a7b0004279ca90e1b80000427b2b57eea000000202001365636b2d31406465666175',
      '6c742f636861696e0000000561206b6579000000046c65616600000005636861696e',
    ].join(''),
    'hex',
  );
  const one: ClientCredential = {
    certificates: [Buffer.from('leaf'), Buffer.from('chain')],
    privateKey: { label: 'EC PRIVATE KEY', der: Buffer.from('a key') },
    fetchedAt: new Date('2026-03-01T12:00:00.123Z'),
    notBefore: new Date('2026-03-01T11:00:00Z'),
    notAfter: new Date('2029-03-01T12:00:00Z'),
  };
  expect(decodeEntry('eck-1@default/chain', saved)).toEqual(one);
  expect(encodeEntry('eck-1@default/chain', one)).toEqual(saved);
});

describe('not decoded is', () => {
  test('an entry with one bit changed, whichever, or the highest bits of two words', () => {
    const changed = Uint8Array.from(entry);
    const decoded: number[] = [];
    for (const [index, byte] of entry.entries()) {
      for (let bit = 1; bit < 256; bit <<= 1) {
        changed[index] = byte ^ bit;
        if (decodeEntry(key, changed) !== undefined) decoded.push(index);
      }
      changed[index] = byte;
    }
    expect(decoded).toEqual([]);
    expect(decodeEntry(key, changed)).toBeDefined();
    for (const at of [5 + 4 * 20, 5 + 4 * 30]) changed[at] = (changed[at] ?? 0) ^ 0x80;
    expect(decodeEntry(key, changed)).toBeUndefined();
  });

  test('an entry that is cut off anywhere, though its checksum is right', () => {
    for (let length = 0; length < entry.length; length += 1) {
      const cut = Buffer.from(entry.subarray(0, length));
      if (length >= 5) cut.writeUInt32BE(checksum(cut.subarray(5)), 1);
      expect(decodeEntry(key, cut)).toBeUndefined();
    }
  });

  test.each(['', key.slice(1), `${key}1`, key.replace('e', 'E')])('an entry for another key: %j', (other) => {
    expect(decodeEntry(other, entry)).toBeUndefined();
  });

  test.each<[string, Partial<Record<keyof ClientCredential, unknown>>]>([
    ['a certificate', { certificates: [] }],
    ['its end', { notAfter: new Date(NaN) }],
    ['its beginning', { notBefore: new Date(NaN) }],
    ['the time it was fetched', { fetchedAt: new Date(NaN) }],
  ])('an entry without %s', (_, change) => {
    const broken = { ...credential, ...change } as ClientCredential;
    expect(decodeEntry(key, encodeEntry(key, broken))).toBeUndefined();
  });

  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['another version', (bytes) => (bytes.writeUInt8(2, 0), bytes)],
    ['an unknown label', (bytes) => (bytes.writeUInt8(3, 29), bytes)],
    ['no certificates', (bytes) => (bytes.writeUInt8(0, 30), bytes)],
    ['too many certificates', (bytes) => (bytes.writeUInt8(2, 30), bytes)],
    ['a key that is too long', (bytes) => (bytes.writeUInt16BE(0xffff, 31), bytes)],
    ['a private key that is too long', (bytes) => (bytes.writeUInt32BE(0xffff_ffff, 33 + key.length), bytes)],
    ['a private key that is too short', (bytes) => (bytes.writeUInt32BE(1, 33 + key.length), bytes)],
    ['a byte after it', (bytes) => Buffer.concat([bytes, Buffer.alloc(1)])],
    ['itself after it', (bytes) => Buffer.concat([bytes, bytes])],
  ])('an entry with %s, though its checksum is right', (_, change) => {
    const changed = change(Buffer.from(entry));
    changed.writeUInt32BE(checksum(changed.subarray(5)), 1);
    expect(decodeEntry(key, changed)).toBeUndefined();
    expect(Buffer.from(entry).readUInt32BE(1)).toBe(checksum(entry.subarray(5)));
  });
});

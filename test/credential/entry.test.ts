import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkClientCredential } from '../../src/credential/check.js';
import type { ClientCredential } from '../../src/credential/client-credential.js';
import { decodeEntry, encodeEntry } from '../../src/credential/encoded-entry.js';
import { cacheKeyText } from '../../src/credential/cache-key.js';
import { certificatePem, privateKeyPem } from '../../src/credential/client-credential.js';
import { CertificateAuthority, type CertificateRequest } from '../support/certificate-authority.js';

/** As long as an account is in practice. */
const account = cacheKeyText({
  endpoint: { kind: 'site', site: 'international' },
  identity: {
    kind: 'access-key',
    accessKeyId: 'LTAI5tTestAccessKeyId0000000',
    assumedRole: 'acs:ram::1234567890123456:role/edge-cluster-administrators',
  },
  clusterId: 'eck-0123456789abcdef0123456789abcdef',
});
const now = new Date('2026-03-01T12:00:00.123Z');

let authority: CertificateAuthority;
let credential: ClientCredential;
let entry: Uint8Array;

beforeAll(async () => {
  authority = await CertificateAuthority.create({ name: 'kubernetes' });
  credential = await issue({});
  entry = encodeEntry(account, credential);
});

async function issue(request: Partial<CertificateRequest>): Promise<ClientCredential> {
  const { certificatePem: certificate, privateKeyPem: privateKey } = await authority.issue({
    commonName: '1234567890123456-1234567890',
    organizations: ['system:masters'],
    ...request,
  });
  return checkClientCredential({ certificate, privateKey }, now);
}

/** A credential in a form that can be compared, whatever kind of array its bytes are in. */
function plain(one: ClientCredential | undefined): unknown {
  return (
    one && {
      certificates: certificatePem(one),
      privateKey: privateKeyPem(one),
      notBefore: one.notBefore,
      notAfter: one.notAfter,
      fetchedAt: one.fetchedAt,
    }
  );
}

describe('an entry', () => {
  test.each<Partial<CertificateRequest>>([
    { key: 'p-256' },
    { key: 'p-384', encoding: 'sec1' },
    { key: 'p-256', encoding: 'sec1-with-parameters' },
    { key: 'rsa-2048', encoding: 'pkcs1' },
    { key: 'p-256', chainLength: 3 },
  ])('holds a credential of %j as it was', async (request) => {
    const one = await issue(request);
    expect(plain(decodeEntry(account, encodeEntry(account, one)))).toEqual(plain(one));
  });

  test('keeps dates to the millisecond, long ago and far ahead', () => {
    const dates = {
      fetchedAt: new Date('2026-03-01T12:00:00.001Z'),
      notBefore: new Date('1969-12-31T23:59:59.999Z'),
      notAfter: new Date('9999-12-31T23:59:59.000Z'),
    };
    expect(decodeEntry(account, encodeEntry(account, { ...credential, ...dates }))).toMatchObject(dates);
  });

  test('is read where it stands in the middle of a larger buffer', () => {
    const whole = new Uint8Array(entry.length + 7).fill(0xee);
    whole.set(entry, 3);
    expect(plain(decodeEntry(account, whole.subarray(3, 3 + entry.length)))).toEqual(plain(credential));
  });

  test('holds an account of any characters', () => {
    const other = 'eck-1@端点/profile:🙂';
    expect(plain(decodeEntry(other, encodeEntry(other, credential)))).toEqual(plain(credential));
  });

  test.each<Partial<CertificateRequest>>([
    { key: 'rsa-2048', encoding: 'pkcs8' },
    { key: 'rsa-2048', encoding: 'pkcs1' },
    { key: 'p-384', encoding: 'pkcs8' },
  ])('of %j fits into the 2,560 bytes that Windows has for one', async (request) => {
    expect(encodeEntry(account, await issue(request)).length).toBeLessThan(2560);
  });
});

describe('what is no entry is read as none:', () => {
  test('an entry of another account', () => {
    for (const other of ['', `${account}x`, account.slice(0, -1), account.replace('eck-0', 'eck-1')]) {
      expect(decodeEntry(other, entry)).toBeUndefined();
    }
  });

  test('an entry of another version', () => {
    for (const version of [0, 2, 3, 255]) {
      const other = Uint8Array.from(entry);
      other[0] = version;
      expect(decodeEntry(account, other)).toBeUndefined();
    }
  });

  test('an entry that was cut, wherever', () => {
    const whole: number[] = [];
    for (let length = 0; length < entry.length; length += 1) {
      if (decodeEntry(account, entry.subarray(0, length)) !== undefined) whole.push(length);
    }
    expect(whole).toEqual([]);
  });

  test('an entry without its beginning, wherever it begins', () => {
    const whole: number[] = [];
    for (let start = 1; start <= entry.length; start += 1) {
      if (decodeEntry(account, entry.subarray(start)) !== undefined) whole.push(start);
    }
    expect(whole).toEqual([]);
  });

  test('an entry with one byte changed, whichever, to whatever', () => {
    const small = encodeEntry('eck-1', {
      ...credential,
      certificates: [Uint8Array.of(1, 2, 3, 4, 5), Uint8Array.of(6)],
      privateKey: { label: 'PRIVATE KEY', der: Uint8Array.of(7, 8, 9) },
    });
    const others = Array.from({ length: 255 }, (_, index) => index + 1);
    expect(changesUnnoticed('eck-1', small, others)).toEqual([]);
  });

  test('an entry as long as one is, with one bit changed, whichever', () => {
    const bits = Array.from({ length: 8 }, (_, bit) => 1 << bit);
    expect(changesUnnoticed(account, entry, bits)).toEqual([]);
  });

  test.each([
    ['a zero', [0]],
    ['a line feed', [10]],
    ['four zeros', [0, 0, 0, 0]],
    ['a kilobyte', Array.from({ length: 1024 }, () => 7)],
  ])('an entry with %s after it', (_, trailing) => {
    expect(decodeEntry(account, Buffer.concat([entry, Buffer.from(trailing)]))).toBeUndefined();
  });

  test('an entry twice', () => {
    expect(decodeEntry(account, Buffer.concat([entry, entry]))).toBeUndefined();
  });

  test('a mixture of two entries of the same account', async () => {
    // In DER, signatures and serial numbers differ in length from time to time.
    let other = encodeEntry(account, await issue({}));
    while (other.length !== entry.length) other = encodeEntry(account, await issue({}));
    const taken: number[] = [];
    for (let cut = 1; cut < entry.length; cut += 1) {
      const mixture = Buffer.concat([entry.subarray(0, cut), other.subarray(cut)]);
      if (mixture.equals(entry) || mixture.equals(other)) continue;
      if (decodeEntry(account, mixture) !== undefined) taken.push(cut);
    }
    expect(taken).toEqual([]);
  });

  test.each<[string, Partial<Record<keyof ClientCredential, unknown>>]>([
    ['without a certificate', { certificates: [] }],
    ['without a date of its end', { notAfter: new Date(NaN) }],
    ['without a date of its beginning', { notBefore: new Date(NaN) }],
    ['without a date of its fetching', { fetchedAt: new Date(NaN) }],
  ])('a whole entry %s', (_, change) => {
    const broken = { ...credential, ...change } as ClientCredential;
    expect(decodeEntry(account, encodeEntry(account, broken))).toBeUndefined();
  });

  test('a whole entry whose lengths promise more than there is, or less', () => {
    const lengthsAt = [31, 33 + account.length, 37 + account.length + credential.privateKey.der.length];
    for (const offset of lengthsAt) {
      for (const [index, value] of [
        [offset, 0xff],
        [offset + 1, 0x01],
        [offset + 1, 0xff],
      ] as const) {
        const changed = Buffer.from(entry);
        if (changed[index] === value) continue;
        changed[index] = value;
        changed.writeUInt32BE(checksum(changed.subarray(5)), 1);
        expect(decodeEntry(account, changed)).toBeUndefined();
      }
    }
  });

  test('a whole entry with a label or a number of certificates that do not exist', () => {
    for (const [index, value] of [
      [29, 3],
      [29, 255],
      [30, 0],
      [30, 2],
      [30, 255],
    ] as const) {
      const changed = Buffer.from(entry);
      changed[index] = value;
      changed.writeUInt32BE(checksum(changed.subarray(5)), 1);
      expect(decodeEntry(account, changed)).toBeUndefined();
    }
  });

  test('a whole entry with something after it, which its checksum covers', () => {
    const longer = Buffer.concat([entry, Buffer.from([0])]);
    longer.writeUInt32BE(checksum(longer.subarray(5)), 1);
    expect(decodeEntry(account, longer)).toBeUndefined();
  });

  test('a checksum of this test is the one of entries', () => {
    expect(Buffer.from(entry).readUInt32BE(1)).toBe(checksum(entry.subarray(5)));
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['zeros', Buffer.alloc(1000)],
    ['a PEM text', Buffer.from('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')],
    ['JSON', Buffer.from('{"version":1}')],
  ])('%s', (_, bytes) => {
    expect(decodeEntry(account, bytes)).toBeUndefined();
  });

  test('any bytes, also such as begin like one', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isWhole) => {
        const one = Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), bytes]);
        if (isWhole) one.writeUInt32BE(checksum(bytes), 1);
        expect(decodeEntry(account, one)).toBeUndefined();
      }),
    );
  });
});

/** FNV-1a over 32-bit words and what is left of one, as entry.ts describes it: for entries that are whole and wrong. */
function checksum(bytes: Uint8Array): number {
  const buffer = Buffer.from(bytes);
  let hash = 0x811c9dc5;
  for (let offset = 0; offset < buffer.length;) {
    const isWord = offset + 4 <= buffer.length;
    hash = Math.imul(hash ^ (isWord ? buffer.readUInt32BE(offset) : buffer.readUInt8(offset)), 0x01000193);
    if (isWord) hash ^= hash >>> 15;
    offset += isWord ? 4 : 1;
  }
  return hash >>> 0;
}

/** Which changes of one byte, made by exclusive or, make an entry that is read. */
function changesUnnoticed(of: string, whole: Uint8Array, masks: readonly number[]): string[] {
  const unnoticed: string[] = [];
  const changed = Uint8Array.from(whole);
  for (const [index, byte] of whole.entries()) {
    for (const mask of masks) {
      changed[index] = byte ^ mask;
      if (decodeEntry(of, changed) !== undefined) unnoticed.push(`byte ${index} ^ ${mask}`);
    }
    changed[index] = byte;
  }
  // What is changed must be what is read, or nothing would ever be noticed.
  if (decodeEntry(of, changed) === undefined) unnoticed.push('the entry itself is not read');
  return unnoticed;
}

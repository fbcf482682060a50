import { privateKeyLabels, type ClientCredential } from './client-credential.js';

/**
 * A saved entry is one compact binary value, since a keychain may save as little as 2,560 bytes. Numbers are
 * big-endian; dates are milliseconds since 1970.
 *
 *     u8  version, 1
 *     u32 checksum of everything after it
 *     f64 fetchedAt   f64 notBefore   f64 notAfter
 *     u8  index of the private key's label   u8 number of certificates
 *     u16 length, bytes: the cache key, so that an entry under another one is not served
 *     u32 length, bytes: the private key     u32 length, bytes: each certificate
 */
const version = 1;
const headerLength = 1 + 4 + 3 * 8 + 1 + 1;

/** Encodes a client credential for saving. @param keyText see `cacheKeyText` */
export function encodeEntry(keyText: string, credential: ClientCredential): Uint8Array {
  const name = Buffer.from(keyText, 'utf8');
  const blobs = [credential.privateKey.der, ...credential.certificates];
  const length = headerLength + 2 + name.length + blobs.reduce((sum, blob) => sum + 4 + blob.length, 0);
  const entry = Buffer.alloc(length);
  entry.writeUInt8(version, 0);
  entry.writeDoubleBE(credential.fetchedAt.getTime(), 5);
  entry.writeDoubleBE(credential.notBefore.getTime(), 13);
  entry.writeDoubleBE(credential.notAfter.getTime(), 21);
  entry.writeUInt8(privateKeyLabels.indexOf(credential.privateKey.label), 29);
  entry.writeUInt8(credential.certificates.length, 30);
  let offset = entry.writeUInt16BE(name.length, headerLength);
  offset += name.copy(entry, offset);
  for (const blob of blobs) {
    offset = entry.writeUInt32BE(blob.length, offset);
    entry.set(blob, offset);
    offset += blob.length;
  }
  entry.writeUInt32BE(checksum(entry.subarray(5)), 1);
  return entry;
}

/**
 * Decodes an entry that {@link encodeEntry} made for the same cache key.
 *
 * @returns `undefined` for everything else, such as another version or a damaged entry
 */
export function decodeEntry(keyText: string, bytes: Uint8Array): ClientCredential | undefined {
  const entry = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (entry.length < headerLength + 2 || entry.readUInt8(0) !== version) return undefined;
  if (entry.readUInt32BE(1) !== checksum(entry.subarray(5))) return undefined;

  const fetchedAt = new Date(entry.readDoubleBE(5));
  const notBefore = new Date(entry.readDoubleBE(13));
  const notAfter = new Date(entry.readDoubleBE(21));
  if ([fetchedAt, notBefore, notAfter].some((date) => Number.isNaN(date.getTime()))) return undefined;
  const label = privateKeyLabels[entry.readUInt8(29)];
  if (label === undefined) return undefined;

  const nameLength = entry.readUInt16BE(headerLength);
  let offset = headerLength + 2 + nameLength;
  if (offset > entry.length || entry.toString('utf8', headerLength + 2, offset) !== keyText) return undefined;

  const blobs: Uint8Array[] = [];
  for (let remaining = 1 + entry.readUInt8(30); remaining > 0; remaining -= 1) {
    if (offset + 4 > entry.length) return undefined;
    const end = offset + 4 + entry.readUInt32BE(offset);
    if (end > entry.length) return undefined;
    blobs.push(entry.subarray(offset + 4, end));
    offset = end;
  }
  const [der, leaf, ...chain] = blobs;
  if (offset !== entry.length || der === undefined || leaf === undefined) return undefined;
  return { certificates: [leaf, ...chain], privateKey: { label, der }, notBefore, notAfter, fetchedAt };
}

/**
 * FNV-1a over 32-bit words, each followed by `hash ^= hash >>> 15`. Detects damage, not attacks. By words, since byte
 * by byte takes longer than reading the keychain.
 */
function checksum(bytes: Uint8Array): number {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let hash = 0x811c9dc5;
  let offset = 0;
  for (; offset + 4 <= bytes.length; offset += 4) {
    hash = Math.imul(hash ^ words.getUint32(offset), 0x01000193);
    // Without this, changes of the highest bits of two words could cancel out.
    hash ^= hash >>> 15;
  }
  for (; offset < bytes.length; offset += 1) hash = Math.imul(hash ^ words.getUint8(offset), 0x01000193);
  return hash >>> 0;
}

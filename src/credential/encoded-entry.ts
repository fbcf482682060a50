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
  const { fetchedAt, notBefore, notAfter, privateKey, certificates } = credential;
  const name = Buffer.from(keyText);
  const header = Buffer.alloc(headerLength + 2);
  header.writeUInt8(version, 0);
  for (const [index, date] of [fetchedAt, notBefore, notAfter].entries()) {
    header.writeDoubleBE(date.getTime(), 5 + 8 * index);
  }
  header.writeUInt8(privateKeyLabels.indexOf(privateKey.label), 29);
  header.writeUInt8(certificates.length, 30);
  header.writeUInt16BE(name.length, headerLength);
  const blobs = [privateKey.der, ...certificates].flatMap((blob) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(blob.length);
    return [length, blob];
  });
  const entry = Buffer.concat([header, name, ...blobs]);
  entry.writeUInt32BE(checksum(entry.subarray(5)), 1);
  return entry;
}

/** Decodes an entry that was encoded for the same cache key; `undefined` for everything else. */
export function decodeEntry(keyText: string, bytes: Uint8Array): ClientCredential | undefined {
  const entry = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (entry.length < headerLength + 2 || entry.readUInt8(0) !== version) return undefined;
  if (entry.readUInt32BE(1) !== checksum(entry.subarray(5))) return undefined;

  const fetchedAt = new Date(entry.readDoubleBE(5));
  const notBefore = new Date(entry.readDoubleBE(13));
  const notAfter = new Date(entry.readDoubleBE(21));
  if ([fetchedAt, notBefore, notAfter].some((date) => Number.isNaN(date.getTime()))) return undefined;
  const label = privateKeyLabels[entry.readUInt8(29)];
  let offset = headerLength + 2 + entry.readUInt16BE(headerLength);
  if (offset > entry.length || entry.toString('utf8', headerLength + 2, offset) !== keyText) return undefined;

  const blobs: Uint8Array[] = [];
  for (let remaining = 1 + entry.readUInt8(30); remaining > 0; remaining -= 1) {
    if (offset + 4 > entry.length) return undefined;
    const start = offset + 4;
    offset = start + entry.readUInt32BE(offset);
    blobs.push(entry.subarray(start, offset));
  }
  const [der, leaf, ...chain] = blobs;
  if (offset !== entry.length || !label || !der || !leaf) return undefined;
  return { certificates: [leaf, ...chain], privateKey: { label, der }, notBefore, notAfter, fetchedAt };
}

/** FNV-1a by 32-bit words, since byte by byte takes longer than reading the keychain. Detects damage, not attacks. */
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

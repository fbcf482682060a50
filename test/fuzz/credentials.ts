import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority.js';
import { Secrets } from './property.js';

/** Certificates for all inputs. */
export interface Fixtures {
  readonly now: Date;
  readonly authority: CertificateAuthority;
  readonly certificates: readonly [IssuedCertificate, ...IssuedCertificate[]];
  /** All private keys, as PEM and its base64. */
  readonly keys: Secrets;
}

export async function createFixtures(): Promise<Fixtures> {
  const now = new Date();
  const authority = await CertificateAuthority.create({ name: 'fuzz' });
  const one = await authority.issue({ commonName: 'one', organizations: ['system:masters'] });
  const two = await authority.issue({ commonName: 'two', encoding: 'sec1', chainLength: 3 });
  const three = await authority.issue({ commonName: 'three\x1b[31m', chainLength: 2 });
  const expired = await authority.issue({
    commonName: 'expired',
    notAfter: new Date(now.getTime() - 60_000),
  });
  const certificates = [one, two, three, expired] as const;
  const keys = new Secrets();
  for (const { privateKeyPem } of certificates) {
    const body = privateKeyPem.replace(/-----.*-----/g, '').trim();
    keys.add(body);
    keys.add(body.replace(/\s/g, ''));
    // Without the characters of "-----BEGIN …-----" and "-----END …-----".
    keys.add(base64(privateKeyPem).slice(44, -44));
  }
  return { now, authority, certificates, keys };
}

export function base64(text: string | Uint8Array): string {
  return Buffer.from(text).toString('base64');
}

/** The checksum of an entry: FNV-1a over 32-bit words. */
export function checksum(entry: Uint8Array): number {
  const bytes = Buffer.from(entry);
  let hash = 0x811c9dc5;
  let offset = 0;
  for (; offset + 4 <= bytes.length; offset += 4) {
    hash = Math.imul(hash ^ bytes.readUInt32BE(offset), 0x01000193);
    hash ^= hash >>> 15;
  }
  for (; offset < bytes.length; offset += 1) hash = Math.imul(hash ^ (bytes[offset] ?? 0), 0x01000193);
  return hash >>> 0;
}

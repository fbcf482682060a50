import { checkClientCredential } from '../../src/credential/check.js';
import type { ClientCredential } from '../../src/credential/client-credential.js';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority.js';
import { Secrets } from './property.js';

/** What was issued once, for all inputs. */
export interface Fixtures {
  readonly now: Date;
  readonly authority: CertificateAuthority;
  readonly certificates: readonly [IssuedCertificate, ...IssuedCertificate[]];
  readonly credentials: readonly [ClientCredential, ...ClientCredential[]];
  /** The bodies of all private keys, as they are, and in base64 once more. */
  readonly keys: Secrets;
}

export async function createFixtures(): Promise<Fixtures> {
  const now = new Date();
  const authority = await CertificateAuthority.create({ name: 'fuzz' });
  const certificates: [IssuedCertificate, ...IssuedCertificate[]] = [
    await authority.issue({ commonName: 'one', organizations: ['system:masters'] }),
    await authority.issue({ commonName: 'two', encoding: 'sec1', chainLength: 3 }),
    await authority.issue({ commonName: 'three\x1b[31m', chainLength: 2 }),
  ];
  const [first, ...others] = certificates.map(({ certificatePem, privateKeyPem }) =>
    checkClientCredential({ certificate: certificatePem, privateKey: privateKeyPem }, now),
  );
  const expired = await authority.issue({
    commonName: 'over',
    notBefore: new Date(now.getTime() - 7_200_000),
    notAfter: new Date(now.getTime() - 3_600_000),
  });
  certificates.push(expired);
  if (first === undefined) throw new Error('no certificate was issued');

  const keys = new Secrets();
  for (const { privateKeyPem } of certificates) {
    const body = privateKeyPem.replace(/-----.*-----/g, '').trim();
    keys.add(body);
    keys.add(body.replace(/\s/g, ''));
    // The first and the last characters are those of "-----BEGIN …-----" and "-----END …-----".
    keys.add(base64(privateKeyPem).slice(44, -44));
  }
  return { now, authority, certificates, credentials: [first, ...others], keys };
}

export function base64(text: string | Uint8Array): string {
  return Buffer.from(text).toString('base64');
}

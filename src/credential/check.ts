import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { EckError, printable } from '../errors.js';
import { privateKeyLabels, type ClientCredential, type PrivateKeyLabel } from './client-credential.js';
import { readPemBlocks } from './client-credential.js';

/** The longest chain that is accepted: a leaf, and what stands between it and a root. */
const maxChainLength = 10;

/**
 * Makes a client credential out of PEM from outside.
 *
 * Guarantees that each certificate parses, that the key parses, is not encrypted and belongs to the leaf, which is
 * the first certificate (RFC 8446 section 4.4.2 wants it first, and so do API clients), and that the leaf has not
 * expired at `now`. One that is not valid *yet* passes: the clock of this machine may be the one that is wrong.
 *
 * @throws EckError `issued-kubeconfig-invalid`, saying which of these does not hold. The message holds no part of
 *   the key.
 */
export function checkClientCredential(
  pem: { readonly certificate: string; readonly privateKey: string },
  now: Date,
): ClientCredential {
  const certificates = readCertificates(pem.certificate);
  const [leaf] = certificates;
  const { label, der, key } = readPrivateKey(pem.privateKey);
  if (!belongsTogether(leaf, key)) throw invalid('the private key does not belong to the client certificate');

  const notAfter = new Date(leaf.validTo);
  const notBefore = new Date(leaf.validFrom);
  if (notAfter.getTime() <= now.getTime()) {
    throw invalid(`the client certificate of ${subjectOf(leaf)} expired at ${notAfter.toISOString()}`);
  }
  return {
    certificates: [leaf.raw, ...certificates.slice(1).map((certificate) => certificate.raw)],
    privateKey: { label, der },
    notBefore,
    notAfter,
    fetchedAt: now,
  };
}

/** The subject of a client credential's certificate, safe to print, such as `CN=someone, O=system:masters`. */
export function certificateSubject(credential: Pick<ClientCredential, 'certificates'>): string {
  return subjectOf(new X509Certificate(credential.certificates[0]));
}

/**
 * Reads every certificate of a PEM text.
 *
 * @throws EckError `issued-kubeconfig-invalid` where there is none, or one that does not parse
 */
export function readCertificates(pem: string): [X509Certificate, ...X509Certificate[]] {
  const blocks = readPemBlocks(pem).filter((block) => block.label === 'CERTIFICATE');
  if (blocks.length > maxChainLength) throw invalid(`it holds ${blocks.length} certificates in one place`);
  const certificates = blocks.map((block) => {
    try {
      return new X509Certificate(block.der);
    } catch {
      throw invalid('a certificate in it cannot be parsed');
    }
  });
  const [first, ...rest] = certificates;
  if (first === undefined) throw invalid('there is no PEM certificate where one belongs');
  return [first, ...rest];
}

function readPrivateKey(pem: string): { label: PrivateKeyLabel; der: Uint8Array; key: KeyObject } {
  if (pem.includes('ENCRYPTED')) throw invalid('the private key is encrypted');
  // OpenSSL writes an "EC PARAMETERS" block before an EC key; it says nothing that the key does not say itself.
  const keys = readPemBlocks(pem).filter(({ label }) => label.endsWith('PRIVATE KEY'));
  const [block] = keys;
  if (block === undefined || keys.length > 1)
    throw invalid('there is not one PEM private key where one belongs');
  const label = privateKeyLabels.find((known) => known === block.label);
  if (label === undefined) throw invalid(`it holds a key of an unknown kind, ${printable(block.label)}`);
  const type = { 'PRIVATE KEY': 'pkcs8', 'RSA PRIVATE KEY': 'pkcs1', 'EC PRIVATE KEY': 'sec1' } as const;
  try {
    const der = Buffer.from(block.der);
    if (!isOneDerValue(der)) throw new Error('there is something after the key');
    return { label, der, key: createPrivateKey({ key: der, format: 'der', type: type[label] }) };
  } catch {
    throw invalid('the private key cannot be parsed');
  }
}

/** Whether nothing stands after a DER value (X.690 section 8.1.3), which some parsers overlook and others refuse. */
function isOneDerValue(der: Buffer): boolean {
  const first = der.readUInt8(1);
  if (first < 0x80) return der.length === 2 + first;
  const size = first & 0x7f;
  return der.length === 2 + size + der.readUIntBE(2, size);
}

function belongsTogether(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.checkPrivateKey(key);
  } catch {
    return false;
  }
}

function subjectOf(certificate: X509Certificate): string {
  return printable(certificate.subject.split('\n').join(', '));
}

function invalid(why: string): EckError {
  return new EckError('issued-kubeconfig-invalid', why);
}

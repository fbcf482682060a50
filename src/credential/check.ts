import { createPrivateKey, X509Certificate } from 'node:crypto';
import { EckError, ifPossible, printable } from '../errors.js';
import { privateKeyLabels, readPemBlocks, type ClientCredential } from './client-credential.js';

const maxChainLength = 10;

/**
 * Makes a client credential of PEM from outside, the leaf first (RFC 8446 section 4.4.2). It may not be valid yet, since
 * this machine's clock may be wrong. @throws EckError `issued-kubeconfig-invalid`, without any part of the key
 */
export function checkClientCredential(
  pem: { readonly certificate: string; readonly privateKey: string },
  now: Date,
): ClientCredential {
  const [leaf, ...chain] = readCertificates(pem.certificate);
  const { label, der, key } = readPrivateKey(pem.privateKey);
  if (ifPossible(() => leaf.checkPrivateKey(key)) !== true)
    throw invalid('the private key does not belong to the client certificate');

  const notAfter = new Date(leaf.validTo);
  if (notAfter <= now) {
    const subject = certificateSubject({ certificates: [leaf.raw] });
    throw invalid(`the client certificate of ${subject} expired at ${notAfter.toISOString()}`);
  }
  return {
    certificates: [leaf.raw, ...chain.map(({ raw }) => raw)],
    privateKey: { label, der },
    notBefore: new Date(leaf.validFrom),
    notAfter,
    fetchedAt: now,
  };
}

/** The subject of the client certificate, safe to print, such as `O=system:masters, CN=someone`. */
export function certificateSubject({ certificates: [leaf] }: Pick<ClientCredential, 'certificates'>): string {
  return printable(new X509Certificate(leaf).subject.replaceAll('\n', ', '));
}

/** Reads the certificates of a PEM text. @throws EckError `issued-kubeconfig-invalid` for none and for invalid ones */
export function readCertificates(pem: string): [X509Certificate, ...X509Certificate[]] {
  const blocks = readPemBlocks(pem).filter((block) => block.label === 'CERTIFICATE');
  if (blocks.length > maxChainLength) throw invalid(`it contains a chain of ${blocks.length} certificates`);
  const [first, ...rest] = blocks.map(({ der }) => {
    const certificate = ifPossible(() => new X509Certificate(der));
    if (certificate === undefined) throw invalid('it contains a certificate that cannot be parsed');
    return certificate;
  });
  if (first === undefined) throw invalid('a PEM certificate is missing');
  return [first, ...rest];
}

function readPrivateKey(pem: string) {
  if (pem.includes('ENCRYPTED')) throw invalid('the private key is encrypted');
  // OpenSSL writes an "EC PARAMETERS" block before an EC key, which repeats what the key contains.
  const keys = readPemBlocks(pem).filter(({ label }) => label.endsWith('PRIVATE KEY'));
  const [block] = keys;
  if (block === undefined) throw invalid('a PEM private key is missing');
  if (keys.length > 1) throw invalid(`it contains ${keys.length} private keys for one user`);
  const label = privateKeyLabels.find((known) => known === block.label);
  if (!label) throw invalid(`it contains a private key of an unknown kind, ${printable(block.label)}`);
  const types = { 'PRIVATE KEY': 'pkcs8', 'RSA PRIVATE KEY': 'pkcs1', 'EC PRIVATE KEY': 'sec1' } as const;
  const [type, { der }] = [types[label], block];
  const key = ifPossible(() => isOneDerValue(der) && createPrivateKey({ key: der, format: 'der', type }));
  if (!key) throw invalid('the private key cannot be parsed');
  return { label, der, key };
}

/** Whether nothing follows the DER value (X.690 section 8.1.3). Some parsers ignore what follows, others refuse it. */
function isOneDerValue(der: Buffer): boolean {
  const first = der.readUInt8(1);
  if (first < 0x80) return der.length === 2 + first;
  const size = first & 0x7f;
  return der.length === 2 + size + der.readUIntBE(2, size);
}

function invalid(problem: string): EckError {
  return new EckError('issued-kubeconfig-invalid', problem);
}

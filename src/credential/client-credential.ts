/**
 * A client credential: the certificate that an API server knows a person by, the private key that proves it, and
 * when both were fetched from ENS.
 *
 * Whoever holds one may rely on this: the certificates parse, `privateKey` belongs to the first of them, and the
 * dates are the first one's own. `checkClientCredential` makes one out of PEM from outside, and
 * `decodeEntry` makes one out of what was kept; nothing else does.
 */
export interface ClientCredential {
  /** DER, the leaf first, then the chain above it in the order in which it was issued. */
  readonly certificates: readonly [Uint8Array, ...Uint8Array[]];
  readonly privateKey: PrivateKey;
  /** The leaf's validity. */
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly fetchedAt: Date;
}

/** A private key as it was issued. The label says how `der` is encoded. */
export interface PrivateKey {
  readonly label: PrivateKeyLabel;
  readonly der: Uint8Array;
}

/** PKCS#8 (RFC 5958), PKCS#1 (RFC 8017) and SEC1 (RFC 5915), by their PEM labels (RFC 7468). */
export const privateKeyLabels = ['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY'] as const;
export type PrivateKeyLabel = (typeof privateKeyLabels)[number];

/** One block of a PEM text (RFC 7468). */
export interface PemBlock {
  readonly label: string;
  readonly der: Uint8Array;
}

/** Writes one PEM block, 64 characters a line, with a final newline. */
export function toPem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64');
  let lines = '';
  for (let start = 0; start < base64.length; start += 64) lines += `${base64.slice(start, start + 64)}\n`;
  return `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`;
}

/** The certificate and its chain, the leaf first, as one PEM text. */
export function certificatePem(credential: ClientCredential): string {
  let pem = '';
  for (const der of credential.certificates) pem += toPem('CERTIFICATE', der);
  return pem;
}

/** The private key as PEM, encoded as it was issued. */
export function privateKeyPem(credential: ClientCredential): string {
  return toPem(credential.privateKey.label, credential.privateKey.der);
}

/**
 * Reads every PEM block of a text, and ignores what stands between blocks, as RFC 7468 section 2 allows.
 * A block that is cut off, or holds headers (RFC 1421 encryption) or anything but base64, is left out.
 */
export function readPemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  for (const match of text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/g)) {
    const label = match[1];
    const body = match[2];
    if (label === undefined || body === undefined) continue;
    blocks.push({ label, der: Buffer.from(body, 'base64') });
  }
  return blocks;
}

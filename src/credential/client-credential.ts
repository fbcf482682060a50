/**
 * A client certificate and its private key. The certificates parse, the key belongs to the first one, and the dates
 * are the first one's: only `checkClientCredential` and `decodeEntry` make one.
 */
export interface ClientCredential {
  /** DER, the leaf first, then its chain. */
  readonly certificates: readonly [Uint8Array, ...Uint8Array[]];
  /** As it was issued; the label says how `der` is encoded. */
  readonly privateKey: { readonly label: (typeof privateKeyLabels)[number]; readonly der: Uint8Array };
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** When ENS issued it to us. */
  readonly fetchedAt: Date;
}

/** The PEM labels (RFC 7468) of PKCS#8 (RFC 5958), PKCS#1 (RFC 8017) and SEC1 (RFC 5915). */
export const privateKeyLabels = ['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY'] as const;

/** Formats one PEM block, with 64 characters a line and a final newline. */
export function toPem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64');
  let lines = '';
  for (let start = 0; start < base64.length; start += 64) lines += `${base64.slice(start, start + 64)}\n`;
  return `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`;
}

export function certificatePem({ certificates }: ClientCredential): string {
  return certificates.map((der) => toPem('CERTIFICATE', der)).join('');
}

export function privateKeyPem({ privateKey }: ClientCredential): string {
  return toPem(privateKey.label, privateKey.der);
}

/** Reads the PEM blocks of a text (RFC 7468), without those that have headers, are cut off, or are not base64. */
export function readPemBlocks(text: string): { label: string; der: Buffer }[] {
  const blocks = text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/g);
  return [...blocks].map(([, label = '', body = '']) => ({ label, der: Buffer.from(body, 'base64') }));
}

import type { ClientCredential } from './client-credential.js';

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

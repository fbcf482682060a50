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

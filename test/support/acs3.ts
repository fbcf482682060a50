import { createHash, createHmac } from 'node:crypto';
import type { EnsErrorCode } from './ens-errors.js';

/** The parts of a request that its signature covers. Header names are in lower case. */
export interface SignedRequest {
  readonly method: string;
  readonly path: string;
  /** Decoded names and values. */
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly headers: Readonly<Record<string, string>>;
}

/** The parts of an identity that signing needs. */
export interface SigningIdentity {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  /** Only of temporary credentials. */
  readonly securityToken?: string;
}

const mandatoryHeaders = ['host', 'x-acs-action', 'x-acs-date', 'x-acs-signature-nonce', 'x-acs-version'];
const payloadHeader = 'x-acs-content-sha256';

/** The ACS3-HMAC-SHA256 signature of a request, as hex. */
export function acs3Signature(
  { method, path, query, headers }: SignedRequest,
  signedHeaders: readonly string[],
  secret: string,
): string {
  const names = [...signedHeaders].sort();
  const canonicalRequest = [
    method,
    path,
    canonicalQuery(query),
    names.map((name) => `${name}:${(headers[name] ?? '').trim()}\n`).join(''),
    names.join(';'),
    headers[payloadHeader],
  ].join('\n');
  const stringToSign = `ACS3-HMAC-SHA256\n${sha256(canonicalRequest)}`;
  return createHmac('sha256', secret).update(stringToSign).digest('hex');
}

/** Checks that a signature is complete, fresh, from a valid identity, unused (and notes it), and covers the body. */
export function verifyAcs3<Identity extends SigningIdentity>(
  request: SignedRequest,
  body: Uint8Array,
  identityOf: (accessKeyId: string) => Identity | undefined,
  usedNonces: Set<string>,
  now: Date,
): { readonly identity: Identity } | { readonly refusal: EnsErrorCode } {
  const { headers } = request;
  const { accessKeyId, signedHeaders, signature } = readAuthorization(headers['authorization']);
  const ownHeaders = Object.keys(headers).filter((name) => name.startsWith('x-acs-'));
  const isComplete =
    signedHeaders.every((name) => headers[name] !== undefined) &&
    [...mandatoryHeaders, payloadHeader, ...ownHeaders].every((name) => signedHeaders.includes(name));
  if (accessKeyId === undefined || !isComplete) return { refusal: 'IncompleteSignature' };

  const date = headers['x-acs-date'] ?? '';
  const ageMs = Math.abs(now.getTime() - Date.parse(date));
  if (!/^[\d-]+T[\d:]+Z$/.test(date) || Number.isNaN(ageMs)) return { refusal: 'IllegalTimestamp' };
  if (ageMs > 15 * 60_000) return { refusal: 'InvalidTimeStamp.Expired' };

  const identity = identityOf(accessKeyId);
  if (identity === undefined) return { refusal: 'InvalidAccessKeyId.NotFound' };
  const { accessKeySecret, securityToken } = identity;
  const token = headers['x-acs-security-token'];
  if (token === undefined && securityToken !== undefined) return { refusal: 'MissingSecurityToken' };
  if (token !== securityToken) return { refusal: 'InvalidSecurityToken.Malformed' };

  const isSigned = signature === acs3Signature(request, signedHeaders, accessKeySecret);
  if (!isSigned || headers[payloadHeader] !== sha256(body)) return { refusal: 'SignatureDoesNotMatch' };
  const nonce = `${accessKeyId} ${headers['x-acs-signature-nonce'] ?? ''}`;
  if (usedNonces.has(nonce)) return { refusal: 'SignatureNonceUsed' };
  usedNonces.add(nonce);
  return { identity };
}

/** Reads an `authorization` header without checking its signature. */
export function readAuthorization(text = '') {
  const [, accessKeyId, signedHeaders = '', signature] =
    /^ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})$/.exec(text) ?? [];
  return { accessKeyId, signedHeaders: signedHeaders.split(';'), signature };
}

/** Names and values, sorted by name and percent-encoded. */
export function canonicalQuery(query: SignedRequest['query']): string {
  return [...query]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`)
    .join('&');
}

/** Percent-encodes as RFC 3986 section 2.3: `encodeURIComponent` leaves five characters too many. */
export function percentEncode(text: string): string {
  const encoded = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text).replace(/[!'()*]/g, encoded);
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

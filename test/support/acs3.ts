import { createHash, createHmac } from 'node:crypto';
import type { EnsErrorCode } from './ens-errors.js';

/** A request as far as its signature covers it. Header names are in lower case, as Node.js hands them out. */
export interface SignedRequest {
  readonly method: string;
  readonly path: string;
  /** Decoded names and values. */
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly headers: Readonly<Record<string, string>>;
}

/** What a signature is made from: the request, and what it says of itself in its headers. */
export interface SignatureInput extends SignedRequest {
  readonly signedHeaders: readonly string[];
  /** The value of `x-acs-content-sha256`. */
  readonly hashedPayload: string;
  readonly secret: string;
}

/** An identity as far as signing goes. */
export interface SigningIdentity {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  /** Given for temporary credentials, which are good only together with it. */
  readonly securityToken?: string;
  readonly securityTokenExpiresAt?: Date;
  readonly disabled?: boolean;
}

/** What a verifier knows. */
export interface VerifierState<Identity extends SigningIdentity> {
  readonly identityOf: (accessKeyId: string) => Identity | undefined;
  /** The nonces that were used already. The verifier adds to them. */
  readonly usedNonces: Set<string>;
  /** The verifier's own time. */
  readonly now: Date;
}

/** Who signed, or the code that the API refuses with. */
export type SignatureVerdict<Identity> = { readonly identity: Identity } | { readonly refusal: EnsErrorCode };

/** Without one of these in the signature, a request could be altered or played again. */
const mandatoryHeaders = [
  'host',
  'x-acs-action',
  'x-acs-content-sha256',
  'x-acs-date',
  'x-acs-signature-nonce',
  'x-acs-version',
];

const clockToleranceMs = 15 * 60_000;

/** The signature of a request by ACS3-HMAC-SHA256, as hex. A pure function of its arguments. */
export function acs3Signature(input: SignatureInput): string {
  const signedHeaders = [...input.signedHeaders].sort();
  const canonicalRequest = [
    input.method,
    input.path,
    canonicalQuery(input.query),
    signedHeaders.map((name) => `${name}:${(input.headers[name] ?? '').trim()}\n`).join(''),
    signedHeaders.join(';'),
    input.hashedPayload,
  ].join('\n');
  const stringToSign = `ACS3-HMAC-SHA256\n${sha256(canonicalRequest)}`;
  return createHmac('sha256', input.secret).update(stringToSign).digest('hex');
}

/**
 * Verifies the signature of a request: that it is complete, fresh and by an identity that may sign, that it covers the
 * body and every header that matters, and that it was not seen before.
 */
export function verifyAcs3<Identity extends SigningIdentity>(
  request: SignedRequest,
  body: Uint8Array,
  { identityOf, usedNonces, now }: VerifierState<Identity>,
): SignatureVerdict<Identity> {
  const { headers } = request;
  const authorization = parseAuthorization(headers['authorization'] ?? '');
  if (authorization === undefined) return { refusal: 'IncompleteSignature' };
  const { accessKeyId, signedHeaders, signature } = authorization;
  if (!coversWhatMatters(signedHeaders, headers)) return { refusal: 'IncompleteSignature' };

  const date = parseDate(headers['x-acs-date'] ?? '');
  if (date === undefined) return { refusal: 'IllegalTimestamp' };
  if (Math.abs(date.getTime() - now.getTime()) > clockToleranceMs) {
    return { refusal: 'InvalidTimeStamp.Expired' };
  }

  const identity = identityOf(accessKeyId);
  if (identity === undefined) return { refusal: 'InvalidAccessKeyId.NotFound' };
  if (identity.disabled === true) return { refusal: 'InvalidAccessKeyId.Inactive' };
  const tokenRefusal = refusalOfToken(identity, headers['x-acs-security-token'], now);
  if (tokenRefusal !== undefined) return { refusal: tokenRefusal };

  const hashedPayload = headers['x-acs-content-sha256'] ?? '';
  const expected = acs3Signature({
    ...request,
    signedHeaders,
    hashedPayload,
    secret: identity.accessKeySecret,
  });
  if (hashedPayload !== sha256(body) || signature !== expected) return { refusal: 'SignatureDoesNotMatch' };

  // Only a nonce that was really signed counts as used, or anyone could use up somebody else's.
  const nonce = `${accessKeyId} ${headers['x-acs-signature-nonce'] ?? ''}`;
  if (usedNonces.has(nonce)) return { refusal: 'SignatureNonceUsed' };
  usedNonces.add(nonce);
  return { identity };
}

/** The AccessKey id that a request claims to be signed with, whether that is true or not. */
export function claimedAccessKeyId(authorization: string | undefined): string | undefined {
  return parseAuthorization(authorization ?? '')?.accessKeyId;
}

function parseAuthorization(
  text: string,
): { accessKeyId: string; signedHeaders: string[]; signature: string } | undefined {
  const match = /^ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})$/.exec(
    text,
  );
  const [, accessKeyId, signedHeaders, signature] = match ?? [];
  if (accessKeyId === undefined || signedHeaders === undefined || signature === undefined) return undefined;
  return { accessKeyId, signedHeaders: signedHeaders.split(';'), signature };
}

/** Every header that is signed is there, every mandatory one is signed, and so is every one of the API's own. */
function coversWhatMatters(
  signedHeaders: readonly string[],
  headers: Readonly<Record<string, string>>,
): boolean {
  const ownHeaders = Object.keys(headers).filter((name) => name.startsWith('x-acs-'));
  return (
    signedHeaders.every((name) => headers[name] !== undefined) &&
    [...mandatoryHeaders, ...ownHeaders].every((name) => signedHeaders.includes(name))
  );
}

function parseDate(text: string): Date | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/.test(text)) return undefined;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function refusalOfToken(
  identity: SigningIdentity,
  token: string | undefined,
  now: Date,
): EnsErrorCode | undefined {
  if (token === undefined) return identity.securityToken === undefined ? undefined : 'MissingSecurityToken';
  if (token !== identity.securityToken) return 'InvalidSecurityToken.Malformed';
  const expiresAt = identity.securityTokenExpiresAt;
  return expiresAt !== undefined && expiresAt.getTime() <= now.getTime()
    ? 'InvalidSecurityToken.Expired'
    : undefined;
}

function canonicalQuery(query: SignedRequest['query']): string {
  return [...query]
    .sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0))
    .map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`)
    .join('&');
}

/** RFC 3986 section 2.3: everything but unreserved characters. `encodeURIComponent` spares five more. */
function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

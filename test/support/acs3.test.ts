import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import {
  acs3Signature,
  claimedAccessKeyId,
  verifyAcs3,
  type SignedRequest,
  type SigningIdentity,
} from './acs3.js';

const now = new Date('2026-11-23T23:47:08Z');
const noBody = new Uint8Array();
const hashOf = (body: string | Uint8Array): string => createHash('sha256').update(body).digest('hex');

/** The request of ens-api.md's check value. */
const request: SignedRequest = {
  method: 'POST',
  path: '/',
  query: [
    ['ClusterId', 'eck-1'],
    ['PrivateIpAddress', 'false'],
  ],
  headers: {
    host: '127.0.0.1:18080',
    'x-acs-action': 'DescribeClusterUserKubeconfig',
    'x-acs-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'x-acs-credentials-provider': 'static_ak',
    'x-acs-date': '2026-11-23T23:47:08Z',
    'x-acs-signature-nonce': '5d484962db428e9101558db8d86a74d4',
    'x-acs-version': '2017-11-10',
  },
};
const checkValue = 'ecf5e933dd91773c56bcf3539861b5c95c7d0c7fe02e62784173aa846c3c5c79';
const secret = 'sk';

const permanent: SigningIdentity = { accessKeyId: 'ak', accessKeySecret: secret };
const temporary: SigningIdentity = {
  accessKeyId: 'sts',
  accessKeySecret: secret,
  securityToken: 'token',
  securityTokenExpiresAt: new Date('2026-11-23T23:50:00Z'),
};
const disabled: SigningIdentity = { accessKeyId: 'off', accessKeySecret: secret, disabled: true };
const identities = [permanent, temporary, disabled];

function withHeaders(headers: Record<string, string | undefined>): SignedRequest {
  const merged = Object.entries({ ...request.headers, ...headers });
  return {
    ...request,
    headers: Object.fromEntries(merged.filter((entry): entry is [string, string] => entry[1] !== undefined)),
  };
}

function sign(
  unsigned: SignedRequest,
  options: { accessKeyId?: string; secret?: string; signedHeaders?: string[] } = {},
): SignedRequest {
  const signedHeaders = options.signedHeaders ?? Object.keys(unsigned.headers).sort();
  const signature = acs3Signature({
    ...unsigned,
    signedHeaders,
    hashedPayload: unsigned.headers['x-acs-content-sha256'] ?? '',
    secret: options.secret ?? secret,
  });
  const authorization = `ACS3-HMAC-SHA256 Credential=${options.accessKeyId ?? 'ak'},SignedHeaders=${signedHeaders.join(';')},Signature=${signature}`;
  return { ...unsigned, headers: { ...unsigned.headers, authorization } };
}

function verify(
  signed: SignedRequest,
  options: { body?: Uint8Array; usedNonces?: Set<string>; now?: Date } = {},
): ReturnType<typeof verifyAcs3<SigningIdentity>> {
  return verifyAcs3(signed, options.body ?? noBody, {
    identityOf: (id) => identities.find(({ accessKeyId }) => accessKeyId === id),
    usedNonces: options.usedNonces ?? new Set(),
    now: options.now ?? now,
  });
}

describe('the signature', () => {
  const input = {
    ...request,
    signedHeaders: Object.keys(request.headers),
    hashedPayload: hashOf(''),
    secret,
  };

  test('has the check value of the description', () => {
    expect(acs3Signature(input)).toBe(checkValue);
  });

  test('does not depend on the order of headers and parameters, or on space around values', () => {
    expect(
      acs3Signature({
        ...input,
        signedHeaders: [...input.signedHeaders].reverse(),
        query: [...input.query].reverse(),
        headers: { ...input.headers, 'x-acs-version': ' 2017-11-10 ' },
      }),
    ).toBe(checkValue);
  });

  test.each([
    ['method', { method: 'GET' }],
    ['path', { path: '/x' }],
    ['query', { query: [['ClusterId', 'eck-2']] }],
    ['signed header', { headers: { ...request.headers, 'x-acs-action': 'DescribeClustersV1' } }],
    ['list of signed headers', { signedHeaders: ['host'] }],
    ['payload', { hashedPayload: hashOf('x') }],
    ['secret', { secret: 'sk2' }],
  ] as const)('depends on the %s', (_what, change) => {
    expect(acs3Signature({ ...input, ...change })).not.toBe(checkValue);
  });

  // Computed apart, with Python's hmac, hashlib and urllib.parse.quote(safe='~').
  test('percent-encodes as RFC 3986 does', () => {
    const query = [['Name', "ä b+c!'()*~/&=%"]] as const;
    expect(acs3Signature({ ...input, query })).toBe(
      '1e95ed7433b7d5545217eefeaaf17316c789873fefb38da5db8fdf3ea0d63169',
    );
  });
});

describe('verification', () => {
  test('names the identity that signed', () => {
    expect(verify(sign(request))).toEqual({ identity: permanent });
    expect(verify(sign(withHeaders({ 'x-acs-security-token': 'token' }), { accessKeyId: 'sts' }))).toEqual({
      identity: temporary,
    });
  });

  test('covers the body', () => {
    const body = Buffer.from('Name=x');
    const signed = sign(withHeaders({ 'x-acs-content-sha256': hashOf(body) }));
    expect(verify(signed, { body })).toEqual({ identity: permanent });
    expect(verify(signed, { body: noBody })).toEqual({ refusal: 'SignatureDoesNotMatch' });
  });

  test.each([
    ['a wrong secret', sign(request, { secret: 'guess' })],
    ['an altered parameter', { ...sign(request), query: [['ClusterId', 'eck-2']] as const }],
    ['an added parameter', { ...sign(request), query: [...request.query, ['Name', 'x']] as const }],
    ['another method', { ...sign(request), method: 'GET' }],
    ['another path', { ...sign(request), path: '/x' }],
    [
      'an altered header',
      { ...sign(request), headers: { ...sign(request).headers, 'x-acs-action': 'DescribeClustersV1' } },
    ],
    ['another host', { ...sign(request), headers: { ...sign(request).headers, host: 'elsewhere' } }],
  ])('refuses %s', (_what, altered) => {
    expect(verify(altered)).toEqual({ refusal: 'SignatureDoesNotMatch' });
  });

  test('refuses a request that is played again', () => {
    const usedNonces = new Set<string>();
    const signed = sign(request);
    expect(verify(signed, { usedNonces })).toEqual({ identity: permanent });
    expect(verify(signed, { usedNonces })).toEqual({ refusal: 'SignatureNonceUsed' });
    expect(verify(sign(withHeaders({ 'x-acs-signature-nonce': 'fresh' })), { usedNonces })).toEqual({
      identity: permanent,
    });
  });

  test('does not let a forged request use up a nonce', () => {
    const usedNonces = new Set<string>();
    verify(sign(request, { secret: 'guess' }), { usedNonces });
    expect(verify(sign(request), { usedNonces })).toEqual({ identity: permanent });
  });

  test.each(Object.keys(request.headers).filter((name) => name !== 'x-acs-credentials-provider'))(
    'refuses a request without the header %s',
    (name) => {
      expect(verify(sign(withHeaders({ [name]: undefined })))).toEqual({ refusal: 'IncompleteSignature' });
    },
  );

  test.each(Object.keys(request.headers))('refuses a signature that leaves out the header %s', (name) => {
    const signedHeaders = Object.keys(request.headers).filter((header) => header !== name);
    expect(verify(sign(request, { signedHeaders }))).toEqual({ refusal: 'IncompleteSignature' });
  });

  test.each([
    ['none', undefined],
    ['one of another algorithm', 'acs ak:c2ln'],
    ['half of one', 'ACS3-HMAC-SHA256 Credential=ak'],
  ])('refuses a request whose signature is %s', (_what, authorization) => {
    expect(verify(withHeaders({ authorization }))).toEqual({ refusal: 'IncompleteSignature' });
  });

  test.each([
    ['2026-11-23T23:32:08Z', undefined],
    ['2026-11-24T00:02:08Z', undefined],
    ['2026-11-23T23:32:07Z', 'InvalidTimeStamp.Expired'],
    ['2026-11-24T00:02:09Z', 'InvalidTimeStamp.Expired'],
    ['Mon, 23 Nov 2026 23:47:08 GMT', 'IllegalTimestamp'],
    ['2026-13-23T23:47:08Z', 'IllegalTimestamp'],
  ])('takes dates within a quarter of an hour: %s', (date, refusal) => {
    expect(verify(sign(withHeaders({ 'x-acs-date': date })))).toEqual(
      refusal === undefined ? { identity: permanent } : { refusal },
    );
  });

  test.each([
    ['an unknown AccessKey', 'nobody', undefined, now, 'InvalidAccessKeyId.NotFound'],
    ['a disabled AccessKey', 'off', undefined, now, 'InvalidAccessKeyId.Inactive'],
    ['temporary credentials without their token', 'sts', undefined, now, 'MissingSecurityToken'],
    ['a wrong token', 'sts', 'nekot', now, 'InvalidSecurityToken.Malformed'],
    ['a token of someone else', 'ak', 'token', now, 'InvalidSecurityToken.Malformed'],
    ['an expired token', 'sts', 'token', new Date('2026-11-23T23:50:00Z'), 'InvalidSecurityToken.Expired'],
  ])('refuses %s', (_what, accessKeyId, token, at, refusal) => {
    const signed = sign(withHeaders({ 'x-acs-security-token': token }), { accessKeyId });
    expect(verify(signed, { now: at })).toEqual({ refusal });
  });
});

describe('the claimed AccessKey id', () => {
  test('is read without checking anything', () => {
    const signed = sign(request, { accessKeyId: 'nobody', secret: 'guess' });
    expect(claimedAccessKeyId(signed.headers['authorization'])).toBe('nobody');
    expect(claimedAccessKeyId('Basic YTpi')).toBeUndefined();
    expect(claimedAccessKeyId(undefined)).toBeUndefined();
  });
});

import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { acs3Signature, verifyAcs3, type SignedRequest } from './acs3.js';
import { ApiServer } from './api-server.js';
import { CertificateAuthority, type IssuedCertificate } from './certificate-authority.js';
import { journalVariable, leaksIn, noteKey, noteLeak, noteOutput } from './journal.js';

let authority: CertificateAuthority;
let client: IssuedCertificate;
beforeAll(async () => {
  authority = await CertificateAuthority.create({ name: 'a' });
  client = await authority.issue({ commonName: 'alice', chainLength: 3 });
});

describe('a signature', () => {
  const now = new Date('2026-11-23T23:47:08Z');
  const known = { accessKeyId: 'ak', accessKeySecret: 'sk' };
  const temporary = { ...known, accessKeyId: 'sts', securityToken: 'token' };
  /** The request of the check value in ens-api.md. */
  const request: SignedRequest = {
    method: 'POST',
    path: '/',
    query: Object.entries({ PrivateIpAddress: 'false', ClusterId: 'eck-1' }),
    headers: {
      host: '127.0.0.1:18080',
      'x-acs-version': '2017-11-10',
      'x-acs-action': 'DescribeClusterUserKubeconfig',
      'x-acs-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      'x-acs-credentials-provider': 'static_ak',
      'x-acs-date': '2026-11-23T23:47:08Z',
      'x-acs-signature-nonce': '5d484962db428e9101558db8d86a74d4',
    },
  };
  const names = Object.keys(request.headers);
  const withToken = { 'x-acs-security-token': 'token' };

  function sign(headers: Record<string, string> = {}, accessKeyId = 'ak', without = '', secret = 'sk') {
    const all = { ...request.headers, ...headers };
    const signedHeaders = Object.keys(all).filter((name) => name !== without);
    const signature = acs3Signature({ ...request, headers: all }, signedHeaders, secret);
    const fields = `Credential=${accessKeyId},SignedHeaders=${signedHeaders.join(';')},Signature=${signature}`;
    return { ...request, headers: { ...all, authorization: `ACS3-HMAC-SHA256 ${fields}` } };
  }

  function verify(signed: SignedRequest, usedNonces = new Set<string>(), body = '') {
    const identityOf = (id: string) => [known, temporary].find((one) => one.accessKeyId === id);
    return verifyAcs3(signed, Buffer.from(body), identityOf, usedNonces, now);
  }

  test('is accepted once, for its body', () => {
    const usedNonces = new Set<string>();
    expect(verify(sign(), usedNonces, 'body')).toEqual({ refusal: 'SignatureDoesNotMatch' });
    expect(verify(sign(), usedNonces)).toEqual({ identity: known });
    expect(verify(sign(), usedNonces)).toEqual({ refusal: 'SignatureNonceUsed' });
    expect(verify(sign(withToken, 'sts'))).toEqual({ identity: temporary });
  });

  const changedHeader = { ...sign().headers, 'x-acs-action': 'DescribeClustersV1' };
  test.each([
    ['a wrong secret', sign({}, 'ak', '', 'guess'), 'SignatureDoesNotMatch'],
    ['a changed parameter', { ...sign(), query: [['ClusterId', 'eck-2']] as const }, 'SignatureDoesNotMatch'],
    ['a changed header', { ...sign(), headers: changedHeader }, 'SignatureDoesNotMatch'],
    ['no signature', request, 'IncompleteSignature'],
    ['an unknown AccessKey', sign({}, 'stranger'), 'InvalidAccessKeyId.NotFound'],
    ['an old date', sign({ 'x-acs-date': '2026-11-23T23:32:07Z' }), 'InvalidTimeStamp.Expired'],
    ['a date in the future', sign({ 'x-acs-date': '2026-11-24T00:02:09Z' }), 'InvalidTimeStamp.Expired'],
    ['no token', sign({}, 'sts'), 'MissingSecurityToken'],
    ['a token of another identity', sign(withToken), 'InvalidSecurityToken.Malformed'],
    ...names.map((name) => [`an unsigned ${name}`, sign({}, 'ak', name), 'IncompleteSignature'] as const),
  ])('is refused with %s', (_, signed, refusal) => {
    expect(verify(signed)).toEqual({ refusal });
  });
});

test('an API server rejects certificates that have expired, are of another authority, or were revoked', async () => {
  const api = await ApiServer.start({ authority, clusterId: 'eck-1' });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = async (certificate: IssuedCertificate, of: Agent | false = false) => {
    const { certificatePem: cert, privateKeyPem: key } = certificate;
    const request = get(`${api.url}/version`, { agent: of, ca: authority.certificatePem, cert, key });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    await once(response.resume(), 'end');
    return response.statusCode;
  };
  try {
    expect(await ask(await authority.issue({ commonName: 'bob', notAfter: new Date(Date.now() - 60_000) }))).toBe(401);
    const stranger = await CertificateAuthority.create({ name: 'a' });
    expect(await ask(await stranger.issue({ commonName: 'bob' }))).toBe(401);
    expect(await ask(client, agent)).toBe(200);
    expect(api.requests.map(({ user }) => user)).toEqual([undefined, undefined, 'alice']);
    api.revoke(client.serialNumber);
    expect(await ask(client, agent)).toBe(401);
    expect(await ask(await authority.issue({ commonName: 'bob' }))).toBe(200);
  } finally {
    agent.destroy();
    await api.stop();
  }
});

describe('the search for leaked keys', () => {
  const suite = process.env[journalVariable];
  let journal: string;
  let place: string;
  beforeEach(() => {
    // Not a name that the search at the end of the suite finds.
    journal = mkdtempSync(join(tmpdir(), 'leak-on-purpose-'));
    place = join(journal, 'place');
    mkdirSync(place);
    process.env[journalVariable] = journal;
    noteKey(client.privateKeyPem);
  });
  afterEach(() => {
    process.env[journalVariable] = suite;
    rmSync(journal, { recursive: true });
  });

  test('finds PEM, its base64, DER and JSON in files, a key on standard error, and what a sandbox found', async () => {
    const { privateKeyPem: key } = client;
    const base64 = Buffer.from(key).toString('base64');
    const der = Buffer.from(key.replace(/-----[^-]+-----|\n/g, ''), 'base64');
    const files = [key, base64, der, JSON.stringify({ key })].map((form, index) => {
      writeFileSync(join(place, `file-${index}`), form);
      return join(place, `file-${index}`);
    });
    writeFileSync(join(place, 'harmless'), 'harmless');
    expect((await leaksIn(journal, [place], true)).sort()).toEqual(files);
    noteOutput(`error: bad key ${base64}\n`);
    noteLeak('/home/someone/leak');
    expect(await leaksIn(journal, [], true)).toEqual(['/home/someone/leak', 'standard error of a program']);
  });

  test('fails where no key was issued', async () => {
    rmSync(join(journal, 'keys'));
    await expect(leaksIn(journal, [place], true)).rejects.toThrow('no key was issued');
  });
});

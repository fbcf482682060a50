import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { acs3Signature, verifyAcs3, type SignedRequest } from './acs3.js';
import { ApiServer } from './api-server.js';
import { CertificateAuthority, type IssuedCertificate } from './certificate-authority.js';
import { EnsServer } from './ens-server.js';
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
  const expired = { ...temporary, accessKeyId: 'old', securityTokenExpiresAt: now };
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
    const identityOf = (id: string) => [known, temporary, expired].find((one) => one.accessKeyId === id);
    return verifyAcs3(signed, Buffer.from(body), identityOf, usedNonces, now);
  }

  test.each<[string, SignedRequest['query'], string]>([
    ['the check value', request.query, 'ecf5e933dd91773c56bcf3539861b5c95c7d0c7fe02e62784173aa846c3c5c79'],
    // Computed with Python.
    [
      'percent-encoding as in RFC 3986',
      [['Name', "ä b+c!'()*~/&=%"]],
      '1e95ed7433b7d5545217eefeaaf17316c789873fefb38da5db8fdf3ea0d63169',
    ],
  ])('has %s', (_, query, signature) => {
    expect(acs3Signature({ ...request, query }, names, 'sk')).toBe(signature);
  });

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
    ['a changed method', { ...sign(), method: 'GET' }, 'SignatureDoesNotMatch'],
    ['a changed path', { ...sign(), path: '/x' }, 'SignatureDoesNotMatch'],
    ['a changed header', { ...sign(), headers: changedHeader }, 'SignatureDoesNotMatch'],
    ['no signature', request, 'IncompleteSignature'],
    ['an unknown AccessKey', sign({}, 'stranger'), 'InvalidAccessKeyId.NotFound'],
    ['an old date', sign({ 'x-acs-date': '2026-11-23T23:32:07Z' }), 'InvalidTimeStamp.Expired'],
    ['a date in the future', sign({ 'x-acs-date': '2026-11-24T00:02:09Z' }), 'InvalidTimeStamp.Expired'],
    ['another form of date', sign({ 'x-acs-date': now.toUTCString() }), 'IllegalTimestamp'],
    ['no token', sign({}, 'sts'), 'MissingSecurityToken'],
    ['a token of another identity', sign(withToken), 'InvalidSecurityToken.Malformed'],
    ['a token that has expired', sign(withToken, 'old'), 'InvalidSecurityToken.Expired'],
    ...names.map((name) => [`an unsigned ${name}`, sign({}, 'ak', name), 'IncompleteSignature'] as const),
  ])('is refused with %s', (_, signed, refusal) => {
    expect(verify(signed)).toEqual({ refusal });
  });
});

describe('an API server', () => {
  let api: ApiServer;
  beforeEach(async () => {
    api = await ApiServer.start({ authority, clusterId: 'eck-1' });
  });
  afterEach(() => api.stop());

  /** @returns the status of an answer */
  function ask(certificate?: IssuedCertificate, agent: Agent | false = false): Promise<number | undefined> {
    const { certificatePem: cert, privateKeyPem: key } = certificate ?? {};
    return new Promise((resolve, reject) => {
      get(`${api.url}/version`, { agent, ca: authority.certificatePem, cert, key }, (response) => {
        response.resume().on('end', () => {
          resolve(response.statusCode);
        });
      }).on('error', reject);
    });
  }

  const hourFromNow = (hours: number) => new Date(Date.now() + hours * 3_600_000);
  const one = { commonName: 'alice' };
  test.each<[string, () => Promise<IssuedCertificate> | undefined]>([
    ['no certificate', () => undefined],
    ['one that has expired', () => authority.issue({ ...one, notAfter: hourFromNow(-0.01) })],
    ['one that is not valid yet', () => authority.issue({ ...one, notBefore: hourFromNow(1) })],
    ['one for servers', () => authority.issue({ ...one, usage: 'server' })],
    ['one of another authority', async () => (await CertificateAuthority.create({ name: 'a' })).issue(one)],
  ])('rejects %s', async (_, issue) => {
    expect(await ask(await issue())).toBe(401);
    expect(api.requests).toMatchObject([{ status: 401, user: undefined }]);
  });

  test('rejects a certificate as soon as it is revoked, and no other', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect(await ask(client, agent)).toBe(200);
    expect(api.requests).toMatchObject([{ user: 'alice', serialNumber: client.serialNumber }]);
    api.revoke(client.serialNumber);
    expect(await ask(client, agent)).toBe(401);
    agent.destroy();
    expect(await ask(await authority.issue(one))).toBe(200);
  });
});

describe('ENS', () => {
  let ens: EnsServer;
  beforeEach(async () => {
    ens = await EnsServer.start();
  });
  afterEach(() => ens.stop());
  /** @returns the status and the body of an answer to a call that is not signed */
  const ask = async (action: string): Promise<string> => {
    const headers = { 'x-acs-action': action, 'x-acs-version': '2017-11-10' };
    const response = await fetch(ens.endpoint, { method: 'POST', headers });
    return `${response.status} ${await response.text()}`;
  };

  test('uses faults in order, for their action', async () => {
    ens.failNext(1, { kind: 'garbage' });
    ens.failNext(1, { kind: 'empty' }, { action: 'DescribeClusterDetail' });
    await ask('DescribeClustersV1');
    expect(await ask('DescribeClustersV1')).toMatch(/^400 .*"Code":"IncompleteSignature"/);
    await ask('DescribeClusterDetail');
    expect(ens.log.map(({ outcome }) => outcome)).toEqual(['garbage', 'IncompleteSignature', 'empty']);
  });
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

  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  test('finds PEM, its base64, DER and JSON in files', async () => {
    const { privateKeyPem: key } = client;
    const der = Buffer.from(key.replace(/-----[^-]+-----|\n/g, ''), 'base64');
    writeFileSync(join(place, 'harmless'), 'harmless');
    const forms = [key, base64(key), der, JSON.stringify({ key })];
    const files = forms.map((_, index) => join(place, `file-${index}`));
    for (const [index, form] of forms.entries()) writeFileSync(join(place, `file-${index}`), form);
    expect((await leaksIn(journal, [place], true)).sort()).toEqual(files);
  });

  test('finds a key on standard error, and reports what a sandbox found', async () => {
    noteOutput(`error: bad key ${base64(client.privateKeyPem)}\n`);
    noteLeak('/home/someone/leak');
    const leaks = ['/home/someone/leak', 'standard error of a program'];
    expect(await leaksIn(journal, [place], true)).toEqual(leaks);
  });

  test('fails where no key was issued', async () => {
    rmSync(join(journal, 'keys'));
    await expect(leaksIn(journal, [place], true)).rejects.toThrow('no key was issued');
  });
});

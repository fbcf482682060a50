import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { certificateSubject, checkClientCredential, readCertificates } from '../../src/credential/check.js';
import { certificatePem, privateKeyPem, toPem } from '../../src/credential/client-credential.js';
import { outcomeOf } from '../fuzz/property.js';
import type { CertificateRequest, IssuedCertificate } from '../support/certificate-authority.js';
import { CertificateAuthority } from '../support/certificate-authority.js';

let authority: CertificateAuthority;
let good: IssuedCertificate;
let other: IssuedCertificate;
const now = new Date();
const invalid = expect.objectContaining({ code: 'issued-kubeconfig-invalid' }) as unknown as Error;

beforeAll(async () => {
  authority = await CertificateAuthority.create({ name: 'kubernetes' });
  good = await issue({ organizations: ['system:masters'] });
  other = await issue({ commonName: 'someone else' });
});

function issue(request: Partial<CertificateRequest>): Promise<IssuedCertificate> {
  return authority.issue({ commonName: 'someone', ...request });
}

function check(issued: Partial<Pick<IssuedCertificate, 'certificatePem' | 'privateKeyPem'>>, at = now) {
  const pem = { ...good, ...issued };
  return checkClientCredential({ certificate: pem.certificatePem, privateKey: pem.privateKeyPem }, at);
}

test.each<Partial<CertificateRequest>>([
  { key: 'p-256', encoding: 'sec1-with-parameters' },
  { key: 'rsa-2048', encoding: 'pkcs1' },
  { chainLength: 3 },
])('a credential is made of PEM as it was issued: %j', async (request) => {
  const issued = await issue(request);
  const credential = check(issued);
  expect(certificatePem(credential)).toBe(issued.certificatePem);
  // Without the parameters before the key.
  expect(privateKeyPem(credential)).toBe(issued.privateKeyPem.replace(/[^]*PARAMETERS-----\n/, ''));
  const { notBefore, notAfter } = issued;
  expect(credential).toMatchObject({ notBefore, notAfter, fetchedAt: now });
  expect(credential.certificates).toHaveLength(request.chainLength ?? 1);
});

describe('the dates', () => {
  test('of the leaf decide, until the very end', () => {
    const end = good.notAfter.getTime();
    expect(check({}, new Date(end - 1)).notAfter).toEqual(good.notAfter);
    expect(() => check({}, new Date(end))).toThrow(invalid);
    expect(check({}, new Date(good.notBefore.getTime() - 86_400_000)).notBefore).toEqual(good.notBefore);
  });

  test('of an expired leaf are reported, with its subject', async () => {
    const [notBefore, notAfter] = [new Date('2026-02-01T12:00:00Z'), new Date('2026-03-01T12:00:00Z')];
    const issued = await issue({ organizations: ['system:masters'], chainLength: 3, notBefore, notAfter });
    const message = /O=system:masters, CN=someone expired at 2026-03-01T12:00:00.000Z/;
    expect(() => check(issued, new Date('2026-03-02'))).toThrow(message);
  });
});

describe('refused, without any part of the key in the message, is', () => {
  const passphrase = 'open sesame';
  const cipher = { format: 'pem', cipher: 'aes-256-cbc', passphrase } as const;
  const publicKeyEncoding = { type: 'spki', format: 'pem' } as const;
  const encrypt = (type: 'pkcs1' | 'pkcs8'): string => {
    const privateKeyEncoding = { type, ...cipher };
    const options = { modulusLength: 2048, publicKeyEncoding, privateKeyEncoding };
    return generateKeyPairSync('rsa', options).privateKey;
  };
  const encrypted = encrypt('pkcs8');
  const legacyEncrypted = encrypt('pkcs1');
  const derOf = (pem: string): Buffer => Buffer.from(pem.replace(/-----[^-]+-----|\n/g, ''), 'base64');
  const without3rdLine = (pem: string): string => pem.replace(/^([^\n]*\n[^\n]*\n)[^\n]*\n/, '$1');
  const relabel = (label: string): string => toPem(label, derOf(good.privateKeyPem));
  const longer = (by: number): string =>
    toPem('PRIVATE KEY', Buffer.concat([derOf(good.privateKeyPem), Buffer.alloc(by, 7)]));
  const publicKey = (): string =>
    new X509Certificate(good.certificatePem).publicKey.export(publicKeyEncoding).toString();

  test.each<[string, () => string]>([
    ["another certificate's key", () => other.privateKeyPem],
    ['no key', () => ''],
    ['a certificate as key', () => good.certificatePem],
    ['a public key', publicKey],
    ['a key that is cut', () => without3rdLine(good.privateKeyPem)],
    ['a key with a byte after it', () => longer(1)],
    ['a key with much after it', () => longer(5000)],
    ['a key with the label of another encoding', () => relabel('RSA PRIVATE KEY')],
    ['a key of an unknown kind', () => relabel('OPENSSH PRIVATE KEY')],
    ['two keys', () => good.privateKeyPem + other.privateKeyPem],
    ['one key twice', () => good.privateKeyPem + good.privateKeyPem],
    ['an encrypted key', () => encrypted],
    ['a key encrypted in the old way', () => legacyEncrypted],
  ])('%s', (_, key) => {
    expectRefusal({ privateKeyPem: key() });
  });

  test.each<[string, () => string]>([
    ['no certificate', () => ''],
    ['a key as certificate', () => good.privateKeyPem],
    ['a certificate that is cut', () => without3rdLine(good.certificatePem)],
    ['a certificate of other bytes', () => toPem('CERTIFICATE', Buffer.from('no DER'))],
    ['a chain with its leaf last', () => other.certificatePem + good.certificatePem],
    ['a chain with a damaged certificate', () => good.certificatePem + without3rdLine(other.certificatePem)],
    ['a chain of eleven', () => good.certificatePem + other.certificatePem.repeat(10)],
  ])('%s', (_, certificate) => {
    expectRefusal({ certificatePem: certificate() });
  });

  function expectRefusal(pem: Parameters<typeof check>[0]): void {
    const keys = [good.privateKeyPem, other.privateKeyPem, encrypted, legacyEncrypted];
    const { error } = outcomeOf(['issued-kubeconfig-invalid'], () => check(pem));
    const message = String(error?.message);
    for (const body of keys.map((key) => key.replace(/-----.*-----|\n/g, ''))) {
      const parts = Array.from({ length: body.length - 7 }, (_, start) => body.slice(start, start + 8));
      expect(parts.filter((part) => message.includes(part))).toEqual([]);
    }
    expect(error).toBeDefined();
  }
});

test('a subject is one line without control characters', async () => {
  expect(certificateSubject(check({}))).toBe('O=system:masters, CN=someone');
  const odd = check(await issue({ commonName: 'some\u001b[31m\u202eone\nCN=admin' }));
  expect(certificateSubject(odd)).not.toMatch(/[\p{Cc}\u202e]/u);
});

test('up to ten certificates are read in order, without other blocks', () => {
  const pem = `${good.certificatePem}${good.privateKeyPem}text\n${authority.certificatePem}`;
  const subjects = readCertificates(pem).map(({ subject }) => subject);
  expect(subjects).toEqual(['O=system:masters\nCN=someone', 'CN=kubernetes']);
  expect(readCertificates(good.certificatePem.repeat(10))).toHaveLength(10);
  expect(() => readCertificates(good.certificatePem.repeat(11))).toThrow(invalid);
});

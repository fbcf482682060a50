import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { certificateSubject, checkClientCredential, readCertificates } from '../../src/credential/check.js';
import { certificatePem, privateKeyPem, toPem } from '../../src/credential/client-credential.js';
import { EckError } from '../../src/errors.js';
import {
  CertificateAuthority,
  type CertificateRequest,
  type IssuedCertificate,
} from '../support/certificate-authority.js';

let authority: CertificateAuthority;
let good: IssuedCertificate;
let other: IssuedCertificate;
const now = new Date();

beforeAll(async () => {
  authority = await CertificateAuthority.create({ name: 'kubernetes' });
  good = await authority.issue({ commonName: 'someone', organizations: ['system:masters'] });
  other = await authority.issue({ commonName: 'somebody else' });
});

const invalid = expect.objectContaining({ code: 'issued-kubeconfig-invalid' }) as unknown as Error;

function check(pem: { certificate?: string; privateKey?: string }, at = now) {
  return checkClientCredential(
    { certificate: good.certificatePem, privateKey: good.privateKeyPem, ...pem },
    at,
  );
}

describe('a client credential', () => {
  test.each<Partial<CertificateRequest>>([
    { key: 'p-256', encoding: 'pkcs8' },
    { key: 'p-256', encoding: 'sec1' },
    { key: 'p-256', encoding: 'sec1-with-parameters' },
    { key: 'p-384', encoding: 'sec1' },
    { key: 'rsa-2048', encoding: 'pkcs8' },
    { key: 'rsa-2048', encoding: 'pkcs1' },
    { chainLength: 3 },
  ])('is made of PEM as it was issued: %j', async (request) => {
    const issued = await authority.issue({ commonName: 'someone', ...request });
    const credential = check({ certificate: issued.certificatePem, privateKey: issued.privateKeyPem });
    expect(certificatePem(credential)).toBe(issued.certificatePem);
    expect(createPrivateKey(privateKeyPem(credential)).equals(createPrivateKey(issued.privateKeyPem))).toBe(
      true,
    );
    expect(credential.certificates).toHaveLength(request.chainLength ?? 1);
    expect(credential).toMatchObject({
      notBefore: issued.notBefore,
      notAfter: issued.notAfter,
      fetchedAt: now,
    });
  });

  test('keeps the key without the parameters that stand before it', async () => {
    const issued = await authority.issue({ commonName: 'someone', encoding: 'sec1-with-parameters' });
    const credential = check({ certificate: issued.certificatePem, privateKey: issued.privateKeyPem });
    expect(credential.privateKey.label).toBe('EC PRIVATE KEY');
    expect(issued.privateKeyPem.endsWith(privateKeyPem(credential))).toBe(true);
    expect(privateKeyPem(credential)).not.toContain('PARAMETERS');
  });

  test('is good until the very end of its certificate', () => {
    const end = good.notAfter.getTime();
    expect(check({}, new Date(end - 1)).notAfter).toEqual(good.notAfter);
    expect(() => check({}, new Date(end))).toThrow(invalid);
    expect(() => check({}, new Date(end + 1))).toThrow(invalid);
  });

  test('that has expired is refused with whose it is and when it ended', async () => {
    const notAfter = new Date('2026-03-01T12:00:00Z');
    const issued = await authority.issue({
      commonName: 'someone',
      organizations: ['system:masters'],
      notBefore: new Date('2026-02-01T12:00:00Z'),
      notAfter,
    });
    const pem = { certificate: issued.certificatePem, privateKey: issued.privateKeyPem };
    const message = refusalOf(pem, new Date('2026-03-02'));
    expect(message).toContain('O=system:masters, CN=someone');
    expect(message).toContain('2026-03-01T12:00:00.000Z');
  });

  test('that is not valid yet passes, since it may be the clock that is wrong', () => {
    expect(check({}, new Date(good.notBefore.getTime() - 86_400_000)).notBefore).toEqual(good.notBefore);
  });

  test('is judged by its leaf, not by the chain above it', async () => {
    const issued = await authority.issue({
      commonName: 'someone',
      chainLength: 3,
      notAfter: new Date(now.getTime() - 60_000),
    });
    expect(() => check({ certificate: issued.certificatePem, privateKey: issued.privateKeyPem })).toThrow(
      invalid,
    );
  });
});

describe('refused, without any part of the key in the message, is', () => {
  const passphrase = 'open sesame';
  const encrypted = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase },
  }).privateKey;
  const legacyEncrypted = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem', cipher: 'aes-256-cbc', passphrase },
  }).privateKey;
  const cut = (pem: string): string => {
    const lines = pem.split('\n');
    return [...lines.slice(0, 2), ...lines.slice(3)].join('\n');
  };

  test.each<[string, () => { certificate?: string; privateKey?: string }]>([
    ["somebody else's key", () => ({ privateKey: other.privateKeyPem })],
    ['a key that is not there', () => ({ privateKey: '' })],
    ['a certificate in place of the key', () => ({ privateKey: good.certificatePem })],
    ['a public key in place of the key', () => ({ privateKey: publicKeyOf(good) })],
    ['a key without its PEM', () => ({ privateKey: derOf(good.privateKeyPem).toString('base64') })],
    ['a key in DER', () => ({ privateKey: derOf(good.privateKeyPem).toString('latin1') })],
    ['a key that is cut', () => ({ privateKey: cut(good.privateKeyPem) })],
    ['a key without its last line', () => ({ privateKey: good.privateKeyPem.replace(/-----END[^]*/, '') })],
    ['a key with a byte after it', () => ({ privateKey: longer(good.privateKeyPem, 1) })],
    ['a key with much after it', () => ({ privateKey: longer(good.privateKeyPem, 5000) })],
    ['a key under the label of another encoding', () => ({ privateKey: relabel('RSA PRIVATE KEY') })],
    ['a key of an unknown kind', () => ({ privateKey: relabel('OPENSSH PRIVATE KEY') })],
    ['two keys', () => ({ privateKey: good.privateKeyPem + other.privateKeyPem })],
    ['the same key twice', () => ({ privateKey: good.privateKeyPem + good.privateKeyPem })],
    ['an encrypted key', () => ({ privateKey: encrypted })],
    ['a key encrypted in the old way', () => ({ privateKey: legacyEncrypted })],
    ['a certificate that is not there', () => ({ certificate: '' })],
    ['a key in place of the certificate', () => ({ certificate: good.privateKeyPem })],
    ['a certificate that is cut', () => ({ certificate: cut(good.certificatePem) })],
    ['a certificate that is none', () => ({ certificate: toPem('CERTIFICATE', Buffer.from('no DER')) })],
    ['a chain with its leaf last', () => ({ certificate: other.certificatePem + good.certificatePem })],
    [
      'a chain with something else in it',
      () => ({ certificate: good.certificatePem + cut(other.certificatePem) }),
    ],
    ['a chain of eleven', () => ({ certificate: good.certificatePem + other.certificatePem.repeat(10) })],
  ])('%s', (_, change) => {
    const pem = change();
    const message = refusalOf(pem);
    for (const key of [good.privateKeyPem, other.privateKeyPem, encrypted, legacyEncrypted]) {
      for (const line of key.split('\n').filter((text) => !text.startsWith('---') && text.length > 8)) {
        for (let start = 0; start + 8 <= line.length; start += 1) {
          expect(message).not.toContain(line.slice(start, start + 8));
        }
      }
    }
  });

  function publicKeyOf({ certificatePem: pem }: IssuedCertificate): string {
    return new X509Certificate(pem).publicKey.export({ format: 'pem', type: 'spki' }).toString();
  }

  function longer(pem: string, by: number): string {
    return toPem('PRIVATE KEY', Buffer.concat([derOf(pem), Buffer.alloc(by, 7)]));
  }

  function relabel(label: string): string {
    return toPem(label, derOf(good.privateKeyPem));
  }
});

describe('the subject of a certificate', () => {
  test('is written in one line', () => {
    expect(certificateSubject(check({}))).toBe('O=system:masters, CN=someone');
  });

  test('is shown without control characters', async () => {
    const issued = await authority.issue({ commonName: 'some\u001b[31m\u202eone\nCN=admin' });
    const subject = certificateSubject(
      check({ certificate: issued.certificatePem, privateKey: issued.privateKeyPem }),
    );
    // eslint-disable-next-line no-control-regex
    expect(subject).not.toMatch(/[\u0000-\u001f\u202e]/);
  });
});

describe('certificates', () => {
  test('are read in their order, and other blocks are left out', () => {
    const pem = `${good.certificatePem}${good.privateKeyPem}text\n${authority.certificatePem}`;
    expect(readCertificates(pem).map(({ subject }) => subject)).toEqual([
      'O=system:masters\nCN=someone',
      'CN=kubernetes',
    ]);
  });

  test('can be ten, and not more', () => {
    expect(readCertificates(good.certificatePem.repeat(10))).toHaveLength(10);
    expect(() => readCertificates(good.certificatePem.repeat(11))).toThrow(invalid);
  });
});

function refusalOf(pem: { certificate?: string; privateKey?: string }, at = now): string {
  try {
    check(pem, at);
  } catch (error) {
    expect(error).toBeInstanceOf(EckError);
    expect(error).toMatchObject({ code: 'issued-kubeconfig-invalid' });
    return (error as EckError).message;
  }
  throw new Error('it was taken');
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----|\n/g, ''), 'base64');
}

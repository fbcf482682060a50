import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkClientCredential } from '../../src/credential/check.js';
import {
  certificatePem,
  privateKeyPem,
  readPemBlocks,
  toPem,
} from '../../src/credential/client-credential.js';
import { CertificateAuthority } from '../support/certificate-authority.js';

const bytes = Buffer.from('0123456789abcdef'.repeat(8), 'hex');
const block = { label: 'CERTIFICATE', der: bytes };

describe('a PEM block', () => {
  test.each([
    ['nothing', Buffer.alloc(0), '-----BEGIN X-----\n-----END X-----\n'],
    ['one byte', Buffer.from([0]), '-----BEGIN X-----\nAA==\n-----END X-----\n'],
    ['just one line', Buffer.alloc(48), `-----BEGIN X-----\n${'A'.repeat(64)}\n-----END X-----\n`],
    [
      'one byte more than a line',
      Buffer.alloc(49),
      `-----BEGIN X-----\n${'A'.repeat(64)}\nAA==\n-----END X-----\n`,
    ],
  ])('of %s is written in lines of 64 characters', (_, der, expected) => {
    expect(toPem('X', der)).toBe(expected);
  });

  test('is written from a part of a larger buffer', () => {
    const whole = Uint8Array.of(9, 9, 1, 2, 3, 9, 9);
    expect(toPem('X', whole.subarray(2, 5))).toBe(toPem('X', Buffer.from([1, 2, 3])));
  });

  test('is read as it was written', () => {
    const label = fc.constantFrom('CERTIFICATE', 'PRIVATE KEY', 'EC PRIVATE KEY', 'X509 CRL');
    const blocks = fc.array(fc.record({ label, der: fc.uint8Array({ maxLength: 200 }) }), { maxLength: 5 });
    fc.assert(
      fc.property(blocks, (written) => {
        const read = readPemBlocks(written.map(({ label, der }) => toPem(label, der)).join(''));
        expect(read.map(({ label, der }) => ({ label, der: [...der] }))).toEqual(
          written.map(({ label, der }) => ({ label, der: [...der] })),
        );
      }),
    );
  });
});

describe('PEM blocks are read', () => {
  const pem = toPem('CERTIFICATE', bytes);

  test.each([
    ['with nothing else around', pem],
    ['with Windows line ends', pem.replaceAll('\n', '\r\n')],
    ['without a line end after the last one', pem.trimEnd()],
    ['with text before and after', `Subject: CN=someone\n\n${pem}\n# a comment\n`],
    ['with blanks at the ends of lines', pem.replaceAll('\n', ' \t\n')],
    ['with all of the base64 in one line', pem.replace(/(?<=[A-Za-z0-9+/=])\n(?=[A-Za-z0-9+/=])/g, '')],
  ])('%s', (_, text) => {
    expect(readPemBlocks(text)).toEqual([block]);
  });

  test('in their order', () => {
    const text = [1, 2, 3].map((byte) => toPem(`KIND ${byte}`, Uint8Array.of(byte))).join('text\n');
    expect(readPemBlocks(text)).toEqual(
      [1, 2, 3].map((byte) => ({ label: `KIND ${byte}`, der: Buffer.from([byte]) })),
    );
  });

  test.each([
    ['nothing', ''],
    ['no PEM', 'just a text'],
    ['bare base64', bytes.toString('base64')],
    ['a block that is cut off', pem.slice(0, -30)],
    ['a block without its beginning', pem.slice(30)],
    ['an end of another label', pem.replace('END CERTIFICATE', 'END PRIVATE KEY')],
    ['headers', pem.replace('-----\n', '-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n')],
    ['what is not base64', pem.replace('ASNF', 'ASN*')],
    ['a label in small letters', pem.replaceAll('CERTIFICATE', 'certificate')],
    ['four dashes', pem.replaceAll('-----', '----')],
  ])('and none of them in %s', (_, text) => {
    expect(readPemBlocks(text)).toEqual([]);
  });

  test('after one that is cut off', () => {
    expect(readPemBlocks(`-----BEGIN CERTIFICATE-----\nAAAA\n${pem}`)).toEqual([block]);
  });

  test.each([
    ['beginnings', '-----BEGIN CERTIFICATE-----\n'],
    ['dashes', '-'],
    ['beginnings and base64', `-----BEGIN X-----${'A'.repeat(1000)}`],
  ])('of a megabyte of %s in no time', (_, piece) => {
    const text = piece.repeat(Math.ceil((1024 * 1024) / piece.length));
    const began = performance.now();
    expect(readPemBlocks(text)).toEqual([]);
    expect(performance.now() - began).toBeLessThan(5000);
  });
});

describe('the PEM of a client credential', () => {
  test('is its chain, the leaf first, and its key, as they were issued', async () => {
    const authority = await CertificateAuthority.create({ name: 'pem-test' });
    const issued = await authority.issue({ commonName: 'someone', encoding: 'sec1', chainLength: 3 });
    const credential = checkClientCredential(
      { certificate: issued.certificatePem, privateKey: issued.privateKeyPem },
      new Date(),
    );
    expect(certificatePem(credential)).toBe(issued.certificatePem);
    expect(privateKeyPem(credential)).toBe(issued.privateKeyPem);
  });

  test('is what OpenSSL reads', async () => {
    const authority = await CertificateAuthority.create({ name: 'pem-test' });
    const issued = await authority.issue({ commonName: 'someone' });
    const credential = checkClientCredential(
      { certificate: issued.certificatePem, privateKey: issued.privateKeyPem },
      new Date(),
    );
    const certificate = new X509Certificate(certificatePem(credential));
    expect(certificate.serialNumber).toBe(issued.serialNumber);
    expect(certificate.checkPrivateKey(createPrivateKey(privateKeyPem(credential)))).toBe(true);
  });

  test('holds the bytes of the key, whatever they are, under its label', () => {
    const der = randomBytes(100);
    const credential = {
      certificates: [bytes] as const,
      privateKey: { label: 'RSA PRIVATE KEY' as const, der },
      notBefore: new Date(0),
      notAfter: new Date(1),
      fetchedAt: new Date(0),
    };
    expect(readPemBlocks(privateKeyPem(credential))).toEqual([{ label: 'RSA PRIVATE KEY', der }]);
  });
});

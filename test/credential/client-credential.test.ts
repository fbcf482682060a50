import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readPemBlocks, toPem } from '../../src/credential/client-credential.js';
import { holds } from '../fuzz/property.js';

const der = Buffer.from('0123456789abcdef'.repeat(8), 'hex');
const pem = toPem('CERTIFICATE', der);

test.each([
  [0, ''],
  [1, 'AA==\n'],
  [48, `${'A'.repeat(64)}\n`],
  [49, `${'A'.repeat(64)}\nAA==\n`],
])('a PEM block of %d bytes has lines of 64 characters', (length, lines) => {
  const part = Buffer.alloc(length + 4).subarray(2, 2 + length);
  expect(toPem('X', part)).toBe(`-----BEGIN X-----\n${lines}-----END X-----\n`);
});

test('PEM blocks are read as they were written, in order, with text between them', () => {
  const label = fc.constantFrom('CERTIFICATE', 'PRIVATE KEY', 'EC PRIVATE KEY', 'X509 CRL');
  const blocks = fc.array(fc.record({ label, der: fc.uint8Array({ maxLength: 200 }) }), { maxLength: 5 });
  holds(fc.tuple(blocks, fc.constantFrom('', 'text\n', '\r\n')), ([written, between]) => {
    const text = written.map((block) => toPem(block.label, block.der)).join(between);
    expect(readPemBlocks(text)).toEqual(written.map((block) => ({ ...block, der: Buffer.from(block.der) })));
  });
});

test.each([
  ['Windows line ends', pem.replaceAll('\n', '\r\n')],
  ['no line end after the last line', pem.trimEnd()],
  ['text before and after', `Subject: CN=someone\n\n${pem}\n# a comment\n`],
  ['blanks at line ends', pem.replaceAll('\n', ' \t\n')],
  ['one line of base64', pem.replace(/(?<=[A-Za-z0-9+/=])\n(?=[A-Za-z0-9+/=])/g, '')],
  ['a block before it that is cut off', `-----BEGIN CERTIFICATE-----\nAAAA\n${pem}`],
])('a PEM block with %s is read', (_, text) => {
  expect(readPemBlocks(text)).toEqual([{ label: 'CERTIFICATE', der }]);
});

test.each([
  ['no PEM', 'just a text'],
  ['bare base64', der.toString('base64')],
  ['a block that is cut off', pem.slice(0, -30)],
  ['a block without its beginning', pem.slice(30)],
  ['an end with another label', pem.replace('END CERTIFICATE', 'END PRIVATE KEY')],
  ['headers', pem.replace('-----\n', '-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n')],
  ['something else than base64', pem.replace('ASNF', 'ASN*')],
  ['a label in small letters', pem.replaceAll('CERTIFICATE', 'certificate')],
  ['four dashes', pem.replaceAll('-----', '----')],
  ['a megabyte of beginnings', '-----BEGIN CERTIFICATE-----\n'.repeat(40_000)],
  ['a megabyte of dashes', '-'.repeat(1_000_000)],
  ['a megabyte of base64', `-----BEGIN X-----${'A'.repeat(1000)}`.repeat(1000)],
])('%s is not a PEM block', (_, text) => {
  const start = performance.now();
  expect(readPemBlocks(text)).toEqual([]);
  expect(performance.now() - start).toBeLessThan(5000);
});

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { certificatePem, privateKeyPem } from '../../src/credential/client-credential.js';
import { readIssuedKubeconfig } from '../../src/kubeconfig/issued.js';
import { base64, createFixtures, type Fixtures } from './credentials.js';
import { expectNoWarnings, holds, outcomeOf, runs } from './property.js';
import { anyText, anyValue, mutations, textMutations } from './values.js';

const timeoutMs = 180_000;
let fixtures: Fixtures;
let usable = 0;
expectNoWarnings();

beforeAll(async () => {
  fixtures = await createFixtures();
}, timeoutMs);

beforeEach(() => {
  usable = 0;
});

test(
  'any value is refused, or none',
  () => {
    holds(fc.oneof(anyValue, anyText, fc.array(anyValue), fc.json()), check);
  },
  timeoutMs,
);

test(
  'a kubeconfig with parts that are changed, missing, renamed, doubled or swapped',
  () => {
    holds(kubeconfigs(), ({ value }) => {
      check(value);
    });
    // The inputs are not all so broken that nothing but the first check is ever made.
    expect(usable).toBeGreaterThan(runs / 100);
  },
  timeoutMs,
);

test(
  'a kubeconfig as text that was changed',
  () => {
    // Writing YAML takes long, and what it is written from is not what this is about.
    const texts = fc.sample(kubeconfigs(1), { numRuns: 300, seed: 1 }).flatMap(({ value }) => {
      try {
        return [stringify(value, { lineWidth: 0 }), stringify(value), JSON.stringify(value, null, 2)];
      } catch {
        return [];
      }
    });
    const plain = base();
    const sound = [stringify(plain, { lineWidth: 0 }), stringify(plain), JSON.stringify(plain)];
    const text = fc.oneof(fc.constantFrom(...sound), fc.constantFrom(...texts));
    holds(
      fc
        .tuple(text, fc.array(textMutations(), { maxLength: 3 }))
        .map(([start, changes]) => changes.reduce((changed, change) => change(changed), start)),
      check,
    );
    expect(usable).toBeGreaterThan(runs / 100);
  },
  timeoutMs,
);

test.each([
  ['[', 1],
  ['[', 300],
  ['[', 5000],
  ['{a: ', 5000],
  ['- ', 5000],
  ['? ', 5000],
  ['&a ', 1000],
  ['! ', 1000],
  ['a:\n', 10_000],
  ['"', 30_000],
  ['|\n', 10_000],
  [' ', 200_000],
  ['\n', 200_000],
  ['#\n', 100_000],
  ['a: b\n', 3000],
  ['[{', 10_000],
  ['[]', 10_000],
  ['%YAML\n', 10_000],
  ['---\n', 10_000],
  ['...\n', 10_000],
  ['*a ', 10_000],
  ['[*a,', 5000],
])(
  '%j, %i times over',
  (piece, times) => {
    const start = performance.now();
    check(piece.repeat(times));
    check(`clusters: ${piece.repeat(times)}`);
    expect(performance.now() - start).toBeLessThan(20_000);
  },
  timeoutMs,
);

/** Either a credential that holds what its type promises, or the one error, which tells no secret. */
function check(config: unknown): void {
  const { keys, now } = fixtures;
  const { value } = outcomeOf(
    ['issued-kubeconfig-invalid'],
    () => readIssuedKubeconfig(config, 'eck-fuzz', now),
    keys,
  );
  if (value === undefined) return;
  usable += 1;
  const { cluster, credential } = value;
  const leaf = new X509Certificate(credential.certificates[0]);
  const isSound =
    new X509Certificate(certificatePem(credential)).raw.equals(leaf.raw) &&
    leaf.checkPrivateKey(createPrivateKey(privateKeyPem(credential))) &&
    new URL(cluster.server).protocol === 'https:' &&
    new X509Certificate(cluster.certificateAuthorityPem).raw.length > 0 &&
    credential.notAfter.getTime() === Date.parse(leaf.validTo) &&
    credential.notBefore.getTime() === Date.parse(leaf.validFrom) &&
    credential.notAfter > now &&
    credential.fetchedAt === now &&
    typeof (cluster.tlsServerName ?? '') === 'string' &&
    Object.keys(cluster).every((key) => ['server', 'certificateAuthorityPem', 'tlsServerName'].includes(key));
  if (!isSound) throw new Error(`not sound: ${JSON.stringify(value)}`);
}

function base(which = 0): Record<string, unknown> {
  const { authority, certificates } = fixtures;
  const certificate = certificates[which] ?? certificates[0];
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'kubernetes',
        cluster: {
          server: 'https://203.0.113.7:6443',
          'certificate-authority-data': base64(authority.certificatePem),
          'tls-server-name': 'kubernetes.default',
        },
      },
    ],
    users: [
      {
        name: 'user',
        user: {
          'client-certificate-data': base64(certificate.certificatePem),
          'client-key-data': base64(certificate.privateKeyPem),
        },
      },
    ],
    contexts: [{ name: 'eck', context: { cluster: 'kubernetes', user: 'user' } }],
    'current-context': 'eck',
    preferences: {},
  };
}

function kubeconfigs(mostChanges = 4): fc.Arbitrary<{ value: unknown }> {
  const keys = [
    ...[
      'name',
      'cluster',
      'clusters',
      'user',
      'users',
      'context',
      'contexts',
      'current-context',
      'exec',
      'server',
    ],
    ...[
      'client-certificate-data',
      'client-key-data',
      'certificate-authority-data',
      'tls-server-name',
      'token',
    ],
  ];
  const index = fc.nat(fixtures.certificates.length);
  const changes = fc.array(mutations(fc.oneof(anyValue, pem(), plausible), keys), { maxLength: mostChanges });
  // Wrapped, so that fast-check does not take a mapping that has a `then` or a `toString` for something else.
  return fc.tuple(index, changes).map(([which, all]) => ({
    value: all.reduce((value: unknown, change) => change(value), base(which)),
  }));
}

const plausible = fc.oneof(
  fc.constantFrom<unknown>('kubernetes', 'user', 'eck', 7, '7', 'https://[::1]:6443', 'http://203.0.113.7'),
  fc.constantFrom(
    'https://user:password@host',
    'https:x',
    'HTTPS://HOST',
    'https://x\n',
    'javascript:1',
    '//host',
  ),
  fc.webUrl().map((url): unknown => url),
);

/** Certificates and keys, as they were issued and mangled. */
function pem(): fc.Arbitrary<unknown> {
  const texts = fixtures.certificates.flatMap((one) => [
    one.certificatePem,
    one.privateKeyPem,
    one.certificatePem + one.privateKeyPem,
  ]);
  texts.push(fixtures.authority.certificatePem, texts.join(''));
  const mangle = fc.oneof(
    fc.constantFrom<((text: string) => string)[]>(
      ...[[(text: string) => text]],
      [(text) => text + text],
      [(text) => text.repeat(12)],
      [(text) => text.replaceAll('\n', '\r\n')],
      [(text) => text.replaceAll('\n', '')],
      [(text) => text.replaceAll('PRIVATE KEY', 'EC PRIVATE KEY')],
      [(text) => text.replaceAll('PRIVATE KEY', 'RSA PRIVATE KEY')],
      [(text) => text.replaceAll('PRIVATE KEY', 'ENCRYPTED PRIVATE KEY')],
      [(text) => text.replaceAll('PRIVATE KEY', 'ED25519 PRIVATE KEY')],
      [(text) => text.replaceAll('PRIVATE KEY', 'CERTIFICATE')],
      [(text) => text.replaceAll('CERTIFICATE', 'PRIVATE KEY')],
      [(text) => text.toLowerCase()],
      [(text) => text.split('\n').reverse().join('\n')],
      [(text) => text.replace(/-----.*-----/g, '')],
      [(text) => text.replace('\n', '\nProc-Type: 4,ENCRYPTED\n\n')],
    ),
    fc.array(
      textMutations(['-----BEGIN PRIVATE KEY-----', '-----END CERTIFICATE-----\n', 'A', '=', '\n', '\0']),
      {
        minLength: 1,
        maxLength: 2,
      },
    ),
  );
  const encode = fc.constantFrom<((text: string) => unknown)[]>(
    [base64],
    [base64],
    [base64],
    [(text: string) => base64(base64(text))],
    [(text: string) => text],
    [(text: string) => base64(text).replaceAll('+', '-').replaceAll('/', '_')],
    [(text: string) => base64(text).replace(/.{64}/g, '$&\n')],
    [(text: string) => base64(text).slice(0, -7)],
    [(text: string) => Buffer.from(text)],
    [(text: string) => Buffer.from(text, 'utf16le').toString('base64')],
    [(text: string) => [base64(text)]],
  );
  return fc
    .tuple(fc.constantFrom(...texts), mangle, encode)
    .map(([text, changes, [encoding]]) =>
      encoding?.(changes.reduce((changed: string, change) => change(changed), text)),
    );
}

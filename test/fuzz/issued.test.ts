import { createPrivateKey, X509Certificate } from 'node:crypto';
import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { certificatePem, privateKeyPem } from '../../src/credential/client-credential.js';
import { readIssuedKubeconfig } from '../../src/kubeconfig/issued.js';
import { issuedConfig, type Kubeconfig } from '../support/issued-kubeconfig.js';
import { base64, createFixtures, type Fixtures } from './credentials.js';
import { expectNoWarnings, holds, outcomeOf, runs } from './property.js';
import { anyText, anyValue, mutations, textMutations, words } from './values.js';

let fixtures: Fixtures;
let usable: number;
expectNoWarnings();
beforeAll(async () => {
  fixtures = await createFixtures();
});
beforeEach(() => {
  usable = 0;
});

test('any value is refused, or sound', () => {
  holds(fc.oneof(anyValue, anyText, fc.array(anyValue), fc.json()), check);
});

test('a kubeconfig with changed parts is refused, or sound', () => {
  holds(kubeconfigs(4), ({ value }) => {
    check(value);
  });
  expect(usable).toBeGreaterThan(runs / 100);
});

test('a kubeconfig with a changed text is refused, or sound', () => {
  // Samples, since rendering YAML is slow.
  const changed = fc.sample(kubeconfigs(1), { numRuns: 300, seed: 1 }).flatMap(({ value }) => {
    try {
      return [stringify(value, { lineWidth: 0 }), stringify(value), JSON.stringify(value, null, 2)];
    } catch {
      return [];
    }
  });
  const sound = [stringify(base(), { lineWidth: 0 }), stringify(base()), JSON.stringify(base())];
  const text = fc.oneof(fc.constantFrom(...sound), fc.constantFrom(...changed));
  const texts = fc
    .tuple(text, fc.array(textMutations(), { maxLength: 3 }))
    .map(([start, changes]) => changes.reduce((all, change) => change(all), start));
  holds(texts, check);
  expect(usable).toBeGreaterThan(runs / 100);
});

test.each<[string, number]>([
  ...['[', '{a: ', '- ', '? ', '[*a,'].map((piece): [string, number] => [piece, 5000]),
  ...['a:\n', '|\n', '[{', '[]', '%YAML\n'].map((piece): [string, number] => [piece, 10_000]),
  ...['---\n', '...\n', '*a '].map((piece): [string, number] => [piece, 10_000]),
  ...['&a ', '! '].map((piece): [string, number] => [piece, 1000]),
  ...['"', ' ', '\n', '#\n'].map((piece): [string, number] => [piece, 100_000]),
])('%j, %i times over, is refused in time', (piece, times) => {
  const start = performance.now();
  check(piece.repeat(times));
  check(`clusters: ${piece.repeat(times)}`);
  expect(performance.now() - start).toBeLessThan(20_000);
});

/** What is read must be sound; an error must show no secret. */
function check(config: unknown): void {
  const { keys, now } = fixtures;
  const read = () => readIssuedKubeconfig(config, 'eck-fuzz', now);
  const { value } = outcomeOf(['issued-kubeconfig-invalid'], read, keys);
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

function base(which = 0): Kubeconfig {
  const { authority, certificates } = fixtures;
  const server = 'https://203.0.113.7:6443';
  const edit = (kubeconfig: Kubeconfig) => {
    Object.assign(kubeconfig.clusters[0].cluster, { 'tls-server-name': 'kubernetes.default' });
    return kubeconfig;
  };
  const issued = certificates[which] ?? certificates[0];
  const cluster = { clusterId: 'eck', authority, server };
  return issuedConfig(cluster, server, issued, { form: 'json', edit }) as Kubeconfig;
}

function kubeconfigs(mostChanges: number): fc.Arbitrary<{ value: unknown }> {
  const keys =
    'name cluster clusters user users context contexts current-context exec server client-certificate-data ' +
    'client-key-data certificate-authority-data tls-server-name token';
  const change = mutations(fc.oneof(anyValue, pem(), plausible), keys.split(' '));
  // Wrapped, since fast-check treats a value with a `then` or `toString` in another way.
  return fc
    .tuple(fc.nat(fixtures.certificates.length), fc.array(change, { maxLength: mostChanges }))
    .map(([which, changes]) => ({ value: changes.reduce((value: unknown, one) => one(value), base(which)) }));
}

const plausible = fc.oneof(
  fc.constantFrom<unknown>('kubernetes', 'user', 'eck', 7, '7', 'https://[::1]:6443', 'http://203.0.113.7'),
  words('https://user:password@host https:x HTTPS://HOST https://x\n javascript:1 //host'),
  fc.webUrl(),
);

type Change = (text: string) => string;

/** Certificates and keys, as they were issued and mangled. */
function pem(): fc.Arbitrary<unknown> {
  const { authority, certificates } = fixtures;
  const texts = certificates.flatMap((one) => {
    return [one.certificatePem, one.privateKeyPem, one.certificatePem + one.privateKeyPem];
  });
  const labels = ['EC', 'RSA', 'ENCRYPTED', 'ED25519'].map((label): Change => {
    return (text) => text.replaceAll('PRIVATE KEY', `${label} PRIVATE KEY`);
  });
  const mangle = fc.oneof(
    fc.constantFrom<Change[]>(
      (text) => text,
      (text) => text + text,
      (text) => text.repeat(12),
      (text) => text.replaceAll('\n', '\r\n'),
      (text) => text.replaceAll('\n', ''),
      (text) => text.replaceAll('PRIVATE KEY', 'CERTIFICATE'),
      (text) => text.replaceAll('CERTIFICATE', 'PRIVATE KEY'),
      (text) => text.toLowerCase(),
      (text) => text.split('\n').reverse().join('\n'),
      (text) => text.replace(/-----.*-----/g, ''),
      (text) => text.replace('\n', '\nProc-Type: 4,ENCRYPTED\n\n'),
      ...labels,
    ),
    textMutations(['-----BEGIN PRIVATE KEY-----', '-----END CERTIFICATE-----\n', 'A', '=', '\n', '\0']),
  );
  const encode = fc.constantFrom<((text: string) => unknown)[]>(
    base64,
    base64,
    base64,
    (text) => base64(base64(text)),
    (text) => text,
    (text) => base64(text).replaceAll('+', '-').replaceAll('/', '_'),
    (text) => base64(text).replace(/.{64}/g, '$&\n'),
    (text) => base64(text).slice(0, -7),
    (text) => Buffer.from(text),
    (text) => Buffer.from(text, 'utf16le').toString('base64'),
    (text) => [base64(text)],
  );
  return fc
    .tuple(fc.constantFrom(...texts, authority.certificatePem), mangle, encode)
    .map(([text, change, encoding]) => encoding(change(text)));
}

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { certificatePem, privateKeyPem } from '../../src/credential/client-credential.js';
import { readIssuedKubeconfig } from '../../src/kubeconfig/issued.js';
import type { IssuedCertificate } from '../support/certificate-authority.js';
import { issuedConfig, type Kubeconfig } from '../support/issued-kubeconfig.js';
import { createFixtures, type Fixtures } from './credentials.js';
import { expectNoWarnings, holds, outcomeOf, runs } from './property.js';
import { anyText, anyValue, textMutations } from './values.js';

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

test('a kubeconfig with a changed text is refused, or sound', () => {
  const start = fixtures.certificates.flatMap((issued) => {
    const config = kubeconfigWith(issued);
    return [stringify(config, { lineWidth: 0 }), stringify(config), JSON.stringify(config, null, 2)];
  });
  holds(changed(fc.constantFrom(...start)), check);
  expect(usable).toBeGreaterThan(runs / 100);
});

test('a kubeconfig with a changed certificate or key is refused, or sound', () => {
  const [one, two, , expired] = fixtures.certificates;
  const certificates = [one, two, expired].map((each) => each?.certificatePem ?? '');
  const keys = [one, two].map((each) => each?.privateKeyPem ?? '');
  const pieces = [
    '-----BEGIN PRIVATE KEY-----',
    '-----END CERTIFICATE-----\n',
    'Proc-Type: 4,ENCRYPTED\n\n',
    'A',
    '=',
    '\n',
  ];
  const part = (texts: string[]) =>
    fc.oneof(fc.constantFrom(...texts, texts.join('')), changed(fc.constantFrom(...texts), pieces));
  holds(fc.tuple(part(certificates), part(keys)), ([certificate, privateKey]) => {
    check(kubeconfigWith({ ...one, certificatePem: certificate, privateKeyPem: privateKey }));
  });
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

function kubeconfigWith(issued: IssuedCertificate): Kubeconfig {
  const { authority } = fixtures;
  const server = 'https://203.0.113.7:6443';
  const edit = (kubeconfig: Kubeconfig) => {
    Object.assign(kubeconfig.clusters[0].cluster, { 'tls-server-name': 'kubernetes.default' });
    return kubeconfig;
  };
  const cluster = { clusterId: 'eck', authority, server };
  return issuedConfig(cluster, server, issued, { form: 'json', edit }) as Kubeconfig;
}

function changed(texts: fc.Arbitrary<string>, pieces?: readonly string[]): fc.Arbitrary<string> {
  const changes = fc.array(textMutations(pieces), { minLength: 1, maxLength: 3 });
  return fc.tuple(texts, changes).map(([text, all]) => all.reduce((before, change) => change(before), text));
}

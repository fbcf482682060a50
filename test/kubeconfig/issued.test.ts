import { beforeAll, describe, expect, test } from '@jest/globals';
import { certificatePem, privateKeyPem } from '../../src/credential/client-credential.js';
import { readIssuedKubeconfig, type IssuedKubeconfig } from '../../src/kubeconfig/issued.js';
import { base64, createFixtures, type Fixtures } from '../fuzz/credentials.js';
import { outcomeOf } from '../fuzz/property.js';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority.js';
import { issuedConfig, type Issuing } from '../support/issued-kubeconfig.js';
import { growingAliases } from './fixtures.js';

const clusterId = 'eck-0123abcd';
const server = 'https://192.0.2.1:6443';
const forms = ['yaml', 'json'] as const;
const brokenCertificate = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

let fixtures: Fixtures;
let authority: CertificateAuthority;
let certificate: IssuedCertificate;

beforeAll(async () => {
  fixtures = await createFixtures();
  authority = fixtures.authority;
  certificate = fixtures.certificates[0];
});

/** The `Config` of a response. */
function config(issuing: Issuing = {}, issued = certificate): unknown {
  return issuedConfig({ clusterId, authority, server }, server, issued, issuing);
}

/** Places in a kubeconfig, such as `users.0.user`, and what is there instead; undefined is nothing. */
type Change = Readonly<Record<string, unknown>>;

function changed(form: 'yaml' | 'json', change: Change): unknown {
  const edit = (kubeconfig: unknown): unknown => {
    const draft = structuredClone(kubeconfig);
    for (const [place, value] of Object.entries(change)) {
      const keys = place.split('.');
      const last = keys.pop() ?? '';
      const parent = keys.reduce((part, key) => (part as Record<string, unknown>)[key], draft);
      Object.assign(parent as object, { [last]: value });
    }
    return draft;
  };
  return config({ form, edit });
}

function read(value: unknown): IssuedKubeconfig {
  return readIssuedKubeconfig(value, clusterId, fixtures.now);
}

/** What is read, in a form that can be compared. */
function plain(value: unknown): unknown {
  const { cluster, credential, ...more } = read(value);
  return { cluster, certificate: certificatePem(credential), privateKey: privateKeyPem(credential), ...more };
}

const cluster = 'clusters.0.cluster';
const user = 'users.0.user';
const authorityData = `${cluster}.certificate-authority-data`;
const certificateData = `${user}.client-certificate-data`;
const keyData = `${user}.client-key-data`;

describe.each(forms)('an issued kubeconfig in %s', (form) => {
  test('is read: the server, the authority, the certificate, the key and the time', () => {
    expect(plain(config({ form }))).toEqual({
      cluster: { server, certificateAuthorityPem: authority.certificatePem },
      certificate: certificate.certificatePem,
      privateKey: certificate.privateKeyPem,
    });
    const { notBefore, notAfter } = certificate;
    expect(read(config({ form })).credential).toMatchObject({ fetchedAt: fixtures.now, notBefore, notAfter });
  });

  test.each<[string, Issuing]>([
    ...[123, '123', 1234567890123456, 'kubernetes-admin', 'true', 'a: b'].map((userName): [string, Issuing] => [
      `user name ${JSON.stringify(userName)}`,
      { userName },
    ]),
    ['another current-context', { contextName: 'eck-xxxxx', currentContext: 'eck-xxxx' }],
    ['an empty current-context', { currentContext: '' }],
  ])('can have %s', (_, issuing) => {
    expect(plain(config({ form, ...issuing }))).toEqual(plain(config()));
  });

  test.each<[Change]>([
    [{ 'current-context': undefined }],
    [{ apiVersion: undefined, kind: undefined, preferences: undefined }],
    [{ 'contexts.0.context.namespace': 'default' }],
    [{ extensions: [{ name: 'x', extension: { a: 1 } }] }],
    // What is ignored beside the credential.
    [{ [`${user}.exec`]: { command: 'rm', args: ['-rf', '/'], apiVersion: 'v1' } }],
    [{ [`${user}.auth-provider`]: { name: 'gcp', config: { 'cmd-path': '/bin/sh' } } }],
    [{ [`${user}.token`]: 'x', [`${user}.tokenFile`]: '/etc/passwd' }],
    [{ [`${user}.username`]: 'admin', [`${user}.password`]: 'x' }],
    [{ [`${user}.as`]: 'system:admin', [`${user}.as-groups`]: ['system:masters'] }],
    [{ [`${user}.client-certificate`]: '/etc/passwd', [`${user}.client-key`]: '/etc/shadow' }],
    [{ [`${cluster}.proxy-url`]: 'http://192.0.2.66:8080' }],
    [{ [`${cluster}.insecure-skip-tls-verify`]: true }],
    [{ [`${cluster}.certificate-authority`]: '/etc/passwd' }],
  ])('can have %j', (change) => {
    expect(plain(changed(form, change))).toEqual(plain(config()));
  });

  test('can have several contexts, and line ends in base64', () => {
    const added = {
      'clusters.1': { name: 'second', cluster: { server: 'https://192.0.2.7' } },
      'users.1': { name: 'second', user: { token: 'x' } },
      'contexts.1': { name: 'second', context: { cluster: 'second', user: 'second' } },
      [keyData]: base64(certificate.privateKeyPem).replace(/.{60}/g, '$&\n'),
    };
    expect(plain(changed(form, added))).toEqual(plain(config()));
  });

  test.each([
    ['tls-server-name', 'under_score.example.com'],
    ['tls-server-name', '2001:db8::1'],
    ['server', 'https://[2001:db8::1]:6443'],
    ['server', 'https://api.example.com:6443/k8s/clusters/c-1'],
    ['server', 'HTTPS://API.example.com'],
  ])('can have the %s %s', (field = '', value) => {
    const { server: url, tlsServerName } = read(changed(form, { [`${cluster}.${field}`]: value })).cluster;
    expect(field === 'server' ? url : tlsServerName).toBe(value);
  });

  test('can have a bundle of authorities', async () => {
    const second = await CertificateAuthority.create({ name: 'another CA' });
    const bundle = `# first\n${authority.certificatePem}\n# second\n${second.certificatePem}`;
    expect(read(changed(form, { [authorityData]: base64(bundle) })).cluster.certificateAuthorityPem).toBe(
      authority.certificatePem + second.certificatePem,
    );
  });
});

test.each<[string, (yaml: string) => unknown]>([
  ...[undefined, null, '', ' \n ', 42, true, 'apiVersion', [], {}, '{}', '- a\n- b\n', 'null'].map(
    (value): [string, () => unknown] => [`the value ${JSON.stringify(value)}`, () => value],
  ),
  ['what is not YAML', (yaml) => `{ ${yaml}`],
  ['a key cut in two', (yaml) => yaml.replace(/(client-key-data: .{40})/, '$1"\n')],
  ['a field twice', (yaml) => `${yaml}apiVersion: v1\n`],
  ['an alias', (yaml) => `${yaml}more: &a [1]\nagain: *a\n`],
  ['an unknown alias', (yaml) => `${yaml}again: *a\n`],
  ['aliases that grow', (yaml) => `${yaml}a0: &a0 [x]\n${growingAliases}`],
  ['a merge key', (yaml) => `${yaml}base: &b {x: 1}\nmore:\n  <<: *b\n`],
  ['two documents', (yaml) => `${yaml}---\n${yaml}`],
  ['endless lists', () => '['.repeat(100_000)],
  ['2 MiB', (yaml) => `${yaml}# ${'x'.repeat(2 * 1024 * 1024)}\n`],
  ['many keys', () => Array.from({ length: 120_000 }, (_, index) => `k${index}:\n`).join('')],
])('refused is %s', (_, make) => {
  const start = performance.now();
  expectRefusal(make(String(config())));
  expect(performance.now() - start).toBeLessThan(20_000);
});

describe.each(forms)('refused in %s is', (form) => {
  test.each<[string, ...unknown[]]>([
    ['users', undefined, [], null, { name: 'user', user: {} }, ['user'], [null]],
    [user, null, [], { token: 'x' }, { exec: { command: 'sh' } }],
    ['users.0.name', 'another', undefined, { toString: 1 }],
    ['clusters', undefined, []],
    [cluster, null],
    ['clusters.0.name', 'another'],
    ['contexts', undefined, []],
    ['contexts.0.context', null, { cluster: 'kubernetes' }, { user: 'user' }],
    ['contexts.0.context.user', '', ['user']],
    [keyData, undefined, '', ' \n', 42, { secret: 'x' }, 'not base64!', base64('no PEM')],
    [certificateData, undefined, '-----BEGIN', base64(brokenCertificate)],
    [`${cluster}.server`, undefined, '', 42, '192.0.2.1:6443', 'http://192.0.2.1:6443', 'file:///etc/passwd'],
    [`${cluster}.server`, 'https://admin:hunter2@192.0.2.1', 'https://hunter2@192.0.2.1'],
    [`${cluster}.server`, 'https://192.0.2.1:6443\n', 'https://192.0.2.1\n:6443', '  https://192.0.2.1'],
    [`${cluster}.server`, 'https://192.0.2.1/\u001b[2J', 'https://192.0.2.1/\u202ex'],
    [authorityData, undefined, '', '?', base64('no PEM'), base64(brokenCertificate)],
    [`${cluster}.tls-server-name`, 'a b', 'https://example.com', 'a\u001b[2J', 'a\n', 'a'.repeat(254), 42],
  ])('%s = %j and the like', (place, ...values) => {
    for (const value of values) expectRefusal(changed(form, { [place]: value }));
  });

  test("another certificate's key, a broken authority behind a good one, and an expired certificate", () => {
    const [, other, , expired] = fixtures.certificates;
    expectRefusal(changed(form, { [keyData]: base64(other?.privateKeyPem ?? '') }));
    const bundle = base64(authority.certificatePem + brokenCertificate);
    expectRefusal(changed(form, { [authorityData]: bundle }));
    expect(expectRefusal(config({ form }, expired))).toContain('expired at');
  });

  test.each(['gone', undefined])('a current-context %s that is none of two', (current) => {
    const contexts = ['a', 'b'].map((name) => ({ name, context: { cluster: 'kubernetes', user: 'user' } }));
    expectRefusal(changed(form, { 'current-context': current, contexts }));
  });
});

/** Expects a refusal that shows no secret. @returns its message */
function expectRefusal(value: unknown): string {
  const { error } = outcomeOf(['issued-kubeconfig-invalid'], () => read(value), fixtures.keys);
  expect(error).toMatchObject({ fix: expect.any(String) });
  // A cause would be printed, too.
  expect(error).not.toHaveProperty('cause');
  const message = error?.message ?? '';
  expect(message).toContain(clusterId);
  expect(message).not.toContain('hunter2');
  return message;
}

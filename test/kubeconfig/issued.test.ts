import { createPrivateKey } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { certificatePem, privateKeyPem } from '../../src/credential/client-credential.js';
import { EckError } from '../../src/errors.js';
import { readIssuedKubeconfig, type IssuedKubeconfig } from '../../src/kubeconfig/issued.js';
import {
  CertificateAuthority,
  type CertificateRequest,
  type IssuedCertificate,
} from '../support/certificate-authority.js';
import { issuedConfig, type Issuing, type Kubeconfig } from '../support/issued-kubeconfig.js';

const clusterId = 'eck-0123abcd';
const server = 'https://192.0.2.1:6443';
const now = new Date();
const forms = ['yaml', 'json'] as const;
const brokenCertificate = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

let authority: CertificateAuthority;
let certificate: IssuedCertificate;
let other: IssuedCertificate;
let expired: IssuedCertificate;

beforeAll(async () => {
  authority = await CertificateAuthority.create({ name: `${clusterId} CA` });
  certificate = await authority.issue({ commonName: 'someone', organizations: ['system:masters'] });
  other = await authority.issue({ commonName: 'somebody else' });
  expired = await authority.issue({ commonName: 'someone', notAfter: new Date(now.getTime() - 60_000) });
});

/** The `Config` of an answer. */
function config(issuing: Issuing = {}, issued = certificate, url = server): unknown {
  return issuedConfig({ clusterId, authority, server: url }, url, issued, issuing);
}

function read(value: unknown): IssuedKubeconfig {
  return readIssuedKubeconfig(value, clusterId, now);
}

/** What is read, in a form that can be compared. */
function plain({ cluster, credential, ...more }: IssuedKubeconfig): unknown {
  return { cluster, certificate: certificatePem(credential), privateKey: privateKeyPem(credential), ...more };
}

type Entries<Entry> = [Entry, ...Entry[]];

/** The kubeconfig as it is issued, for a test to make something else of it. */
type Draft = Record<string, unknown> & {
  clusters: Entries<{ name: unknown; cluster: Record<string, unknown> }>;
  users: Entries<{ name: unknown; user: Record<string, unknown> }>;
  contexts: Entries<{ name: unknown; context: Record<string, unknown> }>;
};

/** A `Config` that was changed by a test before it was written. */
function changed(
  change: (draft: Draft) => unknown,
  form: 'yaml' | 'json' = 'yaml',
  issued = certificate,
): unknown {
  const edit = (kubeconfig: Kubeconfig): unknown => {
    const draft = structuredClone(kubeconfig) as unknown as Draft;
    return change(draft) ?? draft;
  };
  return config({ form, edit }, issued);
}

/** Changes of one part of a kubeconfig; a field that becomes undefined is gone. */
function changing(part: (draft: Draft) => object): (fields: object) => (draft: Draft) => undefined {
  return (fields) => (draft) => {
    Object.assign(part(draft), fields);
  };
}
const inAll = changing((draft) => draft);
const ofCluster = changing(({ clusters }) => clusters[0]);
const inCluster = changing(({ clusters }) => clusters[0].cluster);
const ofUser = changing(({ users }) => users[0]);
const inUser = changing(({ users }) => users[0].user);
const ofContext = changing(({ contexts }) => contexts[0]);
const inContext = changing(({ contexts }) => contexts[0].context);

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

describe('an issued kubeconfig', () => {
  test.each(forms)('in %s is read: the server, the authority, the certificate and the key', (form) => {
    expect(plain(read(config({ form })))).toEqual({
      cluster: { server, certificateAuthorityPem: authority.certificatePem },
      certificate: certificate.certificatePem,
      privateKey: certificate.privateKeyPem,
    });
  });

  test('is of the time at which it was read', () => {
    expect(read(config()).credential).toMatchObject({
      fetchedAt: now,
      notBefore: certificate.notBefore,
      notAfter: certificate.notAfter,
    });
  });

  const keys: readonly Pick<CertificateRequest, 'key' | 'encoding'>[] = [
    { key: 'p-256', encoding: 'pkcs8' },
    { key: 'p-256', encoding: 'sec1' },
    { key: 'p-256', encoding: 'sec1-with-parameters' },
    { key: 'p-384', encoding: 'pkcs8' },
    { key: 'p-384', encoding: 'sec1' },
    { key: 'p-384', encoding: 'sec1-with-parameters' },
    { key: 'rsa-2048', encoding: 'pkcs8' },
    { key: 'rsa-2048', encoding: 'pkcs1' },
    { key: 'rsa-4096', encoding: 'pkcs1' },
  ];
  test.each(keys)('can hold a key of $key in $encoding, and a chain of three', async (request) => {
    const issued = await authority.issue({ commonName: 'someone', chainLength: 3, ...request });
    for (const form of forms) {
      const { credential } = read(config({ form }, issued));
      expect(certificatePem(credential)).toBe(issued.certificatePem);
      expect(credential.certificates).toHaveLength(3);
      expect(createPrivateKey(privateKeyPem(credential)).equals(createPrivateKey(issued.privateKeyPem))).toBe(
        true,
      );
    }
  });

  const names: readonly Issuing[] = [
    { userName: 123 },
    { userName: '123' },
    { userName: 1234567890123456 },
    { userName: 'kubernetes-admin' },
    { userName: 'true' },
    { userName: 'a: b' },
    { contextName: 'eck-xxxxx', currentContext: 'eck-xxxx' },
    { contextName: 'kubernetes-admin@kubernetes' },
    { currentContext: '' },
  ];
  describe.each(forms)('in %s', (form) => {
    test.each(names)('can have the names %j', (issuing) => {
      expect(plain(read(config({ form, ...issuing })))).toEqual(plain(read(config())));
    });

    test.each<[string, (draft: Draft) => unknown]>([
      ['without current-context', inAll({ 'current-context': undefined })],
      ['with a current-context that is null', inAll({ 'current-context': null })],
      [
        'without apiVersion, kind and preferences',
        ({ clusters, users, contexts }) => ({ clusters, users, contexts }),
      ],
      ['with a namespace in its context', inContext({ namespace: 'default' })],
      ['with extensions', inAll({ extensions: [{ name: 'x', extension: { a: 1 } }] })],
      [
        'with line feeds in its base64',
        ({ users: [{ user }] }) => {
          user['client-key-data'] = base64(certificate.privateKeyPem).replace(/.{60}/g, '$&\n');
        },
      ],
    ])('can be %s', (_, change) => {
      expect(plain(read(changed(change, form)))).toEqual(plain(read(config())));
    });

    test('with several contexts is read by its current-context', () => {
      const value = changed((draft) => {
        draft.clusters.unshift({ name: 'first', cluster: { server: 'https://192.0.2.7' } });
        draft.users.unshift({ name: 'first', user: { token: 'x' } });
        draft.contexts.unshift({ name: 'first', context: { cluster: 'first', user: 'first' } });
      }, form);
      expect(plain(read(value))).toEqual(plain(read(config())));
    });

    test.each(['api.example.com', '192.0.2.1', '2001:db8::1', 'kubernetes.default.svc', 'under_score'])(
      'can have the tls-server-name %s',
      (tlsServerName) => {
        const { cluster } = read(changed(inCluster({ 'tls-server-name': tlsServerName }), form));
        expect(cluster).toEqual({ server, certificateAuthorityPem: authority.certificatePem, tlsServerName });
      },
    );

    test.each([
      'https://192.0.2.1',
      'https://192.0.2.1:6443/',
      'https://[2001:db8::1]:6443',
      'https://api.example.com:6443/k8s/clusters/c-1',
      'HTTPS://API.example.com',
    ])('can have the server %s, which is taken as it stands', (url) => {
      expect(read(config({ form }, certificate, url)).cluster.server).toBe(url);
    });

    test('can have a bundle of authorities', async () => {
      const second = await CertificateAuthority.create({ name: 'another CA' });
      const bundle = `# first\n${authority.certificatePem}\n# second\n${second.certificatePem}`;
      const { cluster } = read(changed(inCluster({ 'certificate-authority-data': base64(bundle) }), form));
      expect(cluster.certificateAuthorityPem).toBe(authority.certificatePem + second.certificatePem);
    });

    test.each<[string, (draft: Draft) => void]>([
      ['an exec entry', inUser({ exec: { command: 'rm', args: ['-rf', '/'], apiVersion: 'v1' } })],
      ['an exec entry that is nonsense', inUser({ exec: 42 })],
      ['an auth provider', inUser({ 'auth-provider': { name: 'gcp', config: { 'cmd-path': '/bin/sh' } } })],
      ['a token and a token file', inUser({ token: 'x', tokenFile: '/etc/passwd' })],
      ['a user and a password', inUser({ username: 'admin', password: 'x' })],
      ['an impersonation', inUser({ as: 'system:admin', 'as-groups': ['system:masters'] })],
      [
        'files in place of data',
        inUser({ 'client-certificate': '/etc/passwd', 'client-key': '/etc/shadow' }),
      ],
      ['a proxy', inCluster({ 'proxy-url': 'http://192.0.2.66:8080' })],
      ['insecure-skip-tls-verify', inCluster({ 'insecure-skip-tls-verify': true })],
      ['a file in place of the authority', inCluster({ 'certificate-authority': '/etc/passwd' })],
      ['disable-compression', inCluster({ 'disable-compression': true })],
    ])('with %s next to what is good is read as if it were not there', (_, change) => {
      expect(plain(read(changed(change, form)))).toEqual(plain(read(config())));
    });
  });
});

describe('refused, without a part of the key or of the text in the message, is', () => {
  const oneLine = (value: unknown): string => (value as string).replaceAll('\n', ' ');
  const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

  const texts: readonly [string, () => unknown][] = [
    ['none', () => undefined],
    ['null', () => null],
    ['an empty text', () => ''],
    ['a blank text', () => ' \n '],
    ['a number', () => 42],
    ['a boolean', () => true],
    ['a text that is no mapping', () => 'apiVersion'],
    ['a list', () => []],
    ['a list of a kubeconfig', () => [config({ form: 'json' })]],
    ['an empty object', () => ({})],
    ['an empty mapping', () => '{}'],
    ['a list in YAML', () => '- a\n- b\n'],
    ['a kubeconfig in a list in YAML', () => changed((draft) => [draft])],
    ['null in YAML', () => 'null'],
    ['what is not YAML', () => `{ ${String(config())}`],
    ['YAML whose lines are lost', () => oneLine(config())],
    [
      'YAML with a line in the middle of the key lost',
      () => String(config()).replace(/(client-key-data: .{40})/, '$1"\n'),
    ],
    [
      'YAML with a key where a block of text begins',
      () => String(config()).replace('client-key-data: ', 'client-key-data: |'),
    ],
    ['YAML with tabs', () => String(config()).replaceAll('  ', '\t')],
    [
      'YAML that is cut in the middle of the key',
      () => {
        const text = String(config({ form: 'yaml' }));
        return text.slice(0, text.indexOf('client-key-data') + 200);
      },
    ],
    ['YAML with a key twice', () => `${String(config())}apiVersion: v1\n`],
    ['YAML with an alias', () => `${String(config())}more: &a [1]\nagain: *a\n`],
    ['YAML with an alias that nobody named', () => `${String(config())}again: *a\n`],
    [
      'YAML that grows a thousand million times',
      () => {
        const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
        for (let level = 1; level < 10; level += 1) {
          lines.push(
            `a${level}: &a${level} [${Array.from({ length: 10 }, () => `*a${level - 1}`).join(', ')}]`,
          );
        }
        return `${String(config())}${lines.join('\n')}\n`;
      },
    ],
    ['YAML with a merge key of an alias', () => `${String(config())}base: &b {x: 1}\nmore:\n  <<: *b\n`],
    ['two documents', () => `${String(config())}---\n${String(config())}`],
    ['YAML that is nested without end', () => nested(100_000)],
    ['JSON that is nested without end', () => ({ clusters: JSON.parse(nested(1000)) as unknown })],
    ['2 MiB', () => `${String(config())}# ${'x'.repeat(2 * 1024 * 1024)}\n`],
    ['2 MiB of nothing', () => ' '.repeat(2 * 1024 * 1024)],
    ['a web page', () => '<html><body>502 Bad Gateway</body></html>'],
    ['HTML in YAML', () => '<p>: <b>'],
  ];

  test.each(texts)('%s', (_, value) => {
    expectRefusal(value());
  });

  const changes: readonly [string, (draft: Draft) => unknown][] = [
    // Its parts are missing, or are something else.
    ['one without users', inAll({ users: undefined })],
    ['one with no user in its users', inAll({ users: [] })],
    ['one with users that are null', inAll({ users: null })],
    ['one with users that are a mapping', inAll({ users: { name: 'user', user: {} } })],
    ['one with a user that is a text', inAll({ users: ['user'] })],
    ['one with a user that is null', inAll({ users: [null] })],
    ['one whose user has nothing', ofUser({ user: null })],
    ['one whose user has a list', ofUser({ user: [] })],
    ['one whose user has another name', ofUser({ name: 'another' })],
    ['one whose user has no name', ofUser({ name: undefined })],
    ['one without clusters', inAll({ clusters: undefined })],
    ['one with no cluster in its clusters', inAll({ clusters: [] })],
    ['one whose cluster has nothing', ofCluster({ cluster: null })],
    ['one whose cluster has another name', ofCluster({ name: 'another' })],
    ['one without contexts', inAll({ contexts: undefined })],
    ['one with no context in its contexts', inAll({ contexts: [] })],
    ['one whose context has nothing', ofContext({ context: null })],
    ['one whose context has no user', inContext({ user: undefined })],
    ['one whose context has no cluster', inContext({ cluster: undefined })],
    ['one whose context has an empty user', inContext({ user: '' })],
    ['one whose context has a user that is a list', inContext({ user: ['user'] })],
    ['one whose names cannot be read', ofUser({ name: { toString: 1 } })],
    // The credential.
    ['one with exec instead of keys', ofUser({ user: { exec: { command: 'sh' } } })],
    ['one with a token instead of keys', ofUser({ user: { token: 'x' } })],
    ['one without a key', inUser({ 'client-key-data': undefined })],
    ['one with an empty key', inUser({ 'client-key-data': '' })],
    ['one with a blank key', inUser({ 'client-key-data': ' \n' })],
    ['one with a key that is a number', inUser({ 'client-key-data': 42 })],
    ['one with a key that is a mapping', inUser({ 'client-key-data': { secret: 'x' } })],
    ['one with a key that is not base64', inUser({ 'client-key-data': 'not base64!' })],
    ['one with a key that is no PEM', inUser({ 'client-key-data': base64('no PEM') })],
    [
      'one with a file in place of the key',
      inUser({ 'client-key-data': undefined, 'client-key': '/etc/shadow' }),
    ],
    ['one without a certificate', inUser({ 'client-certificate-data': undefined })],
    ['one with a certificate that is not base64', inUser({ 'client-certificate-data': '-----BEGIN' })],
    [
      'one with a certificate that does not parse',
      inUser({ 'client-certificate-data': base64(brokenCertificate) }),
    ],
    // The server.
    ['one without a server', inCluster({ server: undefined })],
    ['one with an empty server', inCluster({ server: '' })],
    ['one with a server that is a number', inCluster({ server: 42 })],
    ['one with a server that is no URL', inCluster({ server: '192.0.2.1:6443' })],
    ['one with an http:// server', inCluster({ server: 'http://192.0.2.1:6443' })],
    ['one with an http:// server on loopback', inCluster({ server: 'http://127.0.0.1:6443' })],
    ['one with a server that is a file', inCluster({ server: 'file:///etc/passwd' })],
    ['one with a server with a password', inCluster({ server: 'https://admin:hunter2hunter2@192.0.2.1' })],
    ['one with a server with a user', inCluster({ server: 'https://hunter2hunter2@192.0.2.1' })],
    ['one with a server with a line feed after it', inCluster({ server: 'https://192.0.2.1:6443\n' })],
    ['one with a server with a line feed in it', inCluster({ server: 'https://192.0.2.1\n:6443' })],
    ['one with a server with blanks before it', inCluster({ server: '  https://192.0.2.1' })],
    ['one with a server with control characters', inCluster({ server: 'https://192.0.2.1/\u001b[2J' })],
    ['one with a server that reads from right to left', inCluster({ server: 'https://192.0.2.1/\u202ex' })],
    // The authority.
    ['one without an authority', inCluster({ 'certificate-authority-data': undefined })],
    ['one with an empty authority', inCluster({ 'certificate-authority-data': '' })],
    ['one with an authority that is not base64', inCluster({ 'certificate-authority-data': '?' })],
    ['one with an authority that is no PEM', inCluster({ 'certificate-authority-data': base64('no PEM') })],
    [
      'one with an authority that does not parse',
      inCluster({ 'certificate-authority-data': base64(brokenCertificate) }),
    ],
    [
      'one with a file in place of the authority',
      inCluster({ 'certificate-authority-data': undefined, 'certificate-authority': '/etc/ssl/ca.pem' }),
    ],
    [
      'one that is insecure instead',
      inCluster({ 'certificate-authority-data': undefined, 'insecure-skip-tls-verify': true }),
    ],
    // tls-server-name.
    ['one with a tls-server-name with blanks', inCluster({ 'tls-server-name': 'a b' })],
    ['one with a tls-server-name that is a URL', inCluster({ 'tls-server-name': 'https://example.com' })],
    ['one with a tls-server-name with control characters', inCluster({ 'tls-server-name': 'a\u001b[2J' })],
    ['one with a tls-server-name with a line feed', inCluster({ 'tls-server-name': 'a\n' })],
    ['one with a tls-server-name that is too long', inCluster({ 'tls-server-name': 'a'.repeat(254) })],
    ['one with a tls-server-name that is a number', inCluster({ 'tls-server-name': 42 })],
    ['one with a tls-server-name that is a list', inCluster({ 'tls-server-name': ['a'] })],
  ];

  describe.each(forms)('in %s', (form) => {
    test.each(changes)('%s', (_, change) => {
      expectRefusal(changed(change, form));
    });

    test("one with somebody else's key", () => {
      const key = base64(other.privateKeyPem);
      expectRefusal(changed(inUser({ 'client-key-data': key }), form));
    });

    test('one with an authority with a broken certificate after a good one', () => {
      const bundle = base64(authority.certificatePem + brokenCertificate);
      expectRefusal(changed(inCluster({ 'certificate-authority-data': bundle }), form));
    });

    test('one that has expired, with when that was', () => {
      const message = expectRefusal(config({ form }, expired));
      expect(message).toContain(expired.notAfter.toISOString());
    });

    test('one with several contexts and a current-context that names none of them, which are listed', () => {
      const message = expectRefusal(
        changed((draft) => {
          inAll({ 'current-context': 'gone' })(draft);
          Object.assign(draft, {
            contexts: ['blue', 'green', 7].map((name) => ({ ...structuredClone(draft.contexts[0]), name })),
          });
        }, form),
      );
      expect(message).toContain('3 contexts (blue, green, 7)');
    });

    test('one with several contexts and no current-context', () => {
      const message = expectRefusal(
        changed((draft) => {
          inAll({ 'current-context': undefined })(draft);
          Object.assign(draft, {
            contexts: ['blue', 'green'].map((name) => ({ ...structuredClone(draft.contexts[0]), name })),
          });
        }, form),
      );
      expect(message).toContain('blue, green');
    });

    test('one with contexts whose names are none, which may hold anything and are not listed', () => {
      const message = expectRefusal(
        changed((draft) => {
          inAll({ 'current-context': 'gone' })(draft);
          Object.assign(draft, {
            contexts: [
              '\u001b[31mred\nline',
              'one\u202etwo',
              'x'.repeat(5000),
              '-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIAto',
              'MHcCAQEEIAtosONR',
            ].map((name) => ({
              ...structuredClone(draft.contexts[0]),
              name,
            })),
          });
        }, form),
      );
      expect(message).toContain(`5 contexts (${Array(5).fill('one with an unusual name').join(', ')})`);
    });
  });

  test('a text of many keys, in no time', () => {
    let text = '';
    for (let index = 0; text.length < 1024 * 1024 - 20; index += 1) text += `k${index}:\n`;
    const began = performance.now();
    expectRefusal(text);
    expect(performance.now() - began).toBeLessThan(20_000);
  });
});

/** Expects a refusal that gives nothing away. @returns its message */
function expectRefusal(value: unknown): string {
  let message: string | undefined;
  try {
    read(value);
  } catch (error) {
    expect(error).toBeInstanceOf(EckError);
    expect(error).toMatchObject({ code: 'issued-kubeconfig-invalid' });
    // What is below it would be printed together with it.
    expect((error as EckError).cause).toBeUndefined();
    ({ message } = error as EckError);
  }
  if (message === undefined) throw new Error('it was taken');
  expect(message).toContain(clusterId);
  expect(message).not.toContain('hunter2');
  // eslint-disable-next-line no-control-regex
  expect(message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
  expect(partsIn(message)).toEqual([]);
  return message;
}

/** The parts of a key or a certificate that a text holds, in any of the forms that they are issued in. */
function partsIn(text: string): string[] {
  const secrets = [certificate, other, expired].flatMap(({ privateKeyPem: key, certificatePem: leaf }) => [
    key.replace(/-----[^-]+-----/g, ''),
    base64(key),
    base64(leaf),
    Buffer.from(key.replace(/-----[^-]+-----|\n/g, ''), 'base64').toString('latin1'),
  ]);
  const parts: string[] = [];
  for (let start = 0; start + 10 <= text.length; start += 1) {
    const part = text.slice(start, start + 10);
    if (secrets.some((secret) => secret.includes(part))) parts.push(part);
  }
  return parts;
}

test('the search for parts of a key finds them', () => {
  const { users } = parse(String(config())) as Draft;
  const key = String(users[0].user['client-key-data']);
  expect(partsIn(`a message with ${key.slice(100, 112)} in it`)).not.toEqual([]);
  expect(partsIn(certificate.privateKeyPem.split('\n')[1] ?? '')).not.toEqual([]);
});

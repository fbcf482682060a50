import { createPrivateKey, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { checkClientCredential } from '../../src/credential/check.js';
import type { ClientCredential } from '../../src/credential/client-credential.js';
import { formatExecCredential, readExecInfo } from '../../src/exec-credential/protocol.js';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority.js';

const v1 = 'client.authentication.k8s.io/v1';
const v1beta1 = 'client.authentication.k8s.io/v1beta1';

function info(fields: object = {}): string {
  return JSON.stringify({ kind: 'ExecCredential', apiVersion: v1, spec: { interactive: false }, ...fields });
}

function withConfig(config: unknown): string {
  return info({ spec: { interactive: false, cluster: { server: 'https://192.0.2.1', config } } });
}

describe('what kubectl asks for', () => {
  test.each([
    ['a version of 1', info(), { apiVersion: v1 }],
    ['a version of 1 beta 1', info({ apiVersion: v1beta1 }), { apiVersion: v1beta1 }],
    ['nothing more where there is no spec', info({ spec: undefined }), { apiVersion: v1 }],
    ['nothing more where the spec is null', info({ spec: null }), { apiVersion: v1 }],
    [
      'nothing more where there is a cluster without config',
      info({ spec: { cluster: {} } }),
      { apiVersion: v1 },
    ],
    ['nothing more where the config is null', withConfig(null), { apiVersion: v1 }],
    ['nothing more where the config is something else', withConfig('eck-1'), { apiVersion: v1 }],
    ['nothing more where the config is of others', withConfig({ audience: 'x' }), { apiVersion: v1 }],
    ['nothing more where the cluster id is null', withConfig({ clusterId: null }), { apiVersion: v1 }],
    ['a cluster', withConfig({ clusterId: 'eck-1', more: 1 }), { apiVersion: v1, clusterId: 'eck-1' }],
    [
      'a cluster that is checked later',
      withConfig({ clusterId: '../x' }),
      { apiVersion: v1, clusterId: '../x' },
    ],
    ['a version of 1 by hand', undefined, { apiVersion: v1 }],
    ['a version of 1 where the variable is empty', '', { apiVersion: v1 }],
  ])('is %s', (_, text, expected) => {
    expect(readExecInfo(text)).toEqual(expected);
  });

  test.each([
    ['no JSON', 'ExecCredential'],
    ['JSON that is cut', info().slice(0, -1)],
    ['blank', ' '],
    ['null', 'null'],
    ['a number', '1'],
    ['a text', '"ExecCredential"'],
    ['a list', `[${info()}]`],
    ['empty', '{}'],
    ['of another kind', info({ kind: 'Pod' })],
    ['of no kind', info({ kind: undefined })],
    ['of no version', info({ apiVersion: undefined })],
    ['of a version that went away', info({ apiVersion: 'client.authentication.k8s.io/v1alpha1' })],
    ['of a version to come', info({ apiVersion: 'client.authentication.k8s.io/v2' })],
    ['of a version in a list', info({ apiVersion: [v1] })],
    ['of a version of another group', info({ apiVersion: 'v1' })],
    ['for a cluster that is a number', withConfig({ clusterId: 1 })],
    ['for a cluster that is a list', withConfig({ clusterId: ['eck-1'] })],
  ])('cannot be %s', (_, text) => {
    expect(() => readExecInfo(text)).toThrow(
      expect.objectContaining({
        code: 'exec-info-invalid',
        message: expect.stringContaining('KUBERNETES_EXEC_INFO'),
      }),
    );
  });

  test('names the versions that are known, where it is another one', () => {
    const text = info({ apiVersion: 'client.authentication.k8s.io/v1alpha1' });
    expect(() => readExecInfo(text)).toThrow(new RegExp(`${v1}.*${v1beta1}`));
  });
});

describe('the answer to kubectl', () => {
  let issued: IssuedCertificate;
  let credential: ClientCredential;
  const expiration = new Date('2026-03-01T12:34:56.999Z');

  beforeAll(async () => {
    const authority = await CertificateAuthority.create({ name: 'kubernetes' });
    issued = await authority.issue({ commonName: 'someone', chainLength: 3 });
    credential = checkClientCredential(
      { certificate: issued.certificatePem, privateKey: issued.privateKeyPem },
      new Date(),
    );
  });

  test.each([v1, v1beta1] as const)(
    'is of the version that was asked for, %s, and complete',
    (apiVersion) => {
      expect(JSON.parse(formatExecCredential(apiVersion, credential, expiration))).toEqual({
        apiVersion,
        kind: 'ExecCredential',
        status: {
          expirationTimestamp: '2026-03-01T12:34:56Z',
          clientCertificateData: issued.certificatePem,
          clientKeyData: issued.privateKeyPem,
        },
      });
    },
  );

  test('is one line', () => {
    expect(formatExecCredential(v1, credential, expiration)).not.toMatch(/[\r\n]/);
  });

  test('holds a certificate and a key that belong together', () => {
    const { status } = JSON.parse(formatExecCredential(v1, credential, expiration)) as {
      status: { clientCertificateData: string; clientKeyData: string };
    };
    const certificate = new X509Certificate(status.clientCertificateData);
    expect(certificate.checkPrivateKey(createPrivateKey(status.clientKeyData))).toBe(true);
  });

  test.each([
    ['2026-03-01T12:34:56.000Z', '2026-03-01T12:34:56Z'],
    ['2026-03-01T12:34:56.999Z', '2026-03-01T12:34:56Z'],
    ['2026-12-31T23:59:59.500+02:00', '2026-12-31T21:59:59Z'],
  ])('rounds the time %s down to %s', (time, expected) => {
    expect(JSON.parse(formatExecCredential(v1, credential, new Date(time)))).toMatchObject({
      status: { expirationTimestamp: expected },
    });
  });
});

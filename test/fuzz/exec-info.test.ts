import { beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { certificatePem, privateKeyPem } from '../../src/credential/client-credential.js';
import { execApiVersions, formatExecCredential, readExecInfo } from '../../src/exec-credential/protocol.js';
import { createFixtures, type Fixtures } from './credentials.js';
import { holds, isPrintable, outcomeOf, runs } from './property.js';
import { anyText, anyValue, mutations, textMutations, toJson } from './values.js';

const timeoutMs = 120_000;
let fixtures: Fixtures;
beforeAll(async () => {
  fixtures = await createFixtures();
}, timeoutMs);

test(
  'whatever KUBERNETES_EXEC_INFO holds, the answer is one valid ExecCredential, or an error',
  () => {
    const info = fc
      .tuple(
        fc.constantFrom<string>(...execApiVersions, 'client.authentication.k8s.io/v1alpha1', 'v1'),
        fc.array(
          mutations(fc.oneof(anyValue, fc.constantFrom<unknown>(...execApiVersions)), ['kind', 'apiVersion']),
          {
            maxLength: 3,
          },
        ),
      )
      .map(([apiVersion, changes]) =>
        toJson(changes.reduce((value, change) => change(value), request(apiVersion))),
      );
    const changed = fc
      .tuple(info, fc.array(textMutations(), { maxLength: 2 }))
      .map(([text, changes]) => changes.reduce((all, change) => change(all), text));
    const deep = fc.nat(30_000).map((depth) => '['.repeat(depth) + ']'.repeat(depth));
    const texts = fc.oneof(
      { weight: 5, arbitrary: info },
      { weight: 3, arbitrary: changed },
      { weight: 1, arbitrary: fc.option(anyText, { nil: undefined }) },
      { weight: 1, arbitrary: fc.json() },
      { weight: 1, arbitrary: deep },
    );
    let answered = 0;
    holds(texts, (text) => {
      const { value } = outcomeOf(['exec-info-invalid'], () => readExecInfo(text), fixtures.keys);
      if (value === undefined) return;
      answered += 1;
      const [credential] = fixtures.credentials;
      const line = formatExecCredential(value.apiVersion, credential, fixtures.now);
      if (!isPrintable(line)) throw new Error('not one line');
      const asked = text ? (JSON.parse(text) as { apiVersion: unknown }).apiVersion : execApiVersions[0];
      expectSame(JSON.parse(line), {
        apiVersion: asked,
        kind: 'ExecCredential',
        status: {
          expirationTimestamp: fixtures.now.toISOString().replace(/\.\d+Z$/, 'Z'),
          clientCertificateData: certificatePem(credential),
          clientKeyData: privateKeyPem(credential),
        },
      });
      if (typeof (value.clusterId ?? '') !== 'string') throw new Error('a cluster id that is not a text');
    });
    expect(answered).toBeGreaterThan(runs / 20);
  },
  timeoutMs,
);

function request(apiVersion: string): unknown {
  return {
    kind: 'ExecCredential',
    apiVersion,
    spec: {
      interactive: false,
      cluster: { server: 'https://203.0.113.7:6443', config: { clusterId: 'eck-0123abcd' } },
    },
  };
}

function expectSame(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) expect(actual).toEqual(expected);
}

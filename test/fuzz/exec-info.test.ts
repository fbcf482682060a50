import { beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { certificatePem, privateKeyPem } from '../../src/credential/client-credential.js';
import { execApiVersions, formatExecCredential, readExecInfo } from '../../src/exec-credential/protocol.js';
import { createFixtures, type Fixtures } from './credentials.js';
import { holds, isPrintable, outcomeOf, runs } from './property.js';
import { anyText, anyValue, mutations, textMutations, toJson, weighted } from './values.js';

let fixtures: Fixtures;
beforeAll(async () => {
  fixtures = await createFixtures();
}, 120_000);

/** Requests with changed fields, changed text, and other texts. */
function requests(): fc.Arbitrary<string | undefined> {
  const cluster = { server: 'https://203.0.113.7:6443', config: { clusterId: 'eck-0123abcd' } };
  const version = fc.constantFrom<string>(...execApiVersions, 'client.authentication.k8s.io/v1alpha1', 'v1');
  const value = fc.oneof(anyValue, fc.constantFrom<unknown>(...execApiVersions));
  const changes = fc.array(mutations(value, ['kind', 'apiVersion']), { maxLength: 3 });
  const info = fc.tuple(version, changes).map(([apiVersion, all]) => {
    const request: unknown = { kind: 'ExecCredential', apiVersion, spec: { interactive: false, cluster } };
    return toJson(all.reduce((changed, change) => change(changed), request));
  });
  const changed = fc
    .tuple(info, fc.array(textMutations(), { maxLength: 2 }))
    .map(([text, all]) => all.reduce((result, change) => change(result), text));
  const deep = fc.nat(30_000).map((depth) => '['.repeat(depth) + ']'.repeat(depth));
  const anyInfo = fc.option(anyText, { nil: undefined });
  return weighted<string | undefined>([5, info], [3, changed], [1, anyInfo], [1, fc.json()], [1, deep]);
}

test('whatever KUBERNETES_EXEC_INFO is, the answer is one valid ExecCredential or an error', () => {
  let answered = 0;
  holds(requests(), (text) => {
    const read = () => readExecInfo(text, execApiVersions[0]);
    const { value } = outcomeOf(['exec-info-invalid'], read, fixtures.keys);
    if (value === undefined) return;
    answered += 1;
    const [credential] = fixtures.credentials;
    const line = formatExecCredential(value.apiVersion, credential, fixtures.now);
    if (!isPrintable(line)) throw new Error('not one line');
    const expected = {
      apiVersion: text ? (JSON.parse(text) as { apiVersion: unknown }).apiVersion : execApiVersions[0],
      kind: 'ExecCredential',
      status: {
        expirationTimestamp: fixtures.now.toISOString().replace(/\.\d+Z$/, 'Z'),
        clientCertificateData: certificatePem(credential),
        clientKeyData: privateKeyPem(credential),
      },
    };
    if (line !== JSON.stringify(expected)) expect(JSON.parse(line)).toEqual(expected);
    if (typeof (value.clusterId ?? '') !== 'string') throw new Error('the cluster id is not a string');
  });
  expect(answered).toBeGreaterThan(runs / 20);
}, 120_000);

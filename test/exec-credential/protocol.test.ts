import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseExecApiVersion, readExecInfo } from '../../src/exec-credential/protocol.js';
import { holds, outcomeOf } from '../fuzz/property.js';
import { anyText, anyValue, toJson } from '../fuzz/values.js';
import { execInfo as info } from '../support/exec-info.js';

const v1 = 'client.authentication.k8s.io/v1';
const v1beta1 = 'client.authentication.k8s.io/v1beta1';
const withConfig = (config: unknown): string => info({ spec: { cluster: { server: 'https://192.0.2.1', config } } });

test.each([
  ['v1', info(), { apiVersion: v1 }],
  ['v1beta1', info({ apiVersion: v1beta1 }), { apiVersion: v1beta1 }],
  ['no variable', undefined, { apiVersion: v1 }],
  ['an empty variable', '', { apiVersion: v1 }],
  ['the kind of the official .NET client', info({ kind: 'ExecCredentials' }), { apiVersion: v1 }],
  ['no kind', info({ kind: undefined }), { apiVersion: v1 }],
  ['no spec', info({ spec: undefined }), { apiVersion: v1 }],
  ['a null spec', info({ spec: null }), { apiVersion: v1 }],
  ['a cluster without config', info({ spec: { cluster: {} } }), { apiVersion: v1 }],
  ['a null config', withConfig(null), { apiVersion: v1 }],
  ['a config that is a string', withConfig('eck-1'), { apiVersion: v1 }],
  ['a config of another plugin', withConfig({ audience: 'x' }), { apiVersion: v1 }],
  ['a null cluster id', withConfig({ clusterId: null }), { apiVersion: v1 }],
  ['a cluster id', withConfig({ clusterId: 'eck-1', more: 1 }), { apiVersion: v1, clusterId: 'eck-1' }],
  ['a cluster id, not checked', withConfig({ clusterId: '../x' }), { apiVersion: v1, clusterId: '../x' }],
])('a request with %s is read', (_, text, expected) => {
  expect(readExecInfo(text, v1)).toEqual(expected);
});

test.each([
  ...['{"a":'.repeat(30_000), '[]'.repeat(2000), '\u001b[31m', 'ExecCredential', info().slice(0, -1)],
  ...[' ', 'null', '1', '"ExecCredential"', `[${info()}]`, '{}'],
  ...[undefined, 'client.authentication.k8s.io/v1alpha1', 'client.authentication.k8s.io/v2', [v1], 'v1'].map(
    (apiVersion) => info({ apiVersion }),
  ),
  ...[1, ['eck-1'], {}].map((clusterId) => withConfig({ clusterId })),
])('%# is not a request', (text) => {
  const { error } = outcomeOf(['exec-info-invalid'], () => readExecInfo(text, v1));
  expect(error?.message).toContain('KUBERNETES_EXEC_INFO');
});

test('whatever it is, a request is read or refused', () => {
  const fields = fc.dictionary(fc.constantFrom('kind', 'apiVersion', 'spec'), anyValue);
  const requests = fc.oneof(anyText, anyValue.map(toJson), fields.map(toJson), fc.jsonValue().map(withConfig));
  holds(requests, (text) => {
    const { value } = outcomeOf(['exec-info-invalid'], () => readExecInfo(text, v1));
    if (typeof (value?.clusterId ?? '') !== 'string') throw new Error('the cluster id is not a string');
  });
});

test('without a request, the version of the arguments is answered', () => {
  for (const apiVersion of [v1, v1beta1] as const) expect(readExecInfo('', apiVersion)).toEqual({ apiVersion });
  expect(readExecInfo(info(), v1beta1)).toEqual({ apiVersion: v1 });
  expect([undefined, 'v1', 'v1beta1'].map((text) => parseExecApiVersion(text))).toEqual([v1, v1, v1beta1]);
  for (const text of ['', 'v2', 'beta1', v1]) expect(() => parseExecApiVersion(text)).toThrow('v1, v1beta1');
});

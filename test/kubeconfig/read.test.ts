import { describe, expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isOwnUser } from '../../src/kubeconfig/entry.js';
import { parseKubeconfig } from '../../src/kubeconfig/parse.js';
import { readContexts, readUsers } from '../../src/kubeconfig/read.js';
import { outcomeOf } from '../fuzz/property.js';
import { directory } from '../support/directory.js';
import { contextEntry, growingAliases, lovedKubeconfig, sectionsText, withPlaces } from './fixtures.js';

function file(name: string, text: string): string {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
}

/** kubectl refuses each of these, too. */
const invalid: [string, string][] = [
  ['users:\n- name: a\n  user: {token: TOPSECRET\n', 'it is not YAML: line 4'],
  ['a: "TOPSECRET\\z"\n', 'it is not YAML: line 1, unknown escape sequence'],
  ['a: 1\nb: *TOPSECRET\n', 'it is not YAML: line 2, unidentified alias'],
  ['a: !!TOPSECRET 1\n', 'it is not YAML: line 1'],
  ['%YAML 1.2\n---\nusers: []\n', '%YAML directive'],
  ['TOPSECRET\n', 'not a mapping'],
  ['kind: TOPSECRET\n', ': kind is not Config'],
  ['apiVersion: TOPSECRET/v1\n', ': apiVersion is not v1'],
  ['current-context: 1\n', 'current-context is not a string'],
  ['clusters: TOPSECRET\n', 'clusters is not a list'],
  ['users: [TOPSECRET]\n', 'users[0] is not a mapping'],
  ['contexts: [{name: a}, {name: a}]\n', 'contexts[1].name "a" is not unique'],
  ['users: [{}, null]\n', 'users[1].name "" is not unique'],
  ['clusters: [{name: a, cluster: TOPSECRET}]\n', 'clusters[0].cluster is not a mapping'],
  ['clusters: [{cluster: {disable-compression: "TOPSECRET"}}]', 'disable-compression is not a boolean'],
  ['clusters: [{cluster: {extensions: [{name: 1}]}}]', 'cluster.extensions[0].name is not a string'],
  ['users: [{user: {exec: {args: [a, 1]}}}]\n', 'users[0].user.exec.args[1] is not a string'],
  ['users: [{user: {exec: {env: [{value: 1}]}}}]\n', 'users[0].user.exec.env[0].value is not a string'],
  ['users: [{user: {as-user-extra: {a: TOPSECRET}}}]\n', 'users[0].user.as-user-extra.a is not a list'],
  ['users: [{user: {auth-provider: {config: {a: [TOPSECRET]}}}}]\n', 'config.a is not a string'],
  ['users: [{user: {client-key-data: TOPSECRET!}}]\n', 'users[0].user.client-key-data is not base64'],
  ['users: [{user: {client-key-data: YQ}}]\n', 'users[0].user.client-key-data is not base64'],
  ...'123|433e40|yes|y|off|0x10|0777|1_000|0o17|.5|1.|08|0b1|+1|-.inf|.nan'
    .split('|')
    .map((name): [string, string] => [`users:\n- name: ${name}\n`, 'users[0].name is not a string']),
  ['a: &a [*a]\n', 'aliases'],
  [`a0: &a0 [TOPSECRET]\n${growingAliases}`, 'aliases'],
  ['['.repeat(100_000), 'nesting exceeded'],
];

test.each(invalid)('not a kubeconfig: %.70j', (text, reason) => {
  const parse = () => parseKubeconfig('/home/me/con\u001bfig', text);
  const { error } = outcomeOf(['kubeconfig-unusable'], parse);
  expect(error?.message).toContain('Cannot read the kubeconfig /home/me/con fig: ');
  expect(error?.message).toContain(reason);
  expect(error?.message).not.toContain('TOPSECRET');
  expect(error?.fix).toEqual(expect.any(String));
});

test.each([
  ['users:\n- name: a\n  user:\n    exec:\n      args:\n      - a\n      - 1\n', 'line 7: users[0].user.exec'],
  ['contexts:\n- name: a\n# b\n- name: a\n', 'line 4: contexts[1].name "a" is not unique'],
  ['{\r\n"users": [{"name":\r\n1}]}', 'line 3: users[0].name'],
  ['users: [{name: 1}]\n---\nusers: []\n', 'line 1: users[0].name'],
  // The line would be that of another value.
  ['x: &a {name: 1}\nusers: [*a]\n', ': users[0].name'],
  ['users: []\nusers: [{name: 1}]\n', ': users[0].name'],
])('the line of a wrong field is said: %j', async (text, message) => {
  const path = file('config', text);
  await expect(readContexts([path])).rejects.toThrow(`${path}: ${message.replace(/^: /, '')}`);
});

describe('a user is ours', () => {
  test.each<[unknown, boolean]>([
    ['kubectl-eck', true],
    ['/usr/local/bin/kubectl-eck', true],
    ['C:\\bin\\kubectl-eck.EXE', true],
    ['kubectl', false],
    ['kubectl-eckert', false],
    ['kubectl-eck/other', false],
    ['my-kubectl-eck', false],
    [undefined, false],
  ])('whose command is %s: %s', (command, expected) => {
    expect(isOwnUser({ exec: { command } })).toBe(expected);
    expect(isOwnUser({ exec: null })).toBe(false);
  });
});

describe('the contexts of several files', () => {
  test('are what kubectl sees', async () => {
    const { exec, server } = contextEntry('eck-1');
    const loved = file('loved', withPlaces(lovedKubeconfig, '').before);
    const ours = file(
      'ours',
      `${sectionsText('eck-1').replace(/(command: .*)/, '$1\n      env: [{name: A, value: b}, null]')}- name: prod\n  context: {user: a}\ncurrent-context: eck-1\n`,
    );
    const { contexts, currentContext } = await readContexts([join(directory, 'missing'), ours, loved]);
    expect(currentContext).toBe('eck-1');
    const names = contexts.map(({ name }) => name);
    expect(names.slice(0, 5)).toEqual(['eck-1', 'prod', 'prod-robot', 'staging', 'lab-0']);
    expect(contexts[0]).toEqual({
      name: 'eck-1',
      file: ours,
      userName: 'eck-1',
      isOwn: true,
      execArgs: exec.args,
      execEnvironment: { A: 'b' },
      clusterInfoId: undefined,
      user: { exec: { ...exec, env: [{ name: 'A', value: 'b' }, null] } },
      cluster: { server, 'certificate-authority-data': expect.any(String) },
      clusterFile: ours,
    });
    expect(contexts[1]).toMatchObject({ userName: 'a', isOwn: false, user: {}, cluster: undefined });
    expect(contexts.at(-1)).toMatchObject({
      user: { token: 's3cret' },
      cluster: { server: 'https://lab.example' },
      clusterFile: loved,
    });
  });

  test('may name a cluster in an extension', async () => {
    const extension = '{name: client.authentication.k8s.io/exec, extension: {clusterId: eck-7}}';
    const text = `clusters: [{name: c, cluster: {extensions: [${extension}]}}]\ncontexts: [{name: a, context: {cluster: c}}]\n`;
    expect((await readContexts([file('a', text)])).contexts).toMatchObject([{ clusterInfoId: 'eck-7' }]);
  });
});

test('a context counts for the user of its own file, else for the one that kubectl finds', async () => {
  const [a, b, c] = [
    'users: [{name: u, user: {token: a}}]\ncontexts: [{name: x, context: {user: u, cluster: c}}]\n',
    'users: [{name: u, user: {token: b}}]\ncontexts: [{name: v, context: {user: u}}, {name: x}]\n',
    'contexts: [{name: z, context: {user: u}}, {name: w, context: {user: none}}]\n',
  ].map((text, index) => file(`file-${index}`, text)) as [string, string, string];
  const user = { name: 'u', isOwn: false };
  const [x, z, v] = [['x', 'c'], ['z'], ['v']].map(([name, clusterName]) => ({ name, clusterName }));
  expect(await readUsers([a, b, c])).toEqual([
    { ...user, file: a, content: { token: 'a' }, contexts: [x, z] },
    { ...user, file: b, content: { token: 'b' }, contexts: [v] },
  ]);
});

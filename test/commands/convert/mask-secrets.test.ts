import { describe, expect, test } from '@jest/globals';
import { maskSecrets } from '../../../src/commands/convert/mask-secrets.js';

const secret = 'hunter2-SECRET';

describe('a secret in a kubeconfig is not shown', () => {
  test.each<[string, string]>([
    ['a key', `users:\n- name: a\n  user:\n    client-key-data: ${secret}\n`],
    ['a token in flow style', `users: [{name: a, user: {token: ${secret}}}]\n`],
    ['a password in quotes', `users:\n- name: a\n  user: {username: u, "password": '${secret}'}\n`],
    [
      'a key in a block of lines',
      `users:\n- user:\n    client-key-data: |\n      ab\n      ${secret}\n  name: a\n`,
    ],
    ['a token over lines', `users:\n- user:\n    token: "ab\n      ${secret}"\n  name: a\n`],
    ['a token in JSON', `{"users":[{"name":"a","user":{"token":"${secret}"}}]}`],
    [
      'a token with an anchor',
      `users:\n- name: a\n  user: {token: &t ${secret}}\n- name: b\n  user: {token: *t}\n`,
    ],
    ['what an alias stands for', `x-mine: &t ${secret}\nusers:\n- name: a\n  user: {token: *t}\n`],
    ['what a merge key brings', `x-mine: &d {anything: ${secret}}\nusers:\n- name: a\n  user: {<<: *d}\n`],
    ['a whole user that is an alias', `x-mine: &u {anything: ${secret}}\nusers:\n- {name: a, user: *u}\n`],
    ['a list of users that is an alias', `x-mine: &u [{user: {anything: ${secret}}}]\nusers: *u\n`],
    ['a user that is no mapping', `users:\n- name: a\n  user: ${secret}\n`],
    ['users that are no list', `users: {a: ${secret}}\n`],
    ['an unknown field', `users:\n- name: a\n  user:\n    pin: ${secret}\n`],
    ['a field beside the user', `users:\n- name: a\n  memo: ${secret}\n`],
    ['an extension', `users:\n- name: a\n  user:\n    extensions: [{name: x, extension: {y: ${secret}}}]\n`],
    [
      'the configuration of an auth-provider',
      `users:\n- name: a\n  user:\n    auth-provider:\n      name: oidc\n      config: {id-token: ${secret}, x: ${secret}}\n`,
    ],
    [
      'the arguments of a program',
      `users:\n- name: a\n  user: {exec: {command: x, args: [--token, ${secret}]}}\n`,
    ],
    [
      'a variable',
      `users:\n- name: a\n  user: {exec: {command: kubectl-eck, env: [{name: X, value: ${secret}}]}}\n`,
    ],
    ['a token that is elsewhere', `extensions:\n- name: x\n  extension: {refreshToken: ${secret}}\n`],
    ['a password in a URL', `clusters:\n- name: a\n  cluster: {proxy-url: "http://me:${secret}@proxy:1"}\n`],
    ['a comment', `users:\n- name: a # token ${secret}\n  user: {}\n`],
    ['a comment with what looks like a key', `# LS0tLS1CRUdJTiBQUklWQVRF${secret}\nusers: []\n`],
    ['a second document', `users: []\n---\nusers:\n- name: a\n  user: {token: ${secret}}\n`],
    ['what is not YAML', `users: []\n---\nusers: "{ token: ${secret}\n`],
    ['what refers to itself', `users:\n- name: a\n  user: &u {token: ${secret}, x: *u}\n`],
  ])('%s', (_, text) => {
    expect(text).toContain(secret);
    const shown = maskSecrets(text);
    expect(shown).not.toContain(secret);
    expect(shown).toMatch(/REDACTED|DATA\+OMITTED/);
  });
});

test('what is no secret is shown as it stands', () => {
  const text = [
    '# my clusters',
    'clusters:',
    '- name: a',
    '  cluster: {server: "https://a.example:6443", insecure-skip-tls-verify: true}   # by hand',
    'users:',
    '- name: eck-1',
    '  user:',
    '    client-key: pki/a.key',
    '    as: [me]',
    '    exec:',
    '      command: kubectl-eck',
    '      args: [exec-credential, --cluster-id, eck-1]',
    'contexts: []',
    'current-context: a',
    '',
  ].join('\r\n');
  expect(maskSecrets(text)).toBe(text);
});

test('secrets are hidden in their places, and every line stays', () => {
  const text =
    'users:\n- user:\n    client-key-data: |\n      ab\n      cd\n    token: x # a\n  name: a\ncurrent-context: b\n';
  expect(maskSecrets(text)).toBe(
    'users:\n- user:\n    client-key-data: DATA+OMITTED\n    token: REDACTED # a\n  name: a\ncurrent-context: b\n',
  );
});

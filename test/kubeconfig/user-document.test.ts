import { describe, expect, test } from '@jest/globals';
import { messageOf } from '../../src/errors.js';
import { entriesOf, parseKubeconfig } from '../../src/kubeconfig/user-document.js';

describe('what a kubeconfig says', () => {
  test.each<[string, string | undefined, string[]]>([
    ['nothing, where there is no file', undefined, []],
    ['nothing, where it is empty', '', []],
    ['nothing, where it is null', 'null\n', []],
    ['YAML', 'contexts:\n- name: a\n- {name: b, context: {}}\n', ['a', 'b']],
    ['JSON', '{"contexts": [{"name": "a"}]}', ['a']],
    ['behind a byte order mark', '\ufeffcontexts: [{name: a}]', ['a']],
    ['in the first document', 'contexts: [{name: a}]\n---\ncontexts: [{name: b}]\n', ['a']],
    [
      'with aliases and merge keys',
      'contexts:\n- &a\n  name: a\n- *a\n- {<<: *a, name: c}\n',
      ['a', 'a', 'c'],
    ],
    ['but not what has no name', 'contexts:\n- name: 1\n- context: {}\n-\n', []],
  ])('%s', (_, text, names) => {
    const { content } = parseKubeconfig('config', text);
    expect(entriesOf(content, 'contexts').map(({ name }) => name)).toEqual(names);
  });
});

describe('not a kubeconfig', () => {
  test.each([
    ['broken YAML', 'users:\n- name: a\n  user: {token: TOPSECRET\n', 'line 4'],
    ['a key twice', 'kind: Config\nTOPSECRET: a\nTOPSECRET: b\n', 'line 3, duplicate key'],
    ['an unknown alias', 'a: 1\nb: *TOPSECRET\n', 'aliases'],
    ['a list', '- TOPSECRET\n', 'not a mapping'],
    ['a text', 'TOPSECRET\n', 'not a mapping'],
    ['another kind', 'kind: TOPSECRET\n', 'kind'],
    ['another version', 'apiVersion: TOPSECRET/v1\n', 'apiVersion'],
    ['clusters that are a text', 'clusters: TOPSECRET\n', 'clusters are not a list'],
    ['a user that is a text', 'users: [TOPSECRET]\n', 'users are not all mappings'],
    [
      'aliases that grow out of bounds',
      `a0: &a0 [TOPSECRET]\n${Array.from({ length: 9 }, (_, n) => `a${n + 1}: &a${n + 1} [${Array(9).fill(`*a${n}`).join(',')}]\n`).join('')}`,
      'aliases',
    ],
  ])('%s', (_, text, reason) => {
    let message = '';
    try {
      parseKubeconfig('/home/me/con\u001bfig', text);
    } catch (error) {
      expect(error).toMatchObject({ code: 'kubeconfig-unusable' });
      message = messageOf(error);
    }
    expect(message).toContain(reason);
    expect(message).toContain('/home/me/con fig');
    expect(message).not.toContain('TOPSECRET');
  });
});

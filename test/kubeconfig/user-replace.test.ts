import { describe, expect, test } from '@jest/globals';
import { parseKubeconfig, type KubeconfigFile } from '../../src/kubeconfig/user-document.js';
import { planReplacements, type UserReplacement } from '../../src/kubeconfig/user-replace.js';
import { rewriteKubeconfig } from '../../src/kubeconfig/user-rewrite.js';
import { usersOf } from '../../src/kubeconfig/user-usage.js';
import { contextEntry, entryLines } from './fixtures.js';

const text = [
  '# mine',
  'users: # all',
  '- name: before',
  '  user: {token: t} # a token',
  '# shared',
  '- name: "user" # by the console',
  '  user:',
  '    as: somebody',
  '    client-certificate-data: Yw==',
  '    client-key-data: aw==',
  '- name: behind',
  'contexts:',
  '- name: eck-1 # first',
  '  context: {cluster: a, user: user, namespace: x}',
  '- context:',
  '    user: user # second',
  '    cluster: b',
  '  name: eck-2',
  '',
].join('\n');

const execLines = (id: string): string[] => entryLines(id, 'users').slice(2);

/** The contents of files after the user `user` of the first was replaced. */
function replace(
  texts: readonly string[],
  successors: readonly [name: string, ...contexts: string[]][],
  changes: Partial<UserReplacement> = {},
): (string | undefined)[] {
  const files = texts.map((each, index) => parseKubeconfig(`file-${index}`, each));
  const planned = planReplacements(files, [replacement(files, successors, changes)]);
  return files.map(({ path }) => {
    const change = planned.find(({ file }) => file.path === path);
    return change && rewriteKubeconfig(change.file, change.content);
  });
}

function replacement(
  files: readonly KubeconfigFile[],
  successors: readonly [name: string, ...contexts: string[]][],
  changes: Partial<UserReplacement>,
): UserReplacement {
  const user = usersOf(files).find(({ name }) => name === 'user');
  if (user === undefined) throw new Error('there is no such user');
  return {
    user,
    successors: successors.map(([name, ...contexts]) => ({ name, exec: contextEntry(name).exec, contexts })),
    stays: false,
    ...changes,
  };
}

describe('a user is replaced', () => {
  test('where it stands, and nothing else changes', () => {
    const [after] = replace([text], [['eck-1', 'eck-1', 'eck-2']]);
    expect(after).toBe(
      text.replace(/( {4}as: somebody\n)[^]*?(?=- name: behind)/, `$1${execLines('eck-1').join('\n')}\n`),
    );
  });

  test('by one for each cluster, where contexts of several share it', () => {
    const [after = ''] = replace(
      [text],
      [
        ['eck-1', 'eck-1'],
        ['eck-2', 'eck-2'],
      ],
    );
    expect(after).toContain('- name: "user" # by the console\n');
    expect(after).toContain('    user: eck-2 # second\n');
    expect(after).toContain('context: {cluster: a, user: user, namespace: x}');
    expect(after).toContain(
      ['- name: behind', '- name: eck-2', '  user:', '    as: somebody', ...execLines('eck-2')].join('\n'),
    );
    expect(after).not.toContain('client-key');
  });

  test('beside it, where it stays for others', () => {
    const [after = ''] = replace([text], [['eck-2', 'eck-2']], { stays: true });
    expect(after).toContain('    client-key-data: aw==\n');
    expect(after).toContain('    user: eck-2 # second\n');
  });

  test('under a name that is free', () => {
    const taken = text.replace('- name: behind', '- name: eck-2\n  user: {token: t}');
    const [after = ''] = replace([taken], [['eck-2', 'eck-2']], { stays: true });
    expect(after).toContain('    user: eck-2-2 # second\n');
    expect(after).toContain('- name: eck-2-2\n');
  });

  test('by one that is there already and says the same', () => {
    const there = text.replace(
      '- name: behind',
      ['- name: eck-2', '  user:', '    as: somebody', ...execLines('eck-2')].join('\n'),
    );
    const [after] = replace([there], [['eck-2', 'eck-2']], { stays: true });
    expect(after).toBe(there.replace('user: user # second', 'user: eck-2 # second'));
  });

  test('in its own file, and its contexts in theirs', () => {
    const [contexts, users] = [
      text.slice(text.indexOf('contexts:')),
      text.slice(0, text.indexOf('contexts:')),
    ];
    const [first = '', second = ''] = replace([users, contexts], [['eck-2', 'eck-2']], { stays: true });
    expect(first).toContain('- name: eck-2\n');
    expect(second).toBe(contexts.replace('user: user # second', 'user: eck-2 # second'));
  });
});

describe('nothing is replaced', () => {
  test.each([
    ['a user that says something else by now', text.replace('aw==', 'bw==')],
    ['a user that is gone', text.replace('"user"', 'other')],
    ['a context that has another user by now', text.replace('user: user # second', 'user: before')],
  ])('where there is %s', (_, changed) => {
    const wanted = replacement(
      [parseKubeconfig('file', text)],
      [
        ['eck-1', 'eck-1'],
        ['eck-2', 'eck-2'],
      ],
      {},
    );
    expect(() => planReplacements([parseKubeconfig('file', changed)], [wanted])).toThrow(
      expect.objectContaining({ code: 'kubeconfig-unusable' }),
    );
  });
});

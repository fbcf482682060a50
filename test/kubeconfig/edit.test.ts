import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { editKubeconfig, type ItemChange } from '../../src/kubeconfig/edit.js';
import { sections } from '../../src/kubeconfig/entry.js';
import { parseKubeconfig } from '../../src/kubeconfig/parse.js';
import { added as addedTo, entryLines, lovedKubeconfig, sectionsText, withPlaces } from './fixtures.js';

const added = (id: string): ItemChange[] => sections.map((section) => addedTo(section, id));
const deleted = (id: string): ItemChange[] => sections.map((section) => ({ section, name: id, item: undefined }));

function edit(text: string, items: readonly ItemChange[], currentContext?: string): string {
  return editKubeconfig(parseKubeconfig('config', text), { items, currentContext });
}

/** Layouts with marks where the new entries belong. */
const layouts = Object.entries({
  'by hand': lovedKubeconfig,
  'by hand, on Windows': `\ufeff${lovedKubeconfig.replaceAll('\n', '\r\n')}`,
  'as kubectl writes it': `apiVersion: v1\nclusters:\n- cluster:\n    server: https://a\n  name: a\n«clusters»\ncontexts:\n- context:\n    cluster: a\n    user: a\n  name: a\n«contexts»\ncurrent-context: a\nkind: Config\npreferences: {}\nusers:\n- name: a\n  user: {}\n«users»\n`,
  'between document markers':
    '%YAML 1.1\n--- # x\nclusters:\n- name: a\n  cluster: {}\n«clusters»\nusers: # none\n«users»\ncontexts:\n-\n«contexts»\n---\nclusters: "what is this?\n',
  'with lists indented by four':
    'clusters:\n    - name: a\n      cluster: {}\n    «clusters»\nusers:\n    - name: a\n    # c\n      user: {token: x}\n    «users»\ncontexts:\n    - name: a\n      # of a\n    «contexts»\n    # end\n',
  'with a key twice':
    'clusters: [] # not this one\nclusters:\n- name: a\n«clusters»\nusers:\n«users»\ncontexts:\n«contexts»\n',
});

describe.each(layouts)('a kubeconfig %s', (_, template) => {
  const { before, after } = withPlaces(template, 'eck-1');
  const cut = (text: string): string => text.replace(/\r?\n$/, '');

  test('gets new entries, and no other byte changes', () => {
    expect(before).not.toContain('«');
    expect(edit(before, added('eck-1'))).toBe(after);
    expect(edit(after, added('eck-1'))).toBe(after);
    expect(edit(cut(before), added('eck-1'))).toBe(cut(after));
  });

  test('is the same as before after they are deleted', () => {
    expect(edit(after, deleted('eck-1'))).toBe(before);
  });
});

const newFile = `apiVersion: v1\nkind: Config\npreferences: {}\n${sectionsText('eck-1')}`;

test.each<[string, string, string]>([
  ['nothing', '', newFile],
  ['a byte order mark', '\ufeff', `\ufeff${newFile}`],
  ['comments only', '# mine\n\n# too\n', `# mine\n\n# too\n${newFile}`],
  ['no lists', 'kind: Config # x\n# end\n', `kind: Config # x\n${sectionsText('eck-1')}# end\n`],
  [
    'the empty lists of kubectl',
    'clusters: null\nusers: [] # x\ncontexts: ~\n',
    sectionsText('eck-1').replace('users:', 'users: # x'),
  ],
  [
    'a list in brackets',
    'clusters: [{name: a, cluster: {server: "https://a"}},\n  ]\nkind: Config\n',
    `clusters:\n- name: a\n  cluster:\n    server: https://a\n${entryLines('eck-1', 'clusters').join('\n')}\nkind: Config\n${sectionsText('eck-1').replace(/^clusters:[^]*?(?=users:)/, '')}`,
  ],
])('a kubeconfig with %s gets new entries', (_, before, after) => {
  expect(edit(before, added('eck-1'))).toBe(after);
});

test('an entry that changes is rendered anew where it is', () => {
  const text =
    '# a\nusers:\n# b\n- user: {token: x} # c\n  # d\n  name: "eck-1"\n  x-team: [edge]\n# e\n\n- &a {name: other}\n# f\n';
  const item = { user: { token: 'yes' }, name: 'eck-1', 'x-team': ['edge'] };
  expect(edit(text, [{ section: 'users', name: 'eck-1', item }])).toBe(
    '# a\nusers:\n# b\n- user:\n    token: "yes"\n  name: eck-1\n  x-team:\n  - edge\n# e\n\n- &a {name: other}\n# f\n',
  );
});

test.each([
  ['is replaced alone', 'current-context:   "a" # now\n', 'current-context:   eck-1 # now\n'],
  ['is set if it is empty', 'current-context: ""\n', 'current-context: eck-1\n'],
  ['is set if it is missing', 'current-context: # none\n', 'current-context: eck-1 # none\n'],
  ['is added', '', 'current-context: eck-1\n'],
])('the current context %s', (_, before, after) => {
  expect(edit(`kind: Config\n${before}# end\n`, [], 'eck-1')).toBe(`kind: Config\n${after}# end\n`);
});

describe('JSON stays JSON with its indentation', () => {
  const content = { kind: 'Config', clusters: [{ name: 'a', cluster: { server: 'https://a' } }], users: [] };
  const wanted = parse(sectionsText('eck-1')) as Record<string, unknown[]>;
  const clusters = [...content.clusters, ...(wanted['clusters'] ?? [])];

  test.each<[string, (value: unknown) => string]>([
    ['on one line', (value) => JSON.stringify(value)],
    ['by four', (value) => JSON.stringify(value, null, 4)],
    ['by tabs', (value) => `${JSON.stringify(value, null, '\t')}\n`],
    ['on Windows', (value) => `\ufeff${JSON.stringify(value, null, 2).replaceAll('\n', '\r\n')}\r\n`],
  ])('%s', (_, format) => {
    const after = edit(format(content), added('eck-1'));
    expect(after).toBe(format({ kind: 'Config', ...wanted, clusters }));
    expect(edit(after, deleted('eck-1'))).toBe(format({ ...content, users: null, contexts: null }));
  });
});

describe('a kubeconfig is refused rather than harmed', () => {
  const list = '- name: a\n  cluster: {}\n';
  const layout = 'anchors, aliases, merge keys or layout';
  test.each([
    ['a list from a merge key', `x: &x\n  clusters:\n  ${list.replaceAll('\n', '\n  ')}\n<<: *x\n`, layout],
    ['an alias of a whole list', `clusters: &x\n${list}x: *x\n`, layout],
    ['a block scalar at the end without a line end', 'x:\n- |+\n  keep', layout],
    ['a comment in a list in brackets', 'clusters: [{name: a}, # mine\n  ]\n', layout],
    ['an explicit key', `? clusters\n: ${list.replaceAll('\n', '\n  ')}`, layout],
    ['an indented root', '  kind: Config\n', layout],
    ['an anchor in a deleted entry', `clusters:\n- &a {name: eck-1}\n- {<<: *a, name: b}\n`, layout],
    ['braces that are not JSON', '{kind: Config}\n', 'not JSON'],
  ])('with %s', (_, text, reason) => {
    const changes = text.includes('eck-1') ? deleted('eck-1') : added('eck-1');
    const attempt = () => edit(text, changes);
    expect(attempt).toThrow(expect.objectContaining({ code: 'kubeconfig-unusable' }));
    expect(attempt).toThrow(reason);
  });

  test('in UTF-16', () => {
    const file = parseKubeconfig('config', 'kind: Config\n', true);
    expect(() => editKubeconfig(file, { items: [] })).toThrow(
      expect.objectContaining({ fix: 'Convert it to UTF-8, or use another file: --kubeconfig' }),
    );
  });
});

import { describe, expect, test } from '@jest/globals';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { parseKubeconfig } from '../../src/kubeconfig/user-document.js';
import type { ContextEntry } from '../../src/kubeconfig/user-entry.js';
import { planContexts } from '../../src/kubeconfig/user-plan.js';
import { renderKubeconfig, rewriteKubeconfig } from '../../src/kubeconfig/user-rewrite.js';
import { contextEntry, entryLines, lovedKubeconfig, sectionsText, withPlaces } from './fixtures.js';

/** The text of one file after the entries were written into it. */
function write(text: string, entries: readonly ContextEntry[], setCurrentContext = false): string {
  const file = parseKubeconfig('config', text);
  const { changes } = planContexts([file], entries, { overwrite: false, setCurrentContext });
  const [change] = changes;
  return change === undefined ? text : rewriteKubeconfig(file, change.content);
}

const eck1 = contextEntry('eck-1');

/** Texts with marks where the new entries are expected. */
const shapes: [string, string][] = [
  ['by hand', lovedKubeconfig],
  ['by hand, on Windows', `\ufeff${lovedKubeconfig.replaceAll('\n', '\r\n')}`],
  [
    'as kubectl writes it',
    `apiVersion: v1\nclusters:\n- cluster:\n    server: https://a\n  name: a\n«clusters»\ncontexts:\n- context:\n    cluster: a\n    user: a\n  name: a\n«contexts»\ncurrent-context: a\nkind: Config\npreferences: {}\nusers:\n- name: a\n  user: {}\n«users»\n`,
  ],
  ['with absent lists', '# mine\nclusters:\n«clusters»\nusers: # none\n«users»\n\ncontexts:\n«contexts»\n'],
  [
    'in a document with markers',
    '---\nclusters:\n- name: a\n  cluster: {}\n«clusters»\nusers:\n- name: a\n«users»\ncontexts:\n-\n«contexts»\n...\n',
  ],
  [
    'in the first of two documents',
    'clusters:\n«clusters»\nusers:\n«users»\ncontexts:\n«contexts»\n---\nclusters: "what is this?\n',
  ],
  [
    'with lists indented by four',
    'clusters:\n    - name: a\n      cluster: {}\n    «clusters»\nusers:\n    - name: a\n    # c\n      user: {token: x}\n    «users»\ncontexts:\n    - name: a\n    «contexts»\n',
  ],
];

describe('new entries are put into a kubeconfig', () => {
  test.each(shapes)('%s', (_, template) => {
    const { before, after } = withPlaces(template, 'eck-1');
    expect(before).not.toContain('«');
    expect(write(before, [eck1])).toBe(after);
    expect(write(after, [eck1])).toBe(after);
  });

  test.each(shapes)('%s, without a line end at the end of the file', (_, template) => {
    const { before, after } = withPlaces(template, 'eck-1');
    const cut = (text: string) => text.replace(/\r?\n$/, '');
    expect(write(cut(before), [eck1])).toBe(cut(after));
  });

  test.each<[string, string, string]>([
    ['empty', '', `apiVersion: v1\nkind: Config\npreferences: {}\n${sectionsText('eck-1')}`],
    [
      'with comments only',
      '# mine',
      `# mine\napiVersion: v1\nkind: Config\npreferences: {}\n${sectionsText('eck-1')}`,
    ],
    [
      'without lists',
      'apiVersion: v1\nkind: Config # x\n# end\n',
      `apiVersion: v1\nkind: Config # x\n${sectionsText('eck-1')}# end\n`,
    ],
    [
      'with the empty lists of kubectl',
      'clusters: null\nusers: [] # x\ncontexts: null\n',
      sectionsText('eck-1').replace('users:', 'users: # x'),
    ],
  ])('%s', (_, before, after) => {
    expect(write(before, [eck1])).toBe(after);
    expect(write(after, [eck1])).toBe(after);
  });

  test.each([
    ['compact JSON', (value: unknown) => JSON.stringify(value)],
    ['JSON over lines', (value: unknown) => JSON.stringify(value, null, 4)],
    ['JSON with tabs', (value: unknown) => `${JSON.stringify(value, null, '\t')}\n`],
  ])('%s, which stays JSON', (_, format) => {
    const before = {
      kind: 'Config',
      clusters: [{ name: 'a', cluster: { server: 'https://a' } }],
      users: [],
      contexts: null,
    };
    const parts = parse(renderKubeconfig([eck1], { setCurrentContext: false })) as Record<string, unknown[]>;
    const after = {
      kind: 'Config',
      clusters: [...before.clusters, ...(parts['clusters'] ?? [])],
      users: parts['users'],
      contexts: parts['contexts'],
    };
    const written = write(format(before), [eck1]);
    expect(JSON.parse(written)).toEqual(after);
    if (format(before).includes('\n')) expect(written).toBe(format(after));
  });

  test('in the order in which they are given, all at once', () => {
    const ids = ['eck-3', 'eck-1', 'eck-2'];
    const template =
      'clusters:\n- name: a\n«clusters»\nusers:\n- name: a\n«users»\ncontexts:\n- name: a\n«contexts»\n';
    const all = template.replace(/^«(\w+)»\n/gm, (mark) => mark.repeat(3));
    let turn = 0;
    const expected = all.replace(/^«(\w+)»\n/gm, (_, section: 'clusters') => {
      const id = ids[turn % 3] ?? '';
      turn += 1;
      return `${entryLines(id, section).join('\n')}\n`;
    });
    expect(
      write(
        withPlaces(template, '').before,
        ids.map((id) => contextEntry(id)),
      ),
    ).toBe(expected);
  });
});

describe('whatever the layout, the text says what it said and the new entries, and no character of it is gone', () => {
  const content = {
    apiVersion: 'v1',
    clusters: [{ name: 'a', cluster: { server: 'https://a', 'x-list': ['b', { c: null }] } }],
    contexts: [{ context: { cluster: 'a', user: 'a' }, name: 'a' }],
    users: [{ name: 'a', user: { token: 'line\nline\n', exec: {} } }],
    'x-empty': null,
  };
  const layouts = [2, 4].flatMap((indent) =>
    [true, false].flatMap((indentSeq) =>
      (['any', 'flow'] as const).flatMap((collectionStyle) =>
        (['PLAIN', 'QUOTE_DOUBLE', 'BLOCK_LITERAL'] as const).map((defaultStringType) => ({
          indent,
          indentSeq,
          collectionStyle,
          defaultStringType,
        })),
      ),
    ),
  );
  const frames: [string, (text: string) => string][] = [
    ['as it is', (text) => text],
    ['with CRLF', (text) => text.replaceAll('\n', '\r\n')],
    ['with a byte order mark', (text) => `\ufeff${text}`],
    ['without a line end', (text) => text.trimEnd()],
    ['between markers', (text) => `--- # x\n${text}...\n# y\n`],
    ['with comments', (text) => `# x\n\n${text.replace(/\n(?=\w)/g, '\n# y\n\n# z\n')}# end`],
  ];

  test.each(frames)('%s', (_, frame) => {
    for (const layout of layouts) {
      const before = frame(stringify(content, { ...layout, defaultKeyType: 'PLAIN' }));
      const [document] = parseAllDocuments(before);
      const said = document?.toJS() as typeof content;
      const after = write(before, [eck1, contextEntry('eck-2')], true);
      const added = parse(
        renderKubeconfig([eck1, contextEntry('eck-2')], { setCurrentContext: true }),
      ) as typeof content;
      expect(parseAllDocuments(after)[0]?.toJS()).toEqual({
        ...said,
        clusters: [...said.clusters, ...added.clusters],
        users: [...said.users, ...added.users],
        contexts: [...said.contexts, ...added.contexts],
        'current-context': 'eck-1',
      });
      expect(isSubsequence(before, after)).toBe(true);
      expect(write(after, [eck1, contextEntry('eck-2')], true)).toBe(after);
    }
  });
});

/** Whether `part` is left if some characters are taken out of `whole`. */
function isSubsequence(part: string, whole: string): boolean {
  let found = 0;
  for (const character of whole) if (character === part.charAt(found)) found += 1;
  return found === part.length;
}

describe('the current context', () => {
  test.each([
    [
      'is replaced, and nothing beside it',
      'current-context:   "a" # now\n',
      'current-context:   eck-1 # now\n',
    ],
    ['is set where it was empty', 'current-context: ""\n', 'current-context: eck-1\n'],
    ['is set where it was missing', 'current-context:  # none\n', 'current-context: eck-1  # none\n'],
    ['is added', '', 'current-context: eck-1\n'],
  ])('%s', (_, line, expected) => {
    const others = `kind: Config\n${sectionsText('eck-1')}`;
    expect(write(others + line, [eck1], true)).toBe(others + expected);
    expect(write(others + line, [eck1], false)).toBe(others + line);
  });
});

describe('an entry of ours is changed where it stands', () => {
  const { before } = withPlaces(lovedKubeconfig, 'eck-1');
  const text = before
    .replace(
      '# --- production ---\n',
      `${entryLines('eck-1', 'clusters').join('\n')} # x\n  # of eck-1\n# --- production ---\n`,
    )
    .replace(
      'users:\n',
      `users:\n${entryLines('eck-1', 'users')
        .map((line) => `  ${line}`)
        .join('\n')}\n`,
    )
    .replace(
      '# ten of them\n',
      '# ten of them\n- {name: eck-1, context: {user: eck-1, cluster: eck-1, namespace: mine}}\n',
    );

  test.each<[string, Partial<ContextEntry>, string, string]>([
    ['its server', { server: 'https://new' }, 'server: https://eck-1.example:6443', 'server: https://new'],
    ['its CA', { certificateAuthorityPem: 'x' }, /data: LS.*(?= # x)/.exec(text)?.[0] ?? '', 'data: eA=='],
    [
      'its arguments',
      { exec: { ...eck1.exec, args: ['exec-credential', '--cluster-id', 'eck-1', '--profile', 'p'] } },
      '--cluster-id, eck-1]',
      '--cluster-id, eck-1, --profile, p]',
    ],
    [
      'its version',
      { exec: { ...eck1.exec, apiVersion: 'client.authentication.k8s.io/v1beta1' } },
      'k8s.io/v1\n        command: kubectl-eck',
      'k8s.io/v1beta1\n        command: kubectl-eck',
    ],
    ['its namespace', { namespace: 'other' }, 'namespace: mine', 'namespace: other'],
    [
      'its TLS server name',
      { tlsServerName: 'tls.example' },
      ' # x\n  # of eck-1\n',
      ' # x\n    tls-server-name: tls.example\n  # of eck-1\n',
    ],
  ])('%s', (_, changes, from, to) => {
    expect(text.split(from)).toHaveLength(2);
    expect(write(text, [contextEntry('eck-1', changes)])).toBe(text.replace(from, to));
  });
});

describe('a kubeconfig is refused rather than harmed', () => {
  const list = `- name: a\n  cluster: {}\n`;
  test.each([
    ['a list is an alias', `x: &x\n${list}clusters: *x\n`],
    ['a list comes from a merge key', `x: &x\n  clusters:\n  ${list.replaceAll('\n', '\n  ')}\n<<: *x\n`],
    ['an alias stands for the list as well', `clusters: &x\n${list}x: *x\n`],
    ['a block scalar ends without the line end that it keeps', 'x:\n- |+\n  keep'],
    ['an empty list has a comment in it', 'clusters: [\n  # none\n  ]\n'],
  ])('where %s', (_, text) => {
    const attempt = () => write(text, [eck1]);
    expect(attempt).toThrow(expect.objectContaining({ code: 'kubeconfig-unusable' }));
    expect(attempt).toThrow('Nothing was changed');
  });

  test('where an alias elsewhere names an anchor in the entry', () => {
    const text = `x: *ca\n${sectionsText('eck-1')}`;
    const anchored = sectionsText('eck-1').replace('data: ', 'data: &ca ');
    expect(() => write(text, [eck1])).toThrow(expect.objectContaining({ code: 'kubeconfig-unusable' }));
    const changed = contextEntry('eck-1', { certificateAuthorityPem: 'x' });
    expect(() => write(`${anchored}x: *ca\n`, [changed])).toThrow(
      expect.objectContaining({ code: 'kubeconfig-unusable' }),
    );
  });
});

describe('a kubeconfig of its own', () => {
  test('holds the entries and nothing else', () => {
    expect(renderKubeconfig([eck1], { setCurrentContext: true })).toBe(
      `apiVersion: v1\nkind: Config\npreferences: {}\n${sectionsText('eck-1')}current-context: eck-1\n`,
    );
  });

  test('keeps names as text that YAML would take for something else', () => {
    const names = [
      'yes',
      '0123',
      '1e3',
      'null',
      '~',
      '1:20',
      '2001-01-01',
      '- x',
      'a: b',
      '#x',
      "it's",
      '"',
      ' ',
      '日本',
      'a\u2028b',
    ];
    const rendered = renderKubeconfig(
      names.map((name) => contextEntry(name)),
      { setCurrentContext: true },
    );
    for (const version of ['1.1', '1.2'] as const) {
      const { contexts } = parse(rendered, { version }) as { contexts: { name: string }[] };
      expect(contexts.map(({ name }) => name)).toEqual(names);
    }
  });
});

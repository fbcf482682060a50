import { stringify } from 'yaml';
import { toolKubeconfigs } from '../support/tool-kubeconfigs.js';
import { lovedKubeconfig, withPlaces } from './fixtures.js';

/** Texts that are separated by `¦` or line ends, with `\n`, `\t`, `\r`, `\0`, `\\` and `\u0000` as in a string. */
function split(list: string): string[] {
  return list.split(/¦|\n/).map((text) =>
    text.replace(/\\(?:u([\da-f]{4})|(.))/g, (_, code: string | undefined, letter: string) => {
      const named: Record<string, string> = { n: '\n', t: '\t', r: '\r', 0: '\0' };
      return code === undefined ? (named[letter] ?? letter) : String.fromCharCode(parseInt(code, 16));
    }),
  );
}

const scalars = split(
  String.raw`a¦123¦433e40¦yes¦off¦0x10¦0777¦1_000¦0o17¦.5¦1.¦1:20¦2001-01-01¦_0¦=¦""¦null¦~¦y¦n¦N¦On¦08¦0b1¦+1¦-1¦-.inf
.nan¦.NaN¦1e3¦1e¦1.5e+3¦0x¦_¦1__0¦0o8¦+.5¦-.¦0xg¦1,000¦!!str 1¦!!int "1"¦!!binary YQ==¦!foo a¦!!null ""¦! 1¦"\\x41"
"\\/"¦"\\q"¦"\\ud83d\\ude00"¦'it''s'¦a #b¦a: b¦a:b¦@a¦%a¦*a¦&a b¦? a¦- a¦[a¦{a¦a]¦{}¦[]¦\ta¦a\t¦"a¦"a" b¦a\\¦<<¦\u00a0a¦é
a\u2028b¦\ufeffa¦\u007f¦|\n    a\n   b¦|0\n     a¦>-\n     a\n     b¦|a¦|# a¦"a\n     b"¦'a\n\n     b'¦a\n     b¦a\n     b: c`,
);
const base64 = split(String.raw`YQ==¦YQ¦"YQ=\\n="¦YR==¦Y Q==¦-_==¦"=="¦YQ==YQ==¦|\n    YQ\n    ==\n¦""¦null¦[]¦[89]`);

/** Texts of every kind, most with one oddity each. */
const handMade = [
  ...scalars.map((text) => `contexts:\n- context: {}\n  name: ${text}\n`),
  ...base64.map((text) => `users:\n- name: a\n  user:\n   client-key-data: ${text}\n`),
  ...split(String.raw`¦ ¦\n¦# a¦---¦...¦--- {}¦--- a¦---\n---\n¦---\n...\n---\nusers: 1¦x: {y: 1}\n---\n{{{\n
null¦1¦a¦[]¦{}¦{¦}¦"¦{}{}¦{} {}¦{}\n{}¦[]\n¦a: b: c¦a\nb¦- a¦? users\n: []¦: a¦a:¦a : b¦"users": []¦'users': []
{"users": []}¦{"users": [],}¦{users: []}¦{"users": [1]}¦{"users": [], "users": [{"name": 1}]}¦{"users": []} x
{'users': []}¦{"users":\t[]}¦{\t"users": []}¦\t{"users": []}¦{"kind": "config"}¦{"Kind": 1}¦Users: 1¦{"x": "\\ud800"}
kind: Config¦kind: List¦kind: ""¦kind: null¦kind: 1¦apiVersion: v2¦apiVersion: ""¦apiVersion: v1beta1\nkind: Config
users:\n- name: a\n- name: a¦users: [{name: a}, {name: A}]¦users: [{}, {}]¦users: [null]¦users: [{name: null}, {name: ""}]
extensions: [{name: a}, {name: a, extension: {}}]¦extensions: [{name: a, extension: {}}, {name: a}]
users: []\nusers: [{name: a}]¦users: [{name: a}]\nusers: null¦users: [{name: a, name: b}]¦{"users": null, "users": 1}
%YAML 1.1\n---\nusers: []¦%YAML 1.2\n---\nusers: []¦%YAML 1.1\nusers: []¦%TAG ! tag:a,2000:\n---\nx: 1¦%FOO bar\n---\nx: 1¦%\n---
x: &a {name: b}\nusers: [*a]¦x: &a {name: b}\nusers: [{<<: *a}]¦users: [*a]¦x: &a [*a]¦users: [{<<: [{name: b}, {name: c}]}]
users:\n- <<: 1¦users:\n- <<: [1]¦<<: {users: 1}¦"<<": {users: 1}¦users: &a¦x: & b¦*a : b¦&a x: 1\n*a : 2
users:\n  - name: a\n - name: b¦users:\n- name: a\n   user: {}¦users:\n- name: a\n\tuser: {}¦users:\n-\tname: a¦users:\t[]
users:\n-name: a¦users:\n- name:a¦users: [{name: a}, ]¦users: [{name: a},, ]¦users: [{name: a} {name: b}]¦users: [\n]¦users: [name: a]
users: [{name:a}]¦users: [{"name":"a"}]¦users: [{name}]¦users: []#¦users: [] #¦x: - a¦x:\n- a\n  - b¦x: "a": b¦x: [a¦x: a]
\ufeffusers: []¦\ufeff\ufeffx: 1¦users: []\n\ufeff¦\ufeff¦x: 1\n\ufeffy: 2¦users: []\r\n¦x: 1\ry: 2\r¦x: 1\u0085y: 2
contexts:\n- &a\n  name: a\n- {<<: *a, name: c}¦contexts: []\ncontexts: [{name: a}]¦# x\n---\ncontexts: [{name: a}]\n---\n{{{¦{"contexts": [{"name": "a"}]}
\ufeffcontexts: [{name: a}]¦contexts:\n- context: {}\n- name: a¦x: 1\ncontexts: [{name: a, context: {x: yes}, y: 1.}]
x: "\u0001"¦x: a\0b¦x: \ufffe¦users: []\u000c¦x: \u001b[31m¦x: 1e400¦1: 2¦true: 2¦null: 2¦[a]: b¦{a: b}: c¦? [a]\n: b¦1: 2\n"1": 3`),
];

const extensions = [{ name: 'a', extension: { b: 1 } }];
const names = (list: string) => Object.fromEntries(list.split(' ').map((name) => [name, 'YQ==']));
/** Every field that kubectl reads. */
const complete = {
  ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'a', extensions },
  preferences: { colors: true, extensions },
  clusters: [
    {
      name: 'a',
      cluster: {
        ...names('server tls-server-name certificate-authority certificate-authority-data proxy-url'),
        ...{ 'insecure-skip-tls-verify': false, 'disable-compression': false, extensions },
      },
    },
  ],
  users: [
    {
      name: 'a',
      user: {
        ...names('client-certificate client-certificate-data client-key client-key-data token tokenFile'),
        ...names('as as-uid username password'),
        ...{ 'as-groups': ['a'], 'as-user-extra': { a: ['b'], constructor: ['c'] }, extensions },
        'auth-provider': { name: 'a', config: { a: 'b', toString: 'c' } },
        exec: {
          ...names('command apiVersion installHint interactiveMode'),
          ...{ args: ['a'], env: [{ name: 'a', value: 'b' }], provideClusterInfo: true },
        },
      },
    },
  ],
  contexts: [{ name: 'a', context: { ...names('cluster user namespace'), extensions } }],
};

/** A value with each part replaced by values of other types, or doubled in its list. */
function* mutations(value: unknown): Generator {
  yield* [null, 1, 'a b', [null], { a: 1 }];
  if (Array.isArray(value)) {
    for (const other of mutations(value[0])) yield [other];
    yield [...(value as unknown[]), ...(value as unknown[])];
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, part] of Object.entries(value)) {
      for (const other of mutations(part)) yield { ...value, [key]: other };
    }
  }
}

const tools = {
  server: 'https://a',
  authority: 'a',
  certificate: 'b',
  key: 'c',
  token: 'd',
  directory: '/e',
};
const real = [...Object.values(toolKubeconfigs(tools)), withPlaces(lovedKubeconfig, '').before];

/** A text with one line changed, in another way for each line. */
function lineChanges(text: string): string[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    // Half of them are enough, and take half of the time.
    if (index % 2 === 1) return [];
    const [before, after] = [lines.slice(0, index), lines.slice(index + 1)];
    const changed = [
      [],
      [line, line],
      [` ${line}`],
      [`\t${line}`],
      [line.slice(0, line.length / 2)],
      [line.replace(':', '')],
      [line.replace(/: .*/, ': *a')],
    ][(index / 2) % 7];
    return [...before, ...(changed ?? []), ...after].join('\n');
  });
}

/** Kubeconfigs, valid or not: made by hand, written by tools, and changed from those. */
export const corpus = [
  ...new Set([
    ...handMade,
    ...Array.from(mutations(complete), (value) => stringify(value, { aliasDuplicateObjects: false })),
    ...real,
    ...real.flatMap(lineChanges),
  ]),
];

/** Where we and kubectl disagree: why, whether kubectl accepts the text, and how such a text looks. */
export const disagreements: readonly (readonly [reason: string, isAccepted: boolean, pattern: RegExp])[] = [
  ['kubectl ignores, and would lose, what follows the first value', true, /^ +\S|^\{.*\}.*\S/s],
  ['base64 as a list of bytes: no tool writes it', true, /-data:(?: \[|\n +- null)/],
  ['tags: no tool writes them', true, / !(?:!binary|foo) /],
  ['more line ends than a line feed (YAML 1.1): no tool writes them', true, /[\u0085\u2028]/],
  ['more line ends, which end a text without quotes', false, /\u2028/],
  ['a comment directly behind |: no tool writes it', true, /\|# a/],
  ['a tab in a blank line or before a brace: what it says is clear', false, /^ *\t *(?:#.*|\{.*)?$/m],
  ['escapes of JSON, which is more than YAML 1.1', false, /\\\/|\\ud8/],
  ['keys that are no text', false, /^(?:null|\[a\]|\{a: b\}|\? \[a\]\n):/],
  ['a directive that is unknown, or a lone end of a document', false, /^(?:%FOO|\.\.\.$)/],
  ['a byte order mark at the end', false, /\n\ufeff$/],
  ['only apiVersion and kind in other letters, as kubectl does not expect them', false, /^\{"Kind"/],
];

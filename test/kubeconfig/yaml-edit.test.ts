import { describe, expect, test } from '@jest/globals';
import { parse, parseDocument } from 'yaml';
import { editYaml, YamlEditError } from '../../src/kubeconfig/yaml-edit.js';

type Mapping = Record<string, unknown>;

function edit(text: string, after: Mapping, protectedDepth = 1): string {
  const document = parseDocument(text, { keepSourceTokens: true, merge: true });
  return editYaml(text, document.contents, document.toJS(), after, protectedDepth);
}

/** Each row: what it is about, the text, what it is to say, the text that it becomes. */
const rows: [string, string, Mapping, string][] = [
  ['nothing to change', 'a:   1 # one\n', { a: 1 }, 'a:   1 # one\n'],
  ['a value', 'a:   1 # one\nb: 2\n', { a: 3, b: 2 }, 'a:   3 # one\nb: 2\n'],
  ['a quoted value', `a: "x"\nb: 'y'\n`, { a: 'z', b: 'y' }, `a: z\nb: 'y'\n`],
  ['a value on a line of its own', 'a:\n  x\nb: 1\n', { a: 'z', b: 1 }, 'a:\n  z\nb: 1\n'],
  ['a value over several lines', 'a: x\n  y # c\nb: 1\n', { a: 'z', b: 1 }, 'a: z # c\nb: 1\n'],
  ['a block scalar', 'a: |\n  x\n  y\nb: 1\n', { a: 'z', b: 1 }, 'a: z\nb: 1\n'],
  ['a value that was missing', 'a: # none\nb: 1\n', { a: 2, b: 1 }, 'a: 2 # none\nb: 1\n'],
  ['a value behind an anchor', 'a: &x 1\nb: 1\n', { a: 2, b: 1 }, 'a: &x 2\nb: 1\n'],
  ['an alias', 'a: &x 1\nb: *x # same\n', { a: 1, b: 2 }, 'a: &x 1\nb: 2 # same\n'],
  ['a string that YAML 1.1 reads as something else', 'a: x\n', { a: 'yes' }, 'a: "yes"\n'],
  ['a string with line ends', 'a: x\n', { a: 'b\nc' }, 'a: "b\\nc"\n'],
  ['a string with the line ends of YAML 1.1', 'a: x\n', { a: 'b\u2028c\u0085' }, 'a: "b\\u2028c\\u0085"\n'],
  ['another key', 'a: 1 # one\n# end\n', { a: 1, b: 'x' }, 'a: 1 # one\nb: x\n# end\n'],
  [
    'another key in an indented mapping',
    'a:\n    b: 1\nc: 2\n',
    { a: { b: 1, d: 3 }, c: 2 },
    'a:\n    b: 1\n    d: 3\nc: 2\n',
  ],
  ['another key, no line end behind', 'a: 1', { a: 1, b: 2 }, 'a: 1\nb: 2'],
  ['another key, a missing value before', 'a:\n', { a: null, b: 2 }, 'a:\nb: 2\n'],
  ['another key, an anchor before', '&r\n&k a: 1\n', { a: 1, b: 2 }, '&r\n&k a: 1\nb: 2\n'],
  [
    'another key, a merge key before',
    'a: &x {c: 1}\nb:\n  <<: *x\n',
    { a: { c: 1 }, b: { c: 1, d: 2 } },
    'a: &x {c: 1}\nb:\n  <<: *x\n  d: 2\n',
  ],
  [
    'a key in place of a merged one',
    'a: &x {c: 1}\nb:\n  <<: *x\n',
    { a: { c: 1 }, b: { c: 2 } },
    'a: &x {c: 1}\nb:\n  <<: *x\n  c: 2\n',
  ],
  ['another item', 'a:\n- 1\nb: 2\n', { a: [1, 2], b: 2 }, 'a:\n- 1\n- 2\nb: 2\n'],
  ['another item of an indented list', 'a:\n  - 1 # x\n', { a: [1, { b: 2 }] }, 'a:\n  - 1 # x\n  - b: 2\n'],
  ['a changed and another item', 'a:\n- b: 1 # x\n', { a: [{ b: 2 }, 3] }, 'a:\n- b: 2 # x\n- 3\n'],
  [
    'a key in the last item, and another item',
    'a:\n- b: 1\n',
    { a: [{ b: 1, c: 2 }, 3] },
    'a:\n- b: 1\n  c: 2\n- 3\n',
  ],
  [
    'an item with an anchor on its first key',
    'a:\n- &x b: 1\n',
    { a: [{ b: 1, c: 2 }] },
    'a:\n- &x b: 1\n  c: 2\n',
  ],
  [
    'an item that is an alias',
    'a:\n- &x b: 1\n- *x\n',
    { a: [{ b: 1 }, { b: 2 }] },
    'a:\n- &x b: 1\n- b: 2\n',
  ],
  [
    'comments that belong to the last item',
    'a:\n- 1\n\n  # of 1\n# of b\nb: 2\n',
    { a: [1, 2], b: 2 },
    'a:\n- 1\n\n  # of 1\n- 2\n# of b\nb: 2\n',
  ],
  [
    'blank lines that belong to a block scalar',
    'a:\n- |+\n  x\n\nb: 2\n',
    { a: ['x\n\n', 1], b: 2 },
    'a:\n- |+\n  x\n\n- 1\nb: 2\n',
  ],
  [
    'blank lines that do not',
    'a:\n- |\n  x\n\nb: 2\n',
    { a: ['x\n', 1], b: 2 },
    'a:\n- |\n  x\n- 1\n\nb: 2\n',
  ],
  ['the lists of kubectl: []', 'a: [] # none\nb: 1\n', { a: [{ c: 1 }], b: 1 }, 'a: # none\n- c: 1\nb: 1\n'],
  ['the lists of kubectl: null', 'a: null\nb: 1\n', { a: [{ c: 1 }], b: 1 }, 'a:\n- c: 1\nb: 1\n'],
  [
    'an absent list',
    'a: # none\n  # at all\nb: 1\n',
    { a: [{ c: 1 }], b: 1 },
    'a: # none\n- c: 1\n  # at all\nb: 1\n',
  ],
  [
    'an empty mapping',
    'a:\n  b: {} # c\n',
    { a: { b: { c: { d: 1 } } } },
    'a:\n  b: # c\n    c:\n      d: 1\n',
  ],
  [
    'lists are indented as the others are',
    'a:\n  - 1\nb: []\n',
    { a: [1], b: [{ c: 1 }] },
    'a:\n  - 1\nb:\n  - c: 1\n',
  ],
  [
    'a key less',
    'a: 1\nb:\n  c: 1 # c\n  d: 2\ne: 3\n',
    { a: 1, b: { d: 2 }, e: 3 },
    'a: 1\nb:\n  d: 2\ne: 3\n',
  ],
  [
    'an item less',
    'a:\n- b:\n  - 1\n  - 2\n  c: 1\n',
    { a: [{ b: [1], c: 1 }] },
    'a:\n- b:\n  - 1\n  c: 1\n',
  ],
  [
    'an item less, comments around and inside',
    'a:\n# of 1\n- b: 1 # x\n  # inside\n\n# of 2\n- b: 2\n',
    { a: [{ b: 2 }] },
    'a:\n# of 1\n\n# of 2\n- b: 2\n',
  ],
  ['the last item less, no line end behind', 'a:\n  - 1\n  - b: 2', { a: [1] }, 'a:\n  - 1\n'],
  [
    'an item less behind a block scalar',
    'a:\n- |\n  x\n- 2\nb: 1\n',
    { a: ['x\n'], b: 1 },
    'a:\n- |\n  x\nb: 1\n',
  ],
  ['an item less, CRLF', 'a:\r\n- 1\r\n- 2\r\nb: 1\r\n', { a: [2], b: 1 }, 'a:\r\n- 2\r\nb: 1\r\n'],
  ['an item less on the line of another list', 'a:\n- - 1\n  - 2\n', { a: [[2]] }, 'a:\n- - 2\n'],
  ['no items any more', 'a: # none\n- b: 1\n- 2\nc: 1\n', { a: null, c: 1 }, 'a: # none\nc: 1\n'],
  [
    'no items any more in brackets',
    '{"a": [{"b": 1}], "c": 1}\n',
    { a: null, c: 1 },
    '{"a": null, "c": 1}\n',
  ],
  ['the first item of a JSON list less', '{"a": [{"b": "#"}, 2, 3]}', { a: [2, 3] }, '{"a": [2, 3]}'],
  [
    'items of a JSON list over lines less',
    '{\n"a": [\n  1,\n  2,\n  3,\n  4\n]}',
    { a: [1, 3] },
    '{\n"a": [\n  1,\n  3\n]}',
  ],
  ['a mapping instead of a value', 'a:\n- b: 1 # c\n', { a: [{ b: { d: 1 } }] }, 'a:\n- b: # c\n    d: 1\n'],

  [
    'CRLF',
    'a: 1\r\nb:\r\n- x\r\n',
    { a: 2, b: ['x', { c: 1, d: 2 }], e: 3 },
    'a: 2\r\nb:\r\n- x\r\n- c: 1\r\n  d: 2\r\ne: 3\r\n',
  ],
  ['CRLF behind a block scalar', 'a: |\r\n  x\r\n', { a: 'z' }, 'a: z\r\n'],
  ['a byte order mark', '\ufeffa: 1\n', { a: 1, b: 2 }, '\ufeffa: 1\nb: 2\n'],
  [
    'document markers',
    '%YAML 1.2\n--- # x\na: 1\n... # y\n',
    { a: 1, b: 2 },
    '%YAML 1.2\n--- # x\na: 1\nb: 2\n... # y\n',
  ],
  ['an indented root', '  a: 1\n', { a: 1, b: 2 }, '  a: 1\n  b: 2\n'],
  ['an explicit key', '? a\n: - 1\nb: 1\n', { a: [1, 2], b: 1 }, '? a\n: - 1\n  - 2\nb: 1\n'],

  ['nothing yet', '', { a: { b: 1 } }, 'a:\n  b: 1\n'],
  ['a byte order mark and nothing', '\ufeff', { a: 1 }, '\ufeffa: 1\n'],
  ['comments only', '# x\n\n# y', { a: 1 }, '# x\n\n# y\na: 1\n'],
  ['an empty document', '--- # x\n', { a: 1 }, '--- # x\na: 1\n'],
  ['null as a document', 'null # x\n', { a: 1 }, 'a: 1 # x\n'],
  ['{} as a document', '{}\n', { a: 1, b: 2 }, 'a: 1\nb: 2\n'],

  ['a flow list', 'a: [1, 2] # x\n', { a: [1, 2, 'b, c'] }, 'a: [1, 2, "b, c"] # x\n'],
  ['a flow list with a comma behind', 'a: [1, 2, ]\n', { a: [1, 2, 3] }, 'a: [1, 2, 3 ]\n'],
  [
    'a flow list over lines',
    'a: [\n  1, # one\n  2 # two\n  ]\n',
    { a: [1, 2, 3] },
    'a: [\n  1, # one\n  2, # two\n  3\n  ]\n',
  ],
  [
    'a flow list over lines, a comma behind',
    'a: [\n  1, # one\n  ]\n',
    { a: [1, 2] },
    'a: [\n  1, # one\n  2\n  ]\n',
  ],
  ['a flow mapping', 'a: {b: 1}\n', { a: { b: 2, c: 'yes' } }, 'a: {b: 2, c: "yes"}\n'],
  [
    'a flow mapping in a list',
    'a:\n- {b: 1} # x\n',
    { a: [{ b: 1, c: { d: [1] } }, 2] },
    'a:\n- {b: 1, c: {d: [1]}} # x\n- 2\n',
  ],
  ['a flow mapping with a bare key', 'a: {b}\n', { a: { b: 1 } }, 'a: {b: 1}\n'],
  ['a flow mapping with a value missing', 'a: {b: , c:}\n', { a: { b: 1, c: 2 } }, 'a: {b: 1 , c: 2}\n'],
  ['a flow mapping that gets smaller', 'a: {b: 1, c: 2}\n', { a: { c: 2 } }, 'a: {c: 2}\n'],

  [
    'compact JSON',
    '{"a":[],"b":null,"c":[1]}',
    { a: [{ d: 'x' }], b: { e: 1 }, c: [1, 2], f: true },
    '{"a":[{"d":"x"}],"b":{"e":1},"c":[1, 2], "f": true}',
  ],
  [
    'JSON over lines',
    '{\n  "a": [\n    {"b": 1}\n  ],\n  "c": []\n}\n',
    { a: [{ b: 1 }, { b: 2 }], c: [{ d: 1 }] },
    '{\n  "a": [\n    {"b": 1},\n    {\n      "b": 2\n    }\n  ],\n  "c": [\n    {\n      "d": 1\n    }\n  ]\n}\n',
  ],
  [
    'JSON with tabs and CRLF',
    '{\r\n\t"a": null\r\n}',
    { a: [1], b: { c: 2 } },
    '{\r\n\t"a": [\r\n\t\t1\r\n\t],\r\n\t"b": {\r\n\t\t"c": 2\r\n\t}\r\n}',
  ],
  ['JSON with the line ends of YAML 1.1', '{"a":1}', { a: 'x\u2028\u0085' }, '{"a":"x\\u2028\\u0085"}'],
];

describe('an edit leaves every byte that need not change', () => {
  test.each(rows)('%s', (_, text, after, expected) => {
    const edited = edit(text, after);
    expect(edited).toBe(expected);
    expect(parse(edited, { merge: true })).toEqual(after);
  });
});

test('a block scalar that ends without a line end, and needs none, is added to', () => {
  expect(edit('a: >-\n  x', { a: 'x', b: 1 })).toBe('a: >-\n  x\nb: 1');
  expect(() => edit('a: |\n  x', { a: 'x\n', b: 1 })).toThrow(YamlEditError);
});

describe('an edit does not write anew what is protected', () => {
  test.each<[string, string, Mapping]>([
    ['a root that would lose a key', 'a: 1\nb: 2\n', { a: 1 }],
    ['a list that gets shorter and changes otherwise', 'a: [1, 2]\n', { a: [3] }],
    ['a list with a comment between items in brackets', 'a: [1, # one\n 2]\n', { a: [2] }],
    ['a list that is an alias', 'b: &x [1]\na: *x\n', { b: [1], a: [1, 2] }],
    ['a list that comes from a merge key', 'x: &x {a: [1]}\n<<: *x\n', { x: { a: [1] }, a: [1, 2] }],
    ['an empty list with a comment in it', 'a: [ # none\n ]\n', { a: [1] }],
    ['a root with a bare key', '{a, b: 1}\n', { a: 1, b: 1 }],
  ])('%s', (_, text, after) => {
    expect(() => edit(text, after, 2)).toThrow(YamlEditError);
  });
});

import fc from 'fast-check';

/** Names that mean something to JavaScript. */
export const trickyNames = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  'toJSON',
  'then',
  'length',
  '<<',
  '',
] as const;

/** Any text: all of Unicode, lone surrogates, control characters, marks that reorder text. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 2, arbitrary: fc.string({ maxLength: 40 }) },
  {
    weight: 2,
    arbitrary: fc.string({
      unit: fc.constantFrom(
        'a',
        '\0',
        '\n',
        '\r',
        '\x1b[31m',
        '\x7f',
        '\x9b',
        '\u2028',
        '\u202e',
        '\ufeff',
        '\ud800',
      ),
      maxLength: 12,
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom(...trickyNames) },
  { weight: 1, arbitrary: fc.string({ minLength: 2000, maxLength: 4000 }) },
);

/** A value of any type that JSON, YAML or JavaScript has. */
export const anyValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: anyText },
  {
    weight: 3,
    arbitrary: fc.constantFrom<unknown>(
      null,
      undefined,
      true,
      false,
      0,
      -0,
      1e308,
      -1e308,
      Number.MAX_SAFE_INTEGER,
      NaN,
      Infinity,
      '',
      ' ',
      [],
      {},
      [[]],
      [null],
      { toString: 1, valueOf: 1 },
      JSON.parse('{"__proto__": {"name": "x"}, "constructor": 1}') as unknown,
    ),
  },
  {
    weight: 2,
    arbitrary: fc.anything({
      key: fc.oneof(fc.constantFrom(...trickyNames), fc.string({ maxLength: 8 })),
      maxDepth: 2,
      maxKeys: 3,
      withNullPrototype: true,
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
    }),
  },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
);

/** A change somewhere inside of a value. `at` chooses the place, `with` what comes there. */
export type Mutation = (value: unknown) => unknown;

type Container = Record<string, unknown> | unknown[];

/** Every place inside of a value: a container and a key of it. */
function placesIn(value: unknown, depth = 0): { readonly container: Container; readonly key: string }[] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || depth > 8) return [];
  const container = value as Container;
  return Object.keys(container).flatMap((key) => [
    { container, key },
    ...placesIn((container as Record<string, unknown>)[key], depth + 1),
  ]);
}

function define(container: Container, key: string, value: unknown): void {
  Object.defineProperty(container, key, { value, enumerable: true, configurable: true, writable: true });
}

/** Changes of a value: others in place of a part, parts that are missing, renamed, wrapped, doubled or swapped. */
export function mutations(
  replacements: fc.Arbitrary<unknown>,
  keys: readonly string[],
): fc.Arbitrary<Mutation> {
  const place = fc.nat(10_000);
  const at =
    (index: number, change: (container: Container, key: string) => void): Mutation =>
    (value) => {
      const places = placesIn(value);
      const found = places[index % Math.max(1, places.length)];
      if (found !== undefined) change(found.container, found.key);
      return value;
    };
  const get = (container: Container, key: string): unknown => (container as Record<string, unknown>)[key];
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(place, replacements).map(([index, other]) =>
        at(index, (container, key) => {
          define(container, key, other);
        }),
      ),
    },
    {
      weight: 2,
      arbitrary: place.map((index) =>
        at(index, (container, key) => {
          if (Array.isArray(container)) container.splice(Number(key), 1);
          else Reflect.deleteProperty(container, key);
        }),
      ),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(place, fc.constantFrom(...keys, ...trickyNames)).map(([index, name]) =>
        at(index, (container, key) => {
          if (Array.isArray(container)) return;
          define(container, name, get(container, key));
          Reflect.deleteProperty(container, key);
        }),
      ),
    },
    {
      weight: 1,
      arbitrary: place.map((index) =>
        at(index, (container, key) => {
          define(container, key, [get(container, key)]);
        }),
      ),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(place, fc.boolean()).map(([index, first]) =>
        at(index, (container, key) => {
          const value = get(container, key);
          if (!Array.isArray(value)) return;
          if (first) value.unshift(...(structuredClone(value) as unknown[]));
          else value.push(...(value as unknown[]));
        }),
      ),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(place, place).map(([one, other]): Mutation => (value) => {
        const places = placesIn(value);
        const from = places[one % Math.max(1, places.length)];
        const to = places[other % Math.max(1, places.length)];
        // A value that is put inside of itself would have no end.
        const moved = from && get(from.container, from.key);
        if (to && (typeof moved !== 'object' || moved === null)) define(to.container, to.key, moved);
        return value;
      }),
    },
  );
}

/** A change of a text: characters that are added, removed or replaced, lines that are doubled or swapped. */
export type TextMutation = (text: string) => string;

const yamlPieces = [
  ...[
    '&a ',
    '*a',
    '*a\n',
    '<<: *a\n',
    '<<: ',
    '!!binary ',
    '!!set ',
    '!!omap ',
    '!!timestamp ',
    '!!str ',
    '!x ',
  ],
  ...[
    '%YAML 1.1\n---\n',
    '%TAG ! tag:x,2000:\n---\n',
    '---\n',
    '...\n',
    '\n---\n{}\n',
    '? ',
    '? {a: b}\n: ',
    ': ',
  ],
  ...[
    '- ',
    '[',
    ']',
    '{',
    '}',
    ',',
    '#',
    ' # x',
    '|\n',
    '>-\n',
    '"',
    "'",
    '\t',
    ' ',
    '  ',
    '\n',
    '\r\n',
    '\r',
  ],
  ...['\0', '\x85', '\u2028', '\ufeff', '\ud800', '__proto__: {a: b}\n', '[['.repeat(40), '- '.repeat(40)],
  ...[
    'a: &b [*b]\n',
    '&a {x: *a}',
    '[*a, *a]',
    '0x1F',
    '1e999',
    '.nan',
    '~',
    'null',
    '\\',
    '@',
    '`',
    '%',
    '!',
  ],
];

/** @param pieces are put in, besides any text */
export function textMutations(pieces: readonly string[] = yamlPieces): fc.Arbitrary<TextMutation> {
  const piece = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...pieces) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 4 }) },
  );
  const cut = fc.oneof(fc.constantFrom(0, 1, 2), fc.nat(30));
  // Most of what matters to YAML is where lines begin and values end.
  const place = fc.tuple(fc.nat(100_000), fc.constantFrom('any', 'lineStart', 'value', 'lineEnd'));
  const splice = fc
    .tuple(place, cut, piece)
    .map(([[index, kind], removed, added]): TextMutation => (text) => {
      const start = placeIn(text, index, kind);
      return text.slice(0, start) + added + text.slice(start + removed);
    });
  const lines = fc
    .tuple(fc.nat(1000), fc.nat(1000), fc.constantFrom('swap', 'copy', 'drop', 'indent'))
    .map(([one, other, what]): TextMutation => (text) => {
      const all = text.split('\n');
      const from = one % all.length;
      const to = other % all.length;
      const line = all[from] ?? '';
      if (what === 'copy') all.splice(to, 0, line);
      else if (what === 'drop') all.splice(from, 1);
      else if (what === 'indent') all[from] = ` ${line}`;
      else [all[from], all[to]] = [all[to] ?? '', line];
      return all.join('\n');
    });
  const end = fc.nat(100_000).map(
    (index): TextMutation =>
      (text) =>
        text.slice(0, index % (text.length + 1)),
  );
  return fc.oneof(
    { weight: 5, arbitrary: splice },
    { weight: 2, arbitrary: lines },
    { weight: 1, arbitrary: end },
  );
}

function placeIn(text: string, index: number, kind: string): number {
  if (kind === 'any') return index % (text.length + 1);
  const pattern = kind === 'lineStart' ? /^/gm : kind === 'lineEnd' ? /$/gm : /: |- /g;
  const places = [...text.matchAll(pattern)].map((match) => match.index + match[0].length);
  return places[index % Math.max(1, places.length)] ?? 0;
}

/** A value as JSON, or text that is none, where it cannot be written as JSON. */
export function toJson(value: unknown): string {
  try {
    return value === undefined ? 'undefined' : JSON.stringify(value);
  } catch {
    return '{';
  }
}

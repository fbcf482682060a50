import fc from 'fast-check';

/** One of several kinds of values, each as often as its weight says. */
export function weighted<T>(...kinds: readonly (readonly [weight: number, kind: fc.Arbitrary<T>])[]) {
  return fc.oneof(...kinds.map(([weight, arbitrary]) => ({ weight, arbitrary })));
}

/** Words for `fc.constantFrom`, separated by single spaces. */
export function words(text: string): fc.Arbitrary<string> {
  return fc.constantFrom(...text.split(' '));
}

/** Names with a meaning in JavaScript or YAML. */
export const trickyNames =
  '__proto__ constructor prototype toString valueOf hasOwnProperty toJSON then length << '.split(' ');
const trickyName = fc.constantFrom(...trickyNames);

const control = ['a', '\0', '\n', '\r', '\x1b[31m', '\x7f', '\x9b', '\u2028', '\u202e', '\ufeff', '\ud800'];

/** Any text: all of Unicode, lone surrogates, control characters, marks that reorder text. */
export const anyText: fc.Arbitrary<string> = weighted(
  [4, fc.string({ unit: 'binary', maxLength: 40 })],
  [2, fc.string({ maxLength: 40 })],
  [2, fc.string({ unit: fc.constantFrom(...control), maxLength: 12 })],
  [1, trickyName],
  [1, fc.string({ minLength: 2000, maxLength: 4000 })],
);

const trickyValues: readonly unknown[] = [
  ...[null, undefined, true, false, 0, -0, 1e308, -1e308, Number.MAX_SAFE_INTEGER, NaN, Infinity],
  ...['', ' ', [], {}, [[]], [null], { toString: 1, valueOf: 1 }],
  JSON.parse('{"__proto__": {"name": "x"}, "constructor": 1}'),
];

const key = fc.oneof(trickyName, fc.string({ maxLength: 8 }));
const types = { withNullPrototype: true, withBigInt: true, withDate: true, withMap: true, withSet: true };

/** A value of any type of JSON, YAML or JavaScript. */
export const anyValue = weighted<unknown>(
  [3, anyText],
  [3, fc.constantFrom(...trickyValues)],
  [2, fc.anything({ key, maxDepth: 2, maxKeys: 3, ...types })],
  [1, fc.jsonValue({ maxDepth: 2 })],
);

export type TextMutation = (text: string) => string;

const yamlPieces = [
  ...['&a ', '*a', '*a\n', '<<: *a\n', '<<: ', '!!binary ', '!!set ', '!!omap ', '!!timestamp ', '!x '],
  ...['%YAML 1.1\n---\n', '%TAG ! tag:x,2000:\n---\n', '---\n', '...\n', '\n---\n{}\n', '? ', ': '],
  ...['? {a: b}\n: ', '!!str ', '- ', '[', ']', '{', '}', ',', '#', ' # x', '|\n', '>-\n', '"', "'", '\t'],
  ...[' ', '  ', '\n', '\r\n', '\r', '\0', '\x85', '\u2028', '\ufeff', '\ud800', '__proto__: {a: b}\n'],
  ...['[['.repeat(40), '- '.repeat(40), 'a: &b [*b]\n', '&a {x: *a}', '[*a, *a]', '0x1F', '1e999', '.nan'],
  ...['~', 'null', '\\', '@', '`', '%', '!'],
];

/** Mutations of a text: pieces replace a part, lines are copied, dropped, indented or swapped, the end is cut off. */
export function textMutations(pieces: readonly string[] = yamlPieces): fc.Arbitrary<TextMutation> {
  const piece = weighted([4, fc.constantFrom(...pieces)], [1, fc.string({ unit: 'binary', maxLength: 4 })]);
  // Most of YAML's meaning is where lines begin and values end.
  const where = fc.constantFrom(/(?:)/g, /^/gm, /$/gm, /: |- /g);
  const splice = fc
    .tuple(fc.nat(100_000), where, fc.oneof(fc.nat(2), fc.nat(30)), piece)
    .map(([index, pattern, length, added]): TextMutation => (text) => {
      const places = [...text.matchAll(pattern)].map((match) => match.index + match[0].length);
      const start = places[index % places.length] ?? 0;
      return text.slice(0, start) + added + text.slice(start + length);
    });
  const lines = fc
    .tuple(fc.nat(1000), fc.nat(1000), words('swap copy drop indent'))
    .map(([one, other, change]): TextMutation => (text) => {
      const all = text.split('\n');
      const [from, to] = [one % all.length, other % all.length];
      const line = all[from] ?? '';
      if (change === 'copy') all.splice(to, 0, line);
      else if (change === 'drop') all.splice(from, 1);
      else if (change === 'indent') all[from] = ` ${line}`;
      else [all[from], all[to]] = [all[to] ?? '', line];
      return all.join('\n');
    });
  const end = fc.nat(100_000).map(
    (index): TextMutation =>
      (text) =>
        text.slice(0, index % (text.length + 1)),
  );
  return weighted([5, splice], [2, lines], [1, end]);
}

/** A value as JSON, or a text that is not JSON. */
export function toJson(value: unknown): string {
  try {
    return value === undefined ? 'undefined' : JSON.stringify(value);
  } catch {
    return '{';
  }
}

import fc from 'fast-check';
import { Document, isMap, isScalar, Pair, Scalar, visit, YAMLMap, type YAMLSeq } from 'yaml';
import type { ItemChange } from '../../src/kubeconfig/edit.js';
import { kinds, sections, type Section } from '../../src/kubeconfig/entry.js';
import { added } from '../kubeconfig/fixtures.js';
import { trickyNames, weighted, words } from './values.js';

/** Names, some of which are ours, some mean something to YAML or JavaScript. */
const names = ['eck-1', 'eck-2', 'prod', 'a b', 'yes', '0', '1e3', 'é', '#x', ': ', "it's", ...trickyNames];
const name = fc.oneof(words('eck-1 eck-2'), fc.constantFrom(...names));
const lines = ['two\nlines\n', 'two\nlines', '\t', 'a\n\n', '\u2028', '\x85', ''];
const texts = ['- a', 'a: b', 'a #b', ' a ', '"', ...lines];
const text = fc.oneof(
  words('x https://a.example:6443 yes 0777 1:20 ~ null *a 🦀'),
  fc.constantFrom(...texts),
  fc.string({ maxLength: 12 }),
);
const plain = fc.oneof(text, fc.constantFrom<unknown>(true, null, 42, 1.5));
const freeKey = fc.oneof(words('x-team x-list'), fc.constantFrom(...names.filter((one) => one !== '<<')));

/** Values as people and tools put them into kubeconfigs. */
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2, depthIdentifier: 'document' },
    { weight: 5, arbitrary: plain },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 3, depthIdentifier: 'document' }) },
    {
      weight: 2,
      arbitrary: fc.array(fc.tuple(freeKey, tie('value')), { maxLength: 3 }).map(Object.fromEntries),
    },
  ),
}));

/** The content of a cluster, user or context: fields of kubectl with their types, and others. */
const field = fc.oneof(
  fc.tuple(words('namespace proxy-url token server'), text),
  fc.tuple(fc.constant('extensions'), fc.array(fc.record({ name, extension: value }), { maxLength: 2 })),
  fc.tuple(freeKey, value),
);
const content = fc.array(field, { maxLength: 3 }).map((pairs): object => Object.fromEntries(pairs));

function section(of: Section): fc.Arbitrary<[string, unknown]> {
  const extra = fc.tuple(freeKey, value).map((pair): object => Object.fromEntries([pair]));
  const item = fc
    .tuple(name, content, weighted([3, fc.constant({})], [1, extra]))
    .map(([called, inner, more]) => ({ ...more, name: called, [kinds[of]]: inner }));
  const named = { name: 'eck-1' };
  const odd = fc.constantFrom<unknown>(null, {}, { name: 7 }, named, { ...named, user: null });
  const items = weighted<unknown>(
    [8, fc.uniqueArray(item, { maxLength: 3, selector: (one) => one.name })],
    [1, fc.array(fc.oneof(item, odd), { maxLength: 3 })],
    [1, fc.constantFrom<unknown>(null, [], {}, 'x')],
  );
  return fc.tuple(fc.constant(of), items);
}

/** The content of a kubeconfig, its keys in any order. */
const lists = fc.subarray([...sections.map(section), fc.constant<[string, unknown]>(['apiVersion', 'v1'])], {
  minLength: 2,
});
const others = fc.array(fc.oneof(fc.tuple(fc.constant('current-context'), name), fc.tuple(freeKey, value)), {
  maxLength: 3,
});
const kubeconfigs = fc.tuple(lists, others, fc.nat(6)).chain(([chosen, more, turn]) =>
  fc.tuple(...chosen).map((some): unknown => {
    const all: [string, unknown][] = [...some, ...more];
    return Object.fromEntries([...all.slice(turn), ...all.slice(0, turn)]);
  }),
);

/** Entries that are put or deleted, and a current context. */
export const fileChanges = fc.record({
  items: fc.uniqueArray(
    fc
      .tuple(fc.constantFrom(...sections), name, fc.constantFrom('eck-1', 'eck-2', undefined))
      .map(([of, called, id]): ItemChange => {
        return id === undefined ? { section: of, name: called, item: undefined } : added(of, called, id);
      }),
    { minLength: 1, maxLength: 4, selector: (change) => `${change.section}/${change.name}` },
  ),
  currentContext: fc.option(name, { nil: undefined }),
});

/** The text of a kubeconfig, in any of the styles that YAML has: block, flow, JSON, comments, anchors, quotes. */
export const kubeconfigTexts: fc.Arbitrary<string> = fc
  .tuple(kubeconfigs, fc.array(fc.nat(255), { maxLength: 60 }))
  .map(([written, choices]) => write(written, choices));

/** Each place where a style can be chosen takes the next of the choices. */
function write(written: unknown, choices: readonly number[]): string {
  let next = 0;
  /** Chooses the first one more often than the others. */
  function choose<Choice>(...all: readonly [Choice, ...Choice[]]): Choice {
    const choice = choices[next++ % Math.max(1, choices.length)] ?? 0;
    return (choice < 96 ? undefined : all[choice % all.length]) ?? all[0];
  }
  const rarely = () => choose(false, false, false, false, false, false, false, true);

  const document = new Document(written);
  const anchored = new Map<string, Scalar | YAMLMap | YAMLSeq>();
  visit(document, {
    Value(key, node) {
      if (isScalar(node)) node.type = choose('PLAIN', 'BLOCK_LITERAL', 'QUOTE_SINGLE', 'QUOTE_DOUBLE');
      else node.flow = choose(false, false, false, false, true);
      if (isMap(node) && node.items.length > 1 && rarely()) {
        const merged = new YAMLMap();
        merged.items = node.items.splice(-1);
        node.items.unshift(new Pair(new Scalar('<<'), merged));
      }
      if (key === 'key' || key === null) return undefined;
      node.comment = choose(null, ' why', '', '\ttab');
      node.commentBefore = choose(null, ' on its own', '', ' two\n lines');
      node.spaceBefore = choose(false, true);
      const first = anchored.get(JSON.stringify(node));
      if (first !== undefined && choose(false, true)) return document.createAlias(first);
      if (rarely()) {
        anchored.set(JSON.stringify(node), node);
        node.anchor = `a${anchored.size}`;
      }
      return undefined;
    },
  });
  const directive = '%YAML 1.1\n---\n';
  const before = choose('', '# a\n', '---\n', directive, '\n\n', '--- # a\n', '\ufeff', '# a\n---\n');
  const behind = choose('', '# z\n', '...\n', '---\nz: z\n', '\n\n', '  # z\n', '# z', '---\n');
  const isJson = choose(false, false, true);
  const json = JSON.stringify(written, null, choose('  ', '', '\t'));
  const style = { lineWidth: 0, indent: choose(2, 4), indentSeq: choose(true, false) };
  const text = `${before}${isJson ? json : document.toString(style).trimEnd()}\n${behind}`;
  const end = choose('', 'open', 'CRLF', 'CRLF');
  return end === 'CRLF' ? text.replaceAll('\n', '\r\n') : end === 'open' ? text.replace(/\n$/, '') : text;
}

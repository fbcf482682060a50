import fc from 'fast-check';
import type { ItemChange } from '../../src/kubeconfig/edit.js';
import { kinds, sections, type Section } from '../../src/kubeconfig/entry.js';
import { added } from '../kubeconfig/fixtures.js';
import { trickyNames, weighted, words } from './values.js';

/** Names, some of which are ours, some mean something to YAML or JavaScript. */
const names = ['eck-1', 'eck-2', 'prod', 'a b', 'yes', '0', '1e3', 'é', '#x', ': ', "it's", ...trickyNames];
const name = fc.oneof(words('eck-1 eck-2'), fc.constantFrom(...names));
const texts = [
  '- a',
  'a: b',
  'a #b',
  ' a ',
  '"',
  'two\nlines\n',
  'two\nlines',
  '\t',
  'a\n\n',
  '\u2028',
  '\x85',
  '',
];
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
  .map(([written, choices]) => new Writer(choices).write(written));

/** Writes YAML. Each place where a style can be chosen takes the next of the given choices; 0 is the simplest one. */
class Writer {
  #next = 0;
  #anchors = 0;
  readonly #anchored = new Map<string, string>();

  constructor(readonly choices: readonly number[]) {}

  /** Chooses the first one more often than the others. */
  #choose<Choice>(...all: readonly [Choice, ...Choice[]]): Choice {
    const choice = this.choices[this.#next++ % Math.max(1, this.choices.length)] ?? 0;
    return (choice < 96 ? undefined : all[choice % all.length]) ?? all[0];
  }

  write(written: unknown): string {
    const directive = '%YAML 1.1\n---\n';
    const before = this.#choose('', '# a\n', '---\n', directive, '\n\n', '--- # a\n', '\ufeff', '# a\n---\n');
    const behind = this.#choose('', '# z\n', '...\n', '---\nz: z\n', '\n\n', '  # z\n', '# z', '---\n');
    const block = () => this.#block(written, 0).replace(/^\n/, '');
    const flow = () => this.#flow(written);
    const json = () => JSON.stringify(written, null, this.#choose('  ', '', '\t'));
    const text = `${before}${this.#choose(block, block, block, flow, json, json)()}\n${behind}`;
    const end = this.#choose('', 'open', 'CRLF', 'CRLF');
    return end === 'CRLF' ? text.replaceAll('\n', '\r\n') : end === 'open' ? text.replace(/\n$/, '') : text;
  }

  /** What stands behind `key:` or `-`, with a space or a line end in front. */
  #block(written: unknown, indent: number): string {
    const alias = this.#alias(written);
    if (alias !== undefined) return ` ${alias}`;
    const anchor = ` ${this.#anchor(written)}`;
    if (!isFilled(written)) return `${anchor}${this.#scalar(written, indent)}${this.#comment()}`;
    if (this.#choose(0, 0, 0, 0, 0, 1) === 1) return `${anchor}${this.#flow(written)}${this.#comment()}`;
    const lines = Array.isArray(written) ? this.#list(written, indent) : this.#pairs(written, indent);
    return `${anchor.trimEnd()}${this.#comment()}${lines}`;
  }

  #pairs(written: object, indent: number): string {
    const pad = ' '.repeat(indent);
    const entries = Object.entries(written);
    const merged =
      entries.length > 1 && this.#choose(0, 0, 0, 0, 0, 0, 0, 1) === 1 ? entries.pop() : undefined;
    const merge = merged === undefined ? '' : `\n${pad}<<: ${this.#flow(Object.fromEntries([merged]))}`;
    const pairs = entries.map(([key, inner]) => {
      const deeper = Array.isArray(inner) ? this.#choose(0, 1, 2) : this.#choose(2, 4);
      return `${this.#between(indent)}\n${pad}${this.#scalar(key)}:${this.#block(inner, indent + deeper)}`;
    });
    return merge + pairs.join('');
  }

  #list(written: readonly unknown[], indent: number): string {
    const start = `\n${' '.repeat(indent + 2)}`;
    const items = written.map((item) => {
      const body = this.#block(item, indent + 2);
      // The first pair can stand behind the dash.
      const joined = body.startsWith(start) && this.#choose(true, true, false);
      return `${this.#between(indent)}\n${' '.repeat(indent)}-${joined ? ` ${body.slice(start.length)}` : body}`;
    });
    return items.join('');
  }

  #flow(written: unknown): string {
    const alias = this.#alias(written);
    // A colon may be part of an alias's name.
    if (alias !== undefined) return `${alias} `;
    if (!isFilled(written)) return this.#scalar(written);
    const [open, comma, close] = this.#choose(
      ['', ', ', ''],
      [' ', ' , ', ' '],
      ['\n      ', ',\n      ', '\n      '],
      ['', ',   ', ','],
    );
    const parts = Array.isArray(written)
      ? written.map((item) => this.#flow(item))
      : Object.entries(written).map(([key, inner]) => `${this.#scalar(key)}: ${this.#flow(inner)}`);
    const inside = `${open}${parts.join(comma)}${close}`;
    return Array.isArray(written) ? `[${inside}]` : `{${inside}}`;
  }

  #scalar(written: unknown, indent?: number): string {
    if (written === null) return this.#choose('null', '~', 'Null');
    if (typeof written !== 'string') return JSON.stringify(written);
    const style = this.#choose('plain', 'block', 'single', 'double');
    if (indent !== undefined && style === 'block' && /^[a-z][a-z\n]*[a-z]$/.test(written)) {
      return `|-\n${written.replace(/^/gm, ' '.repeat(indent + 2))}`;
    }
    if (style === 'single' && /^[ -~]*$/.test(written)) return `'${written.replaceAll("'", "''")}'`;
    const isKeyword = /^(?:null|true|false|yes|no|on|off|y|n)$/i.test(written);
    if (style !== 'double' && !isKeyword && /^[A-Za-z][A-Za-z0-9./:-]*[A-Za-z0-9]$/.test(written))
      return written;
    return JSON.stringify(written).replace(
      /[\u007f-\u009f\u2028\u2029\ufeff]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  }

  /** The alias of a value that was anchored before. */
  #alias(written: unknown): string | undefined {
    const anchor = this.#anchored.get(JSON.stringify(written));
    return anchor !== undefined && this.#choose(false, true) ? `*${anchor}` : undefined;
  }

  #anchor(written: unknown): string {
    if (!this.#choose(false, false, false, false, false, false, false, false, true)) return '';
    const anchor = `a${(this.#anchors += 1)}`;
    this.#anchored.set(JSON.stringify(written), anchor);
    return `&${anchor} `;
  }

  #comment(): string {
    return this.#choose('', '  # why', ' #', '\t# tab', '   ');
  }

  #between(indent: number): string {
    const pad = ' '.repeat(indent);
    return this.#choose('', `\n${pad}# on its own`, '\n', '\n# at the margin', `\n${pad}    # deeper`);
  }
}

function isFilled(written: unknown): written is object {
  return typeof written === 'object' && written !== null && Object.keys(written).length > 0;
}

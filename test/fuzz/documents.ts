import fc from 'fast-check';
import type { Section } from '../../src/kubeconfig/user-entry.js';
import type { ContextEntry } from '../../src/kubeconfig/user.js';
import { contextEntry } from '../kubeconfig/fixtures.js';
import { trickyNames } from './values.js';

/** Names, some of which are ours, some mean something to YAML or JavaScript. */
const names = ['eck-1', 'eck-2', 'prod', 'a b', 'yes', '0', '1e3', 'é', '#x', ': ', "it's", ...trickyNames];
const name = fc.oneof(fc.constantFrom('eck-1', 'eck-2'), fc.constantFrom(...names));

const plain = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom<unknown>('x', 'https://a.example:6443', true, null, 42, 1.5, '', 'UEVN'),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<unknown>(
      'yes',
      '0777',
      '1:20',
      '~',
      'null',
      '- a',
      'a: b',
      'a #b',
      ' a ',
      '"',
      '*a',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>('two\nlines\n', 'two\nlines', '\t', 'a\n\n', '\u2028', '\x85', '🦀'),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 12 }).map((text): unknown => text) },
);
const key = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom('namespace', 'extensions', 'proxy-url', 'token', 'x-team', 'server', 'args'),
  },
  { weight: 1, arbitrary: fc.constantFrom(...names.filter((one) => one !== '<<')) },
);

/** Values as people and tools put them into kubeconfigs. */
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2, depthIdentifier: 'document' },
    { weight: 5, arbitrary: plain },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 3, depthIdentifier: 'document' }) },
    { weight: 2, arbitrary: mapping(tie('value')) },
  ),
}));

function mapping(values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.array(fc.tuple(key, values), { maxLength: 3 }).map((pairs) => Object.fromEntries(pairs));
}

const extras = fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: mapping(value) });

/** No context of ours is called nothing: whoever types that is told. */
const filledName = name.filter((text) => text !== '');

/** What is written. Some entries are variants of others, so that they are in each other's way. */
const wanted: fc.Arbitrary<ContextEntry> = fc
  .record({
    id: fc.constantFrom('eck-1', 'eck-2'),
    names: fc.oneof(
      { weight: 3, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.tuple(filledName, filledName, filledName) },
    ),
    namespace: fc.option(fc.constantFrom('default', 'yes', 'kube-system'), { nil: undefined }),
    tlsServerName: fc.option(fc.constant('kubernetes'), { nil: undefined, freq: 3 }),
    server: fc.constantFrom(undefined, 'https://[::1]:6443'),
  })
  .map(({ id, names: chosen, namespace, tlsServerName, server }) => {
    const [contextName, clusterName, userName] = chosen ?? [id, id, id];
    const entry = contextEntry(id, { contextName, clusterName, userName, namespace, tlsServerName });
    return server === undefined ? entry : { ...entry, server };
  });

export const wantedEntries = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(wanted).map((all): ContextEntry[] => all) },
  { weight: 1, arbitrary: fc.array(wanted, { minLength: 1, maxLength: 3 }) },
);

/** Items of the three sections: some of ours, some of others, some that are hardly any. */
function items(section: Section): fc.Arbitrary<unknown> {
  const others = fc.tuple(name, mapping(value), extras).map(([called, content, more]): unknown => {
    const kind = section.slice(0, -1);
    return { name: called, [kind]: content, ...(more as object) };
  });
  const ours = fc.tuple(wanted, extras, extras).map(([entry, more, outer]): unknown => {
    const contents = {
      clusters: { server: entry.server, 'certificate-authority-data': 'UEVN' },
      users: { exec: { ...entry.exec, ...(more as object) } },
      contexts: { cluster: entry.clusterName, user: entry.userName, ...(more as object) },
    };
    return {
      name: { clusters: entry.clusterName, users: entry.userName, contexts: entry.contextName }[section],
      [section.slice(0, -1)]: contents[section],
      ...(outer as object),
    };
  });
  const odd = fc.constantFrom<unknown>(
    null,
    {},
    { name: 7 },
    { name: 'eck-1' },
    { name: 'eck-1', user: null },
  );
  return fc.oneof(
    { weight: 4, arbitrary: others },
    { weight: 4, arbitrary: ours },
    { weight: 1, arbitrary: odd },
  );
}

const section = (of: Section): fc.Arbitrary<[string, unknown]> =>
  fc.tuple(
    fc.constant(of),
    fc.oneof(
      { weight: 6, arbitrary: fc.array(items(of), { maxLength: 3 }).map((list): unknown => list) },
      { weight: 1, arbitrary: fc.constantFrom<unknown>(null, [], {}, 'x') },
    ),
  );

const head = fc.oneof(
  fc.constant<[string, unknown][]>([
    ['apiVersion', 'v1'],
    ['kind', 'Config'],
  ]),
  fc.constant<[string, unknown][]>([]),
);

/** The content of a kubeconfig, its keys in any order. */
const kubeconfigs: fc.Arbitrary<unknown> = fc
  .tuple(
    head,
    fc.tuple(section('clusters'), section('users'), section('contexts')),
    fc.array(
      fc.oneof(
        fc.tuple(
          fc.constant('current-context'),
          name.map((text): unknown => text),
        ),
        fc.tuple(fc.constantFrom('preferences', 'extensions', 'x-notes', ...names), value),
      ),
      { maxLength: 3 },
    ),
    fc.nat(30),
    fc.nat(9),
  )
  .map(([first, lists, others, turn, missing]) => {
    const all = [
      ...first,
      ...lists.filter((_, index) => index !== missing),
      ...others.filter(([of]) => of !== '<<'),
    ];
    const start = turn % Math.max(1, all.length);
    return Object.fromEntries([...all.slice(start), ...all.slice(0, start)]);
  });

/** The text of a kubeconfig, in any of the styles that YAML has: block, flow, JSON, comments, anchors, quotes. */
export const kubeconfigTexts: fc.Arbitrary<string> = fc
  .tuple(kubeconfigs, fc.array(fc.nat(255), { maxLength: 60 }))
  .map(([content, choices]) => new Writer(choices).write(content));

/** Writes YAML. Each place where a style can be chosen takes the next of the given choices; 0 is the simplest one. */
class Writer {
  #next = 0;
  #anchors = 0;
  readonly #anchored = new Map<string, string>();

  constructor(readonly choices: readonly number[]) {}

  /** @returns less than `count`, and 0 more often than the rest */
  #choose(count: number): number {
    if (this.choices.length === 0) return 0;
    const choice = this.choices[this.#next++ % this.choices.length] ?? 0;
    return choice < 96 ? 0 : choice % count;
  }

  write(content: unknown): string {
    const [before, behind] = [
      [
        '',
        '# a comment\n',
        '---\n',
        '%YAML 1.2\n---\n',
        '\n\n',
        '--- # a document\n',
        '\ufeff',
        '# one\n---\n',
      ],
      [
        '',
        '# the end\n',
        '...\n',
        '---\nother: document\n',
        '\n\n',
        '  # indented\n',
        '# no line end',
        '---\n',
      ],
    ].map((all) => all[this.#choose(all.length)] ?? '');
    const style = this.#choose(8);
    let text: string;
    if (style === 1) text = `${JSON.stringify(content)}\n`;
    else if (style === 2) text = `${JSON.stringify(content, null, this.#choose(2) === 1 ? '\t' : 2)}\n`;
    else if (style === 3) text = `${this.#flow(content)}\n`;
    else text = `${this.#block(content, 0).replace(/^\n/, '')}\n`;
    text = `${before ?? ''}${text}${behind ?? ''}`;
    const end = this.#choose(6);
    if (end === 1) text = text.replace(/\n$/, '');
    if (end === 2 || end === 3) text = text.replaceAll('\n', '\r\n');
    return text;
  }

  /** What stands behind `key:` or `-`, with a space or a line end in front. */
  #block(value: unknown, indent: number): string {
    const alias = this.#alias(value);
    if (alias !== undefined) return ` ${alias}`;
    if (!isFilled(value)) return ` ${this.#anchor(value)}${this.#scalar(value, indent)}${this.#comment()}`;
    if (this.#choose(6) === 1) return ` ${this.#anchor(value)}${this.#flow(value)}${this.#comment()}`;
    const mark = this.#anchor(value).trimEnd();
    const lines = Array.isArray(value) ? this.#list(value, indent) : this.#pairs(value, indent);
    return `${mark === '' ? '' : ` ${mark}`}${this.#comment()}${lines}`;
  }

  #pairs(value: object, indent: number): string {
    const pad = ' '.repeat(indent);
    let text = '';
    const entries = Object.entries(value);
    const merged = entries.length > 1 && this.#choose(8) === 1 ? entries.pop() : undefined;
    // A merge key must not bring what every kubeconfig is told by, or there would be no lists to add to.
    if (merged !== undefined) text += `\n${pad}<<: ${this.#flow(Object.fromEntries([merged]))}`;
    for (const [key, inner] of entries) {
      text += this.#between(indent);
      const deeper = Array.isArray(inner)
        ? indent + this.#choose(3)
        : indent + (this.#choose(4) === 1 ? 4 : 2);
      text += `\n${pad}${this.#key(key)}:${this.#block(inner, deeper)}`;
    }
    return text;
  }

  #list(value: readonly unknown[], indent: number): string {
    const pad = ' '.repeat(indent);
    return value
      .map((item) => {
        const body = this.#block(item, indent + 2);
        const start = `\n${' '.repeat(indent + 2)}`;
        // The first pair can stand behind the dash.
        const text = body.startsWith(start) && this.#choose(5) !== 1 ? ` ${body.slice(start.length)}` : body;
        return `${this.#between(indent)}\n${pad}-${text}`;
      })
      .join('');
  }

  #flow(value: unknown): string {
    const alias = this.#alias(value);
    // A colon may be part of an alias's name.
    if (alias !== undefined) return `${alias} `;
    if (!isFilled(value)) return this.#scalar(value, undefined);
    const [open, separator, close] =
      [
        ['', ', ', ''],
        [' ', ' , ', ' '],
        ['\n      ', ',\n      ', '\n      '],
        ['', ',   ', ','],
      ][this.#choose(4)] ?? [];
    const parts = Array.isArray(value)
      ? value.map((item) => this.#flow(item))
      : Object.entries(value).map(([key, inner]) => `${this.#key(key)}: ${this.#flow(inner)}`);
    const inside = `${open ?? ''}${parts.join(separator)}${close ?? ''}`;
    return Array.isArray(value) ? `[${inside}]` : `{${inside}}`;
  }

  #scalar(value: unknown, indent: number | undefined): string {
    if (typeof value !== 'string') {
      if (value !== null) return JSON.stringify(value);
      return ['null', '~', 'Null'][this.#choose(3)] ?? 'null';
    }
    const style = this.#choose(5);
    if (indent !== undefined && style === 1 && /^[a-z][a-z\n]*[a-z]$/.test(value)) {
      return `|-\n${value.replace(/^/gm, ' '.repeat(indent + 2))}`;
    }
    if (style === 2 && /^[ -~]*$/.test(value)) return `'${value.replaceAll("'", "''")}'`;
    if (style === 3 || !/^[A-Za-z][A-Za-z0-9./:-]*[A-Za-z0-9]$/.test(value) || isKeyword(value)) {
      return JSON.stringify(value).replace(/[\u007f-\u009f\u2028\u2029\ufeff]/g, escape);
    }
    return value;
  }

  #key(key: string): string {
    return this.#scalar(key, undefined);
  }

  /** The alias of a value that was anchored before. */
  #alias(value: unknown): string | undefined {
    const anchor = this.#anchored.get(JSON.stringify(value));
    return anchor !== undefined && this.#choose(2) === 1 ? `*${anchor}` : undefined;
  }

  #anchor(value: unknown): string {
    if (this.#choose(9) !== 1) return '';
    const anchor = `a${(this.#anchors += 1)}`;
    this.#anchored.set(JSON.stringify(value), anchor);
    return `&${anchor} `;
  }

  #comment(): string {
    return ['', '  # why', ' #', '\t# tab', '   '][this.#choose(5)] ?? '';
  }

  #between(indent: number): string {
    const pad = ' '.repeat(indent);
    return (
      ['', `\n${pad}# on its own`, '\n', '\n# at the margin', `\n${pad}    # deeper`][this.#choose(5)] ?? ''
    );
  }
}

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function isFilled(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

function isKeyword(text: string): boolean {
  return /^(?:null|true|false|yes|no|on|off|y|n)$/i.test(text);
}

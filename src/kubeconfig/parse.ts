import { FAILSAFE_SCHEMA, load, Type, YAMLException } from 'js-yaml';
import { ifPossible, isMapping, quoted, type Mapping } from '../errors.js';
import { kinds, type Section } from './entry.js';
import { cannot } from './files.js';

/** One file of the user kubeconfig. Without a `text` there is no such file, which counts as an empty one. */
export interface KubeconfigFile {
  readonly path: string;
  readonly text: string | undefined;
  readonly isUtf16: boolean;
  readonly isJson: boolean;
  /** Aliases and merge keys are resolved, and the types of kubectl's fields are checked. */
  readonly content: Mapping;
}

/** An entry of `clusters`, `users` or `contexts`. */
export type NamedEntry = ReturnType<typeof entriesOf>[number];

/**
 * Parses a kubeconfig, YAML or JSON. The first YAML document counts, as for kubectl. @throws EckError
 * `kubeconfig-unusable` if kubectl would refuse it, quoting nothing but names. Its cause may be a {@link FieldProblem}.
 */
export function parseKubeconfig(path: string, text: string | undefined, isUtf16 = false): KubeconfigFile {
  const last = lastParsed.get(path);
  if (last && last.text === text && last.isUtf16 === isUtf16) return last;
  const [document] = splitDocument(text ?? '');
  const json = parseJson(document);
  const content = json ?? parseYaml(path, document) ?? {};
  const problem = isMapping(content) ? problemOf(content) : 'it is not a mapping';
  if (problem !== undefined) throw cannot('read', path, problem);
  const isJson = json !== undefined && document === text;
  const file = { path, text, isUtf16, isJson, content: content as Mapping };
  lastParsed.set(path, file);
  return file;
}

/** By path, since a command reads a file before it calls ENS, and again when it holds the lock. */
const lastParsed = new Map<string, KubeconfigFile>();

/** The named entries of a section. */
export function entriesOf(file: KubeconfigFile, section: Section) {
  return itemsOf(file.content, section).flatMap((item) => {
    if (!isMapping(item) || typeof item['name'] !== 'string') return [];
    const content = (item[kinds[section]] ?? {}) as Mapping;
    // `item` is the whole entry: its name, the content, and other fields.
    return [{ section, name: item['name'], file, item, content }];
  });
}

export function itemsOf(content: Mapping, section: Section): readonly unknown[] {
  return (content[section] as readonly unknown[] | null | undefined) ?? [];
}

/** Splits a text after its first YAML document. */
export function splitDocument(text: string): [document: string, rest: string] {
  for (const { 0: marker, index } of text.matchAll(/(?<![^\r\n\ufeff])(?:---|\.\.\.)(?=\s|$)/g)) {
    const lines = text.slice(0, index).split(/[\r\n]/);
    const isStart = marker === '---' && lines.every((line) => /^\ufeff?\s*(?:[#%]|$)/.test(line));
    if (!isStart) return [text.slice(0, index), text.slice(index)];
  }
  return [text, ''];
}

/** The content of a JSON text in braces, or undefined. */
export function parseJson(text: string): Mapping | undefined {
  if (!/^\ufeff?\s*\{/.test(text)) return undefined;
  return ifPossible(() => JSON.parse(text.replace('\ufeff', '')) as Mapping);
}

function parseYaml(path: string, document: string): unknown {
  if (/^\ufeff?%YAML\s+(?!1\.1\b)/m.test(document)) {
    throw cannot('read', path, 'kubectl reads YAML 1.1 only, and its %YAML directive differs');
  }
  try {
    // kubectl skips byte order marks between lines.
    return load(document.replace(/(?<=[\r\n])\ufeff/g, ''), { schema: yamlSchema, json: true });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    // What follows these characters may be quoted from the text.
    const reason = error.reason.replace(/\s*["'`:!<(].*/s, '');
    throw cannot('read', path, `it is not YAML: line ${error.mark.line + 1}, ${reason}`);
  }
}

const number =
  /^[-+]?(?:0x[\da-f_]+|0o?[0-7_]+|0b[01_]+|(?:\.\d[\d_]*|\d[\d_]*(?:\.[\d_]*)?)(?:e[-+]?[\d_]+)?|\.inf)$|^\.nan$/i;
const bool = /^(?:[yYnN]|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|true|True|TRUE|false|False|FALSE)$/;

/** The types of unquoted values for kubectl's parser (YAML 1.1). Timestamps are quoted for other parsers. */
export const yamlSchema = FAILSAFE_SCHEMA.extend({
  implicit: [
    unquoted('null', /^(?:~|null|Null|NULL|)$/, () => null),
    unquoted('bool', bool, (text) => /^(?:y|t|on)/i.test(text)),
    unquoted('float', number, toNumber),
    unquoted('timestamp', /^\d{4}-\d\d?-\d\d?/, String),
    unquoted('merge', /^<<$/, String),
  ],
});

function unquoted(tag: string, pattern: RegExp, construct: (text: string) => unknown): Type {
  const jsType = { null: 'null', bool: 'boolean', float: 'number' }[tag];
  return new Type(`tag:yaml.org,2002:${tag}`, {
    kind: 'scalar',
    resolve: (text: string | null) => pattern.test(text ?? ''),
    construct,
    predicate: (value: unknown) => (value === null ? 'null' : typeof value) === jsType,
    represent: String,
  });
}

function toNumber(text: string): number {
  const digits = text.replaceAll('_', '').toLowerCase().replace(/^[-+]/, '');
  const value = digits === '.inf' ? Infinity : Number(digits.replace(/^0(?=[0-7]+$)/, '0o'));
  return text.startsWith('-') ? -value : value;
}

/** The type of a field that kubectl reads, and of its parts. `*` stands for every field. */
type Shape = 'string' | 'boolean' | 'base64' | [Shape] | { readonly [field: string]: Shape };

function fields(shape: Shape, names: string): Record<string, Shape> {
  return Object.fromEntries(names.split(' ').map((name) => [name, shape]));
}

function entries(kind: string, content: Shape): Shape {
  return [{ name: 'string', [kind]: content }];
}

const extensions: Shape = [{ name: 'string' }];
const kubeconfigShape: Shape = {
  'current-context': 'string',
  preferences: { colors: 'boolean', extensions },
  extensions,
  clusters: entries('cluster', {
    ...fields('string', 'server tls-server-name certificate-authority proxy-url'),
    ...fields('boolean', 'insecure-skip-tls-verify disable-compression'),
    'certificate-authority-data': 'base64',
    extensions,
  }),
  users: entries('user', {
    ...fields('string', 'client-certificate client-key token tokenFile as as-uid username password'),
    ...fields('base64', 'client-certificate-data client-key-data'),
    'as-groups': ['string'],
    'as-user-extra': { '*': ['string'] },
    'auth-provider': { name: 'string', config: { '*': 'string' } },
    exec: {
      ...fields('string', 'command apiVersion installHint interactiveMode'),
      args: ['string'],
      env: [fields('string', 'name value')],
      provideClusterInfo: 'boolean',
    },
    extensions,
  }),
  contexts: entries('context', { ...fields('string', 'cluster user namespace'), extensions }),
};

/** Far more than a kubeconfig has. YAML aliases could make a short text stand for any number of values. */
const maxValues = 1_000_000;

/** The place of a value: keys of mappings and indexes of lists, from the root. */
type FieldPath = readonly (string | number)[];

/** A field of a kubeconfig, and what is wrong with it. */
export class FieldProblem extends Error {
  constructor(
    readonly field: FieldPath,
    readonly problem: string,
  ) {
    const path = field.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('');
    super(`${path.slice(1)} ${problem}`);
  }
}

/** The line of a field, found by a parser that notes places. Undefined behind an alias and for a key that is twice there. */
export async function lineOf(text: string, field: FieldPath): Promise<number | undefined> {
  const { isNode, LineCounter, parseDocument } = await import('yaml');
  const lineCounter = new LineCounter();
  const document = parseDocument(splitDocument(text)[0], { lineCounter, logLevel: 'silent' });
  const node = document.errors.length === 0 ? document.getIn(field, true) : undefined;
  return isNode(node) && node.range ? lineCounter.linePos(node.range[0]).line : undefined;
}

function problemOf(content: Mapping): FieldProblem | string | undefined {
  const values: unknown[] = [content];
  for (let count = 0; values.length > 0; count += 1) {
    if (count > maxValues) return 'its YAML aliases stand for too much';
    const value = values.pop();
    if (typeof value === 'object') for (const part of Object.values(value ?? {})) values.push(part);
  }
  for (const [field, value] of Object.entries({ kind: 'Config', apiVersion: 'v1' })) {
    const isKnown = [value, '', null, undefined].includes(content[field] as string);
    if (!isKnown) return new FieldProblem([field], `is not ${value}`);
  }
  return typeProblem(content, kubeconfigShape, '');
}

/** kubectl makes mappings of lists of named items. An extension without content does not count. */
function repeatedName(items: readonly unknown[], shape: Shape, key: string): FieldProblem | undefined {
  if (!isMapping(shape) || shape['name'] === undefined || key === 'env') return undefined;
  const named = items as readonly (Record<'name' | 'extension', string | null | undefined> | null)[];
  const seen = new Set<string>();
  for (const [index, item] of named.entries()) {
    const name = item?.name ?? '';
    if (seen.has(name)) return new FieldProblem([index, 'name'], `${quoted(name)} is not unique`);
    if (key !== 'extensions' || (item?.extension ?? null) !== null) seen.add(name);
  }
  return undefined;
}

/** The first problem of a value. The path of its field begins below `key`. */
function typeProblem(value: unknown, shape: Shape, key: string): FieldProblem | undefined {
  if (value === null || value === undefined) return undefined;
  if (shape === 'base64') return isBase64(value) ? undefined : new FieldProblem([], 'is not base64');
  if (typeof shape === 'string') return typeof value === shape ? undefined : new FieldProblem([], `is not a ${shape}`);
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return new FieldProblem([], 'is not a list');
    for (let index = 0; index < value.length; index += 1) {
      const problem = typeProblem(value[index], shape[0], '');
      if (problem) return new FieldProblem([index, ...problem.field], problem.problem);
    }
    return repeatedName(value, shape[0], key);
  }
  if (!isMapping(value)) return new FieldProblem([], 'is not a mapping');
  for (const name in '*' in shape ? value : shape) {
    // Not shape[name] alone: a value can have a field such as `constructor`, which every object inherits.
    const problem = typeProblem(value[name], shape['*'] ?? shape[name] ?? {}, name);
    if (problem) return new FieldProblem([name, ...problem.field], problem.problem);
  }
  return undefined;
}

/** As Go's `encoding/base64` reads it: padded, and with line ends anywhere. */
function isBase64(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  const text = value.replace(/[\r\n]/g, '');
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}

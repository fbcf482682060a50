import { isDeepStrictEqual } from 'node:util';
import { dump } from 'js-yaml';
import { EckError, ifPossible, isMapping, printable, type Mapping } from '../errors.js';
import { sections, type Section } from './entry.js';
import { itemsOf, parseKubeconfig, splitDocument, yamlSchema, type KubeconfigFile } from './parse.js';

/** What changes in one file. */
export interface FileChange {
  readonly items: readonly ItemChange[];
  readonly currentContext?: string | undefined;
}

/** An entry that replaces the one of its name, or is added, or is deleted if `item` is undefined. */
export interface ItemChange {
  readonly section: Section;
  readonly name: string;
  readonly item: Mapping | undefined;
}

/**
 * The text of a kubeconfig after a change. Lines of other entries stay byte for byte. JSON is written anew with its own
 * indentation. @throws EckError `kubeconfig-unusable` if the layout cannot be edited without changing other parts
 */
export function editKubeconfig(file: KubeconfigFile, change: FileChange): string {
  const { path, text = '', isUtf16, isJson } = file;
  const refuse = (reason: string, howTo: string): never => {
    const fix = `${howTo}, or use another file: --kubeconfig`;
    throw new EckError('kubeconfig-unusable', `Cannot edit ${printable(path)}: ${reason}`, { fix });
  };
  if (isUtf16) refuse('it is UTF-16', 'Convert it to UTF-8');
  const wanted = changedContent(file.content, change);
  const edited = isJson ? editJson(text, wanted) : editYaml(file, wanted, change);
  const found = ifPossible(() => parseKubeconfig(path, edited).content);
  if (isDeepStrictEqual(found, wanted)) return edited;
  if (/^\ufeff?\s*\{/.test(text)) refuse('it is in braces and not JSON', 'Convert it to JSON');
  return refuse('its YAML anchors, aliases, merge keys or layout are unusual', 'Rewrite it without them');
}

/** The content after a change. A section without entries becomes null, as kubectl writes it. */
function changedContent(content: Mapping, { items, currentContext }: FileChange): Mapping {
  const changed: Record<string, unknown> = { ...newFields(content), ...content };
  for (const section of sections) {
    const changes = items.filter((item) => item.section === section);
    if (changes.length === 0) continue;
    const byName = new Map(changes.map(({ name, item }) => [name, item]));
    const list = itemsOf(content, section).map((item) => {
      const name = nameOf(item);
      const after = byName.has(name) ? byName.get(name) : item;
      byName.delete(name);
      return after;
    });
    const present = [...list, ...byName.values()].filter((item) => item !== undefined);
    changed[section] = present.length === 0 ? null : present;
  }
  if (currentContext !== undefined) changed['current-context'] = currentContext;
  return changed;
}

/** What kubectl, too, writes into a new file. */
function newFields(content: Mapping): Mapping | null {
  return Object.keys(content).length > 0 ? null : { apiVersion: 'v1', kind: 'Config', preferences: {} };
}

/** The name of an entry, or a text that is no name. */
function nameOf(item: unknown): string {
  return isMapping(item) && typeof item['name'] === 'string' ? item['name'] : '\0';
}

function editJson(text: string, wanted: Mapping): string {
  const indent = /^\ufeff?\s*\{\r?\n([ \t]+)/.exec(text)?.[1];
  const [, start = '', end = ''] = /^(\ufeff?\s*)[^]*?(\s*)$/.exec(text) ?? [];
  // YAML 1.1 takes these for line ends or refuses them.
  const json = JSON.stringify(wanted, null, indent).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return start + (text.includes('\r\n') ? json.replaceAll('\n', '\r\n') : json) + end;
}

function editYaml({ text = '', content }: KubeconfigFile, wanted: Mapping, change: FileChange): string {
  const mark = text.startsWith('\ufeff') ? '\ufeff' : '';
  const [document, rest] = splitDocument(text.slice(mark.length));
  const lines = new Lines(document);
  // Everything is found before anything is changed.
  const end = lines.contentEnd(0, lines.length, 0) || lines.length;
  const contextLine = lines.findKey('current-context');
  const found = sections.map((section) => ({ section, place: lines.findSection(section) }));
  const indent = found.find(({ place }) => place?.items.length)?.place?.indent ?? 0;

  const rootLines = renderLines(newFields(content), 0);
  for (const { section, place } of found) {
    const changes = change.items.filter((item) => item.section === section);
    // A key that is not found, as one from a merge key, must not be added twice.
    if (changes.length === 0 || (place === undefined && Object.hasOwn(content, section))) continue;
    if (place === undefined) rootLines.push(`${section}:`, ...renderLines(wanted[section], indent));
    else if (place.items.length > 0) lines.editItems(place, itemsOf(content, section), changes);
    else lines.editInlineList(place, itemsOf(content, section), renderLines(wanted[section], indent));
  }
  if (change.currentContext !== undefined) {
    const line = withValue(lines.at(contextLine) ?? 'current-context:', render(change.currentContext, 0));
    if (contextLine !== -1) lines.replace(contextLine, contextLine + 1, [line]);
    else if (!Object.hasOwn(content, 'current-context')) rootLines.push(line);
  }
  lines.insert(end, rootLines);
  return mark + lines.toString() + rest;
}

type SectionPlace = NonNullable<ReturnType<Lines['findSection']>>;

/** The lines of a YAML document in block style. Line numbers stay while lines are replaced and inserted. */
class Lines {
  readonly #lines: string[];
  readonly #lineEnd: string;
  /** Whether the last line has no line end. */
  readonly #isOpen: boolean;
  /** Whether a line end more may change a block scalar, which js-yaml does not see. */
  readonly #mayEndInBlockScalar: boolean;

  constructor(document: string) {
    this.#lines = document.split(/(?<=\n)/);
    this.#lineEnd = /\r?\n/.exec(document)?.[0] ?? '\n';
    this.#isOpen = document !== '' && !document.endsWith('\n');
    this.#mayEndInBlockScalar = this.#isOpen && /[ \t][|>][\d+]*[ \t]*(?:#.*)?\r?\n/.test(document);
    if (this.#isOpen) this.#lines.push((this.#lines.pop() ?? '') + this.#lineEnd);
  }

  get length(): number {
    return this.#lines.length;
  }

  /** A line without its line end. */
  at(index: number): string | undefined {
    return index < 0 ? undefined : this.#lines[index]?.replace(/\r?\n$/, '');
  }

  replace(start: number, end: number, lines: readonly string[]): void {
    this.#lines.fill('', start, end);
    this.#lines[start] = this.#textOf(lines);
  }

  /** Inserts lines before a line that is not the first one, behind what was inserted there before. */
  insert(index: number, lines: readonly string[]): void {
    if (this.#mayEndInBlockScalar && index === this.length) return;
    this.#lines[index - 1] = (this.#lines[index - 1] ?? '') + this.#textOf(lines);
  }

  toString(): string {
    const text = this.#lines.join('');
    return this.#isOpen ? text.slice(0, -this.#lineEnd.length) : text;
  }

  #textOf(lines: readonly string[]): string {
    return lines.map((line) => line + this.#lineEnd).join('');
  }

  /** The last line of a key of the root, since the last of several counts; or -1. */
  findKey(key: string): number {
    const pattern = new RegExp(`^(["']?)${key}\\1[ \\t]*:(?=\\s)`);
    return this.#lines.findLastIndex((line) => pattern.test(line));
  }

  /** Where a section is. Its items end before the blank lines and outer comments that follow them. */
  findSection(section: Section) {
    const key = this.findKey(section);
    if (key === -1) return undefined;
    const starts: number[] = [];
    let indent: number | undefined;
    let end = key + 1;
    // Up to the next key of the root.
    for (; end < this.length && !/^(?:[^\s#\-\]},]|-\S)/.test(this.#lines[end] ?? ''); end += 1) {
      const spaces = /^ *(?=-\s)/.exec(this.#lines[end] ?? '')?.[0].length;
      if (spaces !== undefined && spaces === (indent ??= spaces)) starts.push(end);
    }
    const items = starts.map((start, index) => ({
      start,
      end: this.contentEnd(start, starts[index + 1] ?? end, indent ?? 0),
    }));
    return { key, end, indent: indent ?? 0, items };
  }

  /** Where lines end without the blank lines, and the comments indented by at most `indent`, that follow. */
  contentEnd(start: number, end: number, indent: number): number {
    const skipped = new RegExp(`^(?: {0,${indent}}#|\\s*$)`);
    return start + 1 + this.#lines.slice(start, end).findLastIndex((line) => !skipped.test(line));
  }

  editItems({ indent, items }: SectionPlace, before: readonly unknown[], changes: FileChange['items']): void {
    const places = new Map(items.map((place, index) => [nameOf(before[index]), place]));
    const added: string[] = [];
    for (const { name, item } of changes) {
      const place = places.get(name);
      const rendered = item === undefined ? [] : renderLines([item], indent);
      if (place === undefined) added.push(...rendered);
      else this.replace(place.start, place.end, rendered);
    }
    this.insert(items.at(-1)?.end ?? 0, added);
  }

  /** `[]`, `null` or nothing behind the key; or a list in brackets, which becomes a block list. */
  editInlineList({ key, end }: SectionPlace, before: readonly unknown[], after: readonly string[]): void {
    const keyLine = withValue(this.at(key) ?? '', '');
    // 1000: comments of any indentation.
    const last = keyLine === this.at(key) ? key + 1 : this.contentEnd(key + 1, end, 1000);
    // Comments would be lost.
    const first = before.length === 0 ? key + 1 : key;
    if (this.#lines.slice(first, last).some((line) => line.includes('#'))) return;
    this.replace(key, last, [keyLine, ...after]);
  }
}

/** A line `key: value # comment` with another value, or with none. */
function withValue(line: string, value: string): string {
  const pattern =
    /^([^\s:]+[ \t]*:)([ \t]+(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#"'](?:[^#]|(?<=\S)#)*?))?(?=[ \t]*(?:[ \t]#.*)?$)/;
  return line.replace(pattern, (_, key: string, old: string | undefined) => {
    const spaces = /^[ \t]+/.exec(old ?? ' ')?.[0] ?? '';
    return value === '' ? key : key + spaces + value;
  });
}

function renderLines(value: unknown, indent: number): string[] {
  if (value === null) return [];
  return render(value, 4)
    .split('\n')
    .map((line) => ' '.repeat(indent) + line);
}

/** Renders values as kubectl does, and the lists of entries in brackets. */
function render(value: unknown, flowLevel: 0 | 4): string {
  const style = { noArrayIndent: true, lineWidth: -1, noRefs: true, quotingType: '"' } as const;
  const text = dump(value, { ...style, schema: yamlSchema, flowLevel });
  // js-yaml quotes flags without need.
  return text.slice(0, -1).replace(/(?<=[[ ])"(--[a-z-]+)"(?=[\],])/g, '$1');
}

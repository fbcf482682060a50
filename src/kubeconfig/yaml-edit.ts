import { isDeepStrictEqual } from 'node:util';
import { isCollection, isMap, isScalar, isSeq } from 'yaml';
import type { ParsedNode, YAMLMap, YAMLSeq } from 'yaml';
import { isMapping } from '../mapping.js';
import type { Mapping } from '../mapping.js';
import {
  contentEnd,
  dashOf,
  indentOf,
  isBlock,
  isOpenEnded,
  lastPartOf,
  listIndentOf,
  TextLines,
  trailingComma,
} from './yaml-layout.js';
import type { ParsedCollection } from './yaml-layout.js';
import { renderBlock, renderFlow, renderJson, renderScalar } from './yaml-render.js';

/** A change that cannot be made without rewriting what was not to be touched. */
export class YamlEditError extends Error {
  override readonly name = 'YamlEditError';
}

/**
 * Changes a YAML text so that it says `after` where it said `before`, and leaves every byte that need not change:
 * comments, order, quoting, indentation, anchors, line ends, the byte order mark, a missing final line end.
 *
 * A key or an item that is new is put behind the ones that are there; a value that differs is replaced where it
 * stands; comments behind a collection that are indented as its content stay with it. An item that is gone from a list
 * is taken out with the comments inside it, and those above it stay; a list that says null afterwards loses all its
 * items so. A mapping that loses a key, or a list that loses items and changes otherwise, is written anew as a whole. In
 * a text in flow style (JSON is one) what is added is JSON, and laid out over lines if the text is.
 *
 * A collection at a depth less than `protectedDepth` (the root is 0) is added to, loses items, and is never written
 * anew, unless it is empty: the price of an edit must not be somebody else's comments.
 *
 * The result is not checked: an anchor may be gone that an alias elsewhere names. Parse it and compare.
 *
 * @param root the parsed text (with `keepSourceTokens`), or null if there is nothing in it but comments
 * @throws YamlEditError if a protected collection would have to be written anew, or another value would change
 */
export function editYaml(
  text: string,
  root: ParsedNode | null,
  before: unknown,
  after: Mapping,
  protectedDepth: number,
): string {
  const edit = new YamlEdit(text, root, protectedDepth);
  if (root === null) edit.fill(after);
  else edit.set({ node: root, depth: 0, isItem: true, childIndent: 0, inFlow: false }, before, after);
  return edit.apply();
}

/** Where a value stands, which decides how another one can be put in its place. */
interface Place {
  readonly node: ParsedNode;
  readonly depth: number;
  /** An item of a list, or the root: a block collection can begin right here. */
  readonly isItem: boolean;
  /** Where a block collection begins that is put on the lines below. */
  readonly childIndent: number;
  /** Inside `[…]` or `{…}`, where everything must be in flow style. */
  readonly inFlow: boolean;
}

/** What is added to a collection in flow style. Items of a list have no key. */
interface FlowPart {
  readonly key?: string;
  readonly value: unknown;
}

class YamlEdit {
  readonly #lines: TextLines;
  readonly #protectedDepth: number;
  readonly #listIndent: number;
  readonly #isJson: boolean;
  /** One step of indentation, in a JSON text that is laid out over lines. */
  readonly #jsonStep: string | undefined;
  readonly #splices: { readonly start: number; readonly end: number; readonly text: string }[] = [];

  constructor(text: string, root: ParsedNode | null, protectedDepth: number) {
    this.#lines = new TextLines(text);
    this.#protectedDepth = protectedDepth;
    this.#listIndent = listIndentOf(root);
    const firstKey = isMap(root) && root.flow === true ? root.items[0]?.key : undefined;
    this.#isJson = firstKey !== undefined;
    this.#jsonStep = firstKey && this.#lines.indentIfFirst(firstKey.range[0]);
  }

  /** The text with all changes. */
  apply(): string {
    const parts: string[] = [];
    let position = 0;
    // Sorting is stable: what was added at one offset stays in the order in which it was added.
    for (const { start, end, text } of this.#splices.sort((a, b) => a.start - b.start)) {
      parts.push(this.#lines.text.slice(position, start), text);
      position = end;
    }
    parts.push(this.#lines.text.slice(position));
    return parts.join('');
  }

  /** Puts the whole content into a text that has none. */
  fill(content: Mapping): void {
    const { text, lineEnd } = this.#lines;
    const separator = text === '' || text === '\ufeff' || text.endsWith('\n') ? '' : lineEnd;
    this.#splice(text.length, text.length, separator + this.#blockText(content, 0) + lineEnd);
  }

  /** Makes the value at `place`, which is `before`, say `after`. */
  set(place: Place, before: unknown, after: unknown): void {
    if (isDeepStrictEqual(before, after)) return;
    const { node } = place;
    if (isMap(node) && isMapping(before) && isMapping(after)) {
      if (this.#setPairs(place, node, before, after)) return;
    } else if (isSeq(node) && Array.isArray(before) && Array.isArray(after)) {
      if (this.#setItems(place, node, before, after)) return;
    } else if (isSeq(node) && Array.isArray(before) && after === null) {
      if (this.#removeItems(place, node, before, [])) return;
    }
    const isLoss = typeof before === 'object' && before !== null && !this.#isEmpty(node);
    if (isLoss && this.#isProtected(place)) {
      throw new YamlEditError(`what stands at offset ${node.range[0]} would have to be written anew`);
    }
    this.#replace(place, after);
  }

  /** @returns false, and changes nothing, if changing and adding pairs is not enough */
  #setPairs(place: Place, map: YAMLMap.Parsed, before: Mapping, after: Mapping): boolean {
    if (map.items.length === 0 && !place.inFlow) return false;
    if (Object.keys(before).some((key) => !Object.hasOwn(after, key))) return false;
    const values = new Map(map.items.map(({ key, value }) => [isScalar(key) ? key.value : key, value]));
    const inFlow = map.flow === true;

    const changed: { place: Place; before: unknown; after: unknown }[] = [];
    const added: [string, unknown][] = [];
    for (const [key, value] of Object.entries(after)) {
      if (isDeepStrictEqual(before[key], value)) continue;
      const node = values.get(key);
      if (node) {
        const childIndent = indentOf(map) + (Array.isArray(value) ? this.#listIndent : 2);
        const target = { node, depth: place.depth + 1, isItem: false, childIndent, inFlow };
        changed.push({ place: target, before: before[key], after: value });
      } else if (values.has(key)) {
        // `{key}`: flow style allows a key without a colon.
        return false;
      } else if (Object.hasOwn(before, key) && this.#isProtected(place)) {
        // It came from a merge key (`<<`), whose content would have to be copied here.
        return false;
      } else {
        added.push([key, value]);
      }
    }

    for (const change of changed) this.set(change.place, change.before, change.after);
    if (added.length === 0) return true;
    const parts = added.map(([key, value]) => ({ key, value }));
    if (inFlow) this.#addInFlow(map, parts);
    else this.#addBelow(map, Object.fromEntries(added));
    return true;
  }

  /** @returns false, and changes nothing, if changing and adding items is not enough */
  #setItems(
    place: Place,
    list: YAMLSeq.Parsed,
    before: readonly unknown[],
    after: readonly unknown[],
  ): boolean {
    if (list.items.length === 0 && !place.inFlow) return false;
    if (after.length < before.length) return this.#removeItems(place, list, before, after);
    const inFlow = list.flow === true;
    const depth = place.depth + 1;
    const childIndent = indentOf(list) + 2;

    for (const [index, node] of list.items.entries()) {
      this.set({ node, depth, isItem: true, childIndent, inFlow }, before[index], after[index]);
    }
    const added = after.slice(before.length);
    if (added.length === 0) return true;
    const parts = added.map((value) => ({ value }));
    if (inFlow) this.#addInFlow(list, parts);
    else this.#addBelow(list, added);
    return true;
  }

  /**
   * Takes out the items that are gone. Of a list that has none left, `null` remains.
   *
   * @returns false, and changes nothing, if removing items is not enough, or more than items would be lost
   */
  #removeItems(
    place: Place,
    list: YAMLSeq.Parsed,
    before: readonly unknown[],
    after: readonly unknown[],
  ): boolean {
    let kept = 0;
    const isGone = before.map((item) => {
      if (kept < after.length && isDeepStrictEqual(item, after[kept])) {
        kept += 1;
        return false;
      }
      return true;
    });
    if (kept < after.length || list.items.length !== before.length) return false;
    const ranges = list.flow === true ? this.#flowRanges(list, isGone) : this.#blockRanges(list, isGone);
    if (ranges === undefined || (place.inFlow && list.flow !== true)) return false;
    for (const [start, end] of ranges) this.#splice(start, end, kept === 0 && list.flow ? 'null' : '');
    return true;
  }

  /** The lines of items of a block list, each with its line end. */
  #blockRanges(list: YAMLSeq.Parsed, isGone: readonly boolean[]): [number, number][] | undefined {
    const ranges: [number, number][] = [];
    for (const [index, node] of list.items.entries()) {
      if (isGone[index] !== true) continue;
      const dash = dashOf(list, index);
      // As in `- - a`, or behind a key's explicit `: `.
      if (dash === undefined || this.#lines.columnOf(dash) !== this.#lines.spacesBefore(dash))
        return undefined;
      const end = this.#endWithComments(contentEnd(this.#lines, node), indentOf(list));
      ranges.push([dash - this.#lines.columnOf(dash), this.#lines.startBehind(end)]);
    }
    return ranges;
  }

  /** What has to go with items of a flow list: up to the next item, or from the end of the last one that stays. */
  #flowRanges(list: YAMLSeq.Parsed, isGone: readonly boolean[]): [number, number][] | undefined {
    if (!isGone.includes(false)) return [[list.range[0], contentEnd(this.#lines, list)]];
    const ranges: [number, number][] = [];
    const last = isGone.lastIndexOf(false);
    for (const [index, node] of list.items.entries()) {
      const next = list.items[index + 1];
      if (index < last && isGone[index] === true && next) ranges.push([node.range[0], next.range[0]]);
    }
    const [lastKept, lastGone] = [list.items[last], list.items.at(-1)];
    if (lastKept && lastGone && lastKept !== lastGone) {
      ranges.push([contentEnd(this.#lines, lastKept), contentEnd(this.#lines, lastGone)]);
    }
    // Outside of strings, a # between two items begins a comment, which may be somebody else's.
    const isCommented = ranges.some(([start, end]) =>
      list.items
        .filter(({ range }) => range[0] >= start && range[1] <= end)
        .reduce(
          (text, { range }) => text.replace(this.#lines.text.slice(range[0], range[1]), ''),
          this.#lines.text.slice(start, end),
        )
        .includes('#'),
    );
    return isCommented ? undefined : ranges;
  }

  #replace(place: Place, value: unknown): void {
    const { node } = place;
    const start = node.range[0];
    const end = contentEnd(this.#lines, node);
    if (place.inFlow) {
      const indent = this.#jsonStep === undefined ? undefined : this.#lines.indentOf(start);
      this.#spliceValue(start, end, this.#flowText(value, indent));
    } else if (typeof value !== 'object' || value === null) {
      this.#spliceValue(start, end, renderScalar(value));
    } else if (isBlock(node)) {
      this.#splice(start, end, this.#blockText(value, indentOf(node)).trimStart());
    } else if (isCollection(node) && !this.#isEmpty(node)) {
      this.#splice(start, end, renderFlow(value));
    } else if (place.isItem && start < end) {
      this.#splice(start, end, this.#blockText(value, this.#lines.columnOf(start)).trimStart());
    } else {
      // `key: []`, `key: null` and `key:`, each perhaps with a comment behind, which stays where it is.
      if (start < end) this.#splice(start - this.#lines.spacesBefore(start), end, '');
      const below = this.#lines.endOf(end);
      this.#splice(below, below, this.#lines.lineEnd + this.#blockText(value, place.childIndent));
    }
  }

  /** Puts `text` in the place of a value, or, where a key has none, between its colon and what follows. */
  #spliceValue(start: number, end: number, text: string): void {
    if (start < end) {
      this.#splice(start, end, text);
    } else {
      const position = start - this.#lines.spacesBefore(start);
      this.#splice(position, position, ` ${text}`);
    }
  }

  /**
   * Adds pairs or items behind the last ones of a block collection. They are put in front of a line end, not behind
   * one, so that a text whose last line has none is as good as any.
   */
  #addBelow(collection: ParsedCollection, added: unknown): void {
    if (isOpenEnded(this.#lines, collection)) {
      throw new YamlEditError('a line end more would change the last value');
    }
    const indent = indentOf(collection);
    const position = this.#endWithComments(contentEnd(this.#lines, collection), indent);
    this.#splice(position, position, this.#lines.lineEnd + this.#blockText(added, indent));
  }

  /**
   * Where the lines of an item end, with the comments behind it that belong to it: those that are indented as its
   * content, deeper than `indent`.
   */
  #endWithComments(end: number, indent: number): number {
    let position = this.#lines.endOf(end);
    for (let line = this.#lines.after(position); line !== undefined; line = this.#lines.after(line.end)) {
      const spaces = line.text.search(/\S/);
      if (spaces === -1) continue;
      if (spaces <= indent || line.text[spaces] !== '#') break;
      position = line.end;
    }
    return position;
  }

  /** Adds pairs or items behind the last ones of a flow collection, on lines of their own if the last one is. */
  #addInFlow(collection: ParsedCollection, added: readonly FlowPart[]): void {
    const last = lastPartOf(collection);
    if (last === undefined) {
      this.#fillFlow(collection, added);
      return;
    }
    const indent = this.#lines.indentIfFirst(last.start.range[0]);
    const separator = indent === undefined ? ' ' : this.#lines.lineEnd + indent;
    const text = separator + this.#flowTexts(added, indent).join(`,${separator}`);

    const comma = trailingComma(collection);
    const end = comma === undefined ? contentEnd(this.#lines, last.end) : comma + 1;
    if (comma === undefined) this.#splice(end, end, ',');
    // A comment on the line of the last one stays there.
    const lineEnd = this.#lines.endOf(end);
    const isCommentBehind = /^[ \t]+#/.test(this.#lines.text.slice(end, lineEnd));
    const position = isCommentBehind && indent !== undefined ? lineEnd : end;
    this.#splice(position, position, text);
  }

  #fillFlow(collection: ParsedCollection, content: readonly FlowPart[]): void {
    const start = collection.range[0];
    const position = start + 1;
    if (this.#jsonStep === undefined) {
      this.#splice(position, position, this.#flowTexts(content, undefined).join(', '));
      return;
    }
    const outer = this.#lines.lineEnd + this.#lines.indentOf(start);
    const inner = outer + this.#jsonStep;
    const texts = this.#flowTexts(content, this.#lines.indentOf(start) + this.#jsonStep);
    this.#splice(position, position, inner + texts.join(`,${inner}`) + outer);
  }

  #flowTexts(parts: readonly FlowPart[], indent: string | undefined): string[] {
    return parts.map(({ key, value }) => {
      const text = this.#flowText(value, indent);
      return key === undefined ? text : `${this.#flowText(key, undefined)}: ${text}`;
    });
  }

  /** @param indent of the line that the value begins on, where JSON may be laid out over lines */
  #flowText(value: unknown, indent: string | undefined): string {
    if (!this.#isJson) return renderFlow(value);
    const step = indent === undefined ? undefined : this.#jsonStep;
    return renderJson(value, step).join(this.#lines.lineEnd + (indent ?? ''));
  }

  #blockText(value: unknown, indent: number): string {
    return renderBlock(value, this.#listIndent > 0)
      .map((line) => ' '.repeat(indent) + line)
      .join(this.#lines.lineEnd);
  }

  #splice(start: number, end: number, text: string): void {
    this.#splices.push({ start, end, text });
  }

  #isProtected(place: Place): boolean {
    return place.depth < this.#protectedDepth;
  }

  /** `null`, `[]`, `{}`, and no comment inside: nothing is lost with it. */
  #isEmpty(node: ParsedNode): boolean {
    if (!isCollection(node)) return isScalar(node) && node.value === null;
    return node.items.length === 0 && !this.#lines.text.slice(node.range[0], node.range[1]).includes('#');
  }
}

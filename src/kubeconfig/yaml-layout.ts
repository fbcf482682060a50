import { isCollection, isMap, isScalar, isSeq } from 'yaml';
import type { ParsedNode, YAMLMap, YAMLSeq } from 'yaml';

export type ParsedCollection = YAMLMap.Parsed | YAMLSeq.Parsed;

/** A text as lines. Offsets count characters, and a byte order mark is not part of the first line. */
export class TextLines {
  /** The line end that the text uses. */
  readonly lineEnd: string;

  constructor(readonly text: string) {
    this.lineEnd = /\r?\n/.exec(text)?.[0] ?? '\n';
  }

  /** The column of an offset, from 0. */
  columnOf(offset: number): number {
    return offset - this.#startOf(offset);
  }

  /** The offset at which the line of `offset` ends, in front of its line end. */
  endOf(offset: number): number {
    const newline = this.text.indexOf('\n', offset);
    if (newline === -1) return this.text.length;
    return newline > offset && this.text[newline - 1] === '\r' ? newline - 1 : newline;
  }

  /** The line behind the one that `offset` is on. */
  after(offset: number): { readonly text: string; readonly end: number } | undefined {
    const newline = this.text.indexOf('\n', offset);
    if (newline === -1) return undefined;
    const end = this.endOf(newline + 1);
    return { text: this.text.slice(newline + 1, end), end };
  }

  /** The offset of the line behind the one that `offset` is on; the text's end if there is none. */
  startBehind(offset: number): number {
    const newline = this.text.indexOf('\n', offset);
    return newline === -1 ? this.text.length : newline + 1;
  }

  /** The spaces and tabs that the line of `offset` begins with. */
  indentOf(offset: number): string {
    return /^[ \t]*/.exec(this.#before(offset))?.[0] ?? '';
  }

  /** The same, if nothing else stands between them and `offset`, and the line is not the first. */
  indentIfFirst(offset: number): string | undefined {
    const indent = this.indentOf(offset);
    return indent === this.#before(offset) && this.text.lastIndexOf('\n', offset - 1) !== -1
      ? indent
      : undefined;
  }

  /** How many spaces and tabs stand directly in front of `offset`. */
  spacesBefore(offset: number): number {
    return /[ \t]*$/.exec(this.#before(offset))?.[0].length ?? 0;
  }

  #startOf(offset: number): number {
    const start = offset === 0 ? 0 : this.text.lastIndexOf('\n', offset - 1) + 1;
    return start === 0 && offset > 0 && this.text.startsWith('\ufeff') ? 1 : start;
  }

  #before(offset: number): string {
    return this.text.slice(this.#startOf(offset), offset);
  }
}

/** A collection that is written without brackets. */
export function isBlock(node: ParsedNode): node is ParsedCollection {
  return isCollection(node) && node.flow !== true;
}

/** The column of a block collection. Not the column of its first node, which may have an anchor in front of it. */
export function indentOf(collection: ParsedCollection): number {
  const token = collection.srcToken;
  return token !== undefined && 'indent' in token ? token.indent : 0;
}

/** The offset of the dash that an item of a block list begins with. */
export function dashOf(list: YAMLSeq.Parsed, index: number): number | undefined {
  const token = list.srcToken;
  if (token?.type !== 'block-seq') return undefined;
  return token.items[index]?.start.find(({ type }) => type === 'seq-item-ind')?.offset;
}

/** How much deeper than its key the first list below the root begins. kubectl writes 0. */
export function listIndentOf(root: ParsedNode | null): number {
  if (!isMap(root)) return 0;
  for (const { value } of root.items) {
    if (isSeq(value) && isBlock(value)) return indentOf(value) - indentOf(root);
  }
  return 0;
}

/** Where the text of a node ends, without the comments, blank lines and line end behind it. */
export function contentEnd(lines: TextLines, node: ParsedNode): number {
  const [start, end] = lastLeafOf(node).range;
  // The text of a block scalar (`|`, `>`) includes its last line end.
  if (end === start || lines.text[end - 1] !== '\n') return end;
  return lines.text[end - 2] === '\r' ? end - 2 : end - 1;
}

/**
 * Whether a line end behind a node would become part of its last value: a block scalar at the end of a text that
 * does not end in a line end. To kubectl the two values differ, to `yaml` they are the same.
 */
export function isOpenEnded(lines: TextLines, node: ParsedNode): boolean {
  const leaf = lastLeafOf(node);
  const isBlockScalar = isScalar(leaf) && (leaf.type === 'BLOCK_LITERAL' || leaf.type === 'BLOCK_FOLDED');
  if (!isBlockScalar || leaf.range[1] < lines.text.length || lines.text.endsWith('\n')) return false;
  const header = lines.text.slice(leaf.range[0], lines.endOf(leaf.range[0]));
  return !/^[|>]\d?-/.test(header);
}

function lastLeafOf(node: ParsedNode): ParsedNode {
  const last = isBlock(node) ? lastPartOf(node)?.end : undefined;
  return last === undefined ? node : lastLeafOf(last);
}

/** The nodes that the last item or pair of a collection begins and ends with. */
export function lastPartOf(collection: ParsedCollection): { start: ParsedNode; end: ParsedNode } | undefined {
  if (isMap(collection)) {
    const pair = collection.items.at(-1);
    return pair && { start: pair.key, end: pair.value ?? pair.key };
  }
  const item = collection.items.at(-1);
  return item && { start: item, end: item };
}

/** Where the comma is that stands behind the last item of a flow collection, if there is one. */
export function trailingComma(collection: ParsedCollection): number | undefined {
  const token = collection.srcToken;
  if (token?.type !== 'flow-collection') return undefined;
  const last = token.items.at(-1);
  if (last === undefined || last.key || last.value || last.sep) return undefined;
  return last.start.find(({ type }) => type === 'comma')?.offset;
}

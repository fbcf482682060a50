import { Document, isScalar, visit } from 'yaml';

/**
 * Writes a mapping or a list as YAML lines in block style, without a line end after the last. Inside, lists of plain
 * values are written in flow style, `[a, b]`.
 *
 * Every string is quoted that YAML 1.1, which kubectl reads, would take for something else: `yes`, `0777`, `1:20`.
 *
 * @param indentLists whether the items of a list stand deeper than its key, or, as kubectl writes them, level with it
 */
export function renderBlock(value: unknown, indentLists: boolean): string[] {
  const document = new Document(value, documentOptions);
  visit(document, {
    Seq(key, list) {
      list.flow = key !== null && list.items.every((item) => isScalar(item));
    },
  });
  return toText(document, indentLists).split('\n');
}

/** Writes any value as YAML on one line, which can stand inside `[…]` and `{…}`. */
export function renderFlow(value: unknown): string {
  const document = new Document([value], documentOptions);
  visit(document, {
    Collection(_, collection) {
      collection.flow = true;
    },
  });
  return toText(document, false).slice('['.length, -']'.length);
}

/** Writes a string, number, boolean or null on one line, to stand behind `key: `. */
export function renderScalar(value: unknown): string {
  return renderBlock({ k: value }, false).join('').slice('k: '.length);
}

/** Writes any value as JSON that YAML 1.1 reads as well, on lines where `indent` is given. */
export function renderJson(value: unknown, indent: string | undefined): string[] {
  return escapeSpecial(JSON.stringify(value, null, indent)).split('\n');
}

function toText(document: Document, indentLists: boolean): string {
  visit(document, {
    Scalar(_, scalar) {
      if (typeof scalar.value === 'string' && special.test(scalar.value)) scalar.type = 'QUOTE_DOUBLE';
    },
  });
  return escapeSpecial(document.toString({ ...layout, indentSeq: indentLists }).trimEnd());
}

/** Characters that YAML 1.2 and JSON allow as they are; to YAML 1.1 they are line ends, or cannot be printed. */
const special = /[\u007f-\u009f\u2028\u2029\ufeff]/;

/** Escapes them in a text that has them in double quotes only. */
function escapeSpecial(text: string): string {
  return text.replace(
    new RegExp(special, 'g'),
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const documentOptions = { aliasDuplicateObjects: false, compat: 'yaml-1.1' } as const;

/** One line for one value, however long: base64 is not folded, and text with line ends becomes "a\nb". */
const layout = {
  lineWidth: 0,
  blockQuote: false,
  doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
  flowCollectionPadding: false,
} as const;

import stringWidth from 'fast-string-width';

/** A column: its heading, and the text of its cell in the row of an item. */
export type Column<Item> = readonly [heading: string, cell: (item: Item) => string];

const gap = '   ';

/**
 * A table as kubectl prints it: no lines, and columns as wide as their text, in which wide (Chinese) characters take two
 * columns. An empty cell shows `<none>`.
 *
 * @returns lines that end with a line feed; '' for a table without rows
 */
export function formatTable<Item>(columns: readonly Column<Item>[], items: readonly Item[]): string {
  if (items.length === 0) return '';
  const heading = columns.map(([text]) => text);
  const rows = items.map((item) => columns.map(([, cell]) => cell(item) || '<none>'));
  const lines = [heading, ...rows];
  const widths = columns.map((_, index) =>
    lines.reduce((widest, cells) => Math.max(widest, stringWidth(cells[index] ?? '')), 0),
  );
  const pad = (cell: string, index: number): string =>
    cell + ' '.repeat((widths[index] ?? 0) - stringWidth(cell));
  return lines.map((cells) => `${cells.map(pad).join(gap).trimEnd()}\n`).join('');
}

import stringWidth from 'fast-string-width';
import type { World } from '../world.js';

/** A column: its heading, and the text of its cell in the row of an item. */
export type Column<Item> = readonly [heading: string, cell: (item: Item) => string];

const gap = '   ';

/**
 * A table as kubectl prints it, '' without rows: columns as wide as their text, in which Chinese characters take two. The
 * columns of `spare` headings are left out, the last one first, while lines are wider than `maxWidth`.
 */
export function formatTable<Item>(
  columns: readonly Column<Item>[],
  items: readonly Item[],
  maxWidth = Infinity,
  spare: readonly string[] = [],
): string {
  if (items.length === 0) return '';
  const heading = columns.map(([text]) => text);
  const rows = items.map((item) => columns.map(([, cell]) => cell(item) || '<none>'));
  const lines = [heading, ...rows];
  const widths = columns.map((_, index) =>
    lines.reduce((widest, cells) => Math.max(widest, stringWidth(cells[index] ?? '')), 0),
  );
  const last = spare.at(-1);
  const total = widths.reduce((sum, width) => sum + width + gap.length, -gap.length);
  if (total > maxWidth && last !== undefined) {
    const fewer = columns.filter(([text]) => text !== last);
    return formatTable(fewer, items, maxWidth, spare.slice(0, -1));
  }
  const pad = (cell: string, index: number): string => cell + ' '.repeat((widths[index] ?? 0) - stringWidth(cell));
  return lines.map((cells) => `${cells.map(pad).join(gap).trimEnd()}\n`).join('');
}

/** The columns of the terminal that shows standard output, if one does. */
export function terminalWidth(world: Pick<World, 'isTerminal'>): number {
  return world.isTerminal('stdout') ? process.stdout.columns : Infinity;
}

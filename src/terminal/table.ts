import stringWidth from 'fast-string-width';

const gap = '   ';

/**
 * A table as kubectl prints them: no lines, columns as wide as what stands in them, and nothing cut. Wide (Chinese)
 * characters count as the two columns that they take. A cell without text shows `<none>`.
 *
 * @returns its lines, each with a line feed; '' for a table without lines
 */
export function formatTable(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  { headers = true }: { readonly headers?: boolean } = {},
): string {
  const lines = [...(headers ? [columns] : []), ...rows].map((cells) =>
    columns.map((_, index) => cells[index] || '<none>'),
  );
  const widths = columns.map((_, index) =>
    lines.reduce((widest, cells) => Math.max(widest, stringWidth(cells[index] ?? '')), 0),
  );
  const pad = (cell: string, index: number): string =>
    cell + ' '.repeat((widths[index] ?? 0) - stringWidth(cell));
  return lines.map((cells) => `${cells.map(pad).join(gap).trimEnd()}\n`).join('');
}

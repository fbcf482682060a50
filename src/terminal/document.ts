/** A value as a document for standard output, for programs to read. Its last line ends with a line feed. */
export async function formatDocument(value: unknown, format: 'json' | 'yaml'): Promise<string> {
  if (format === 'json') return `${JSON.stringify(value, null, 2)}\n`;
  const { stringify } = await import('yaml');
  // No line is folded, so that a line-wise tool finds what it looks for.
  return stringify(value, { lineWidth: 0 });
}

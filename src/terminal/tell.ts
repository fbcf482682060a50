/**
 * One line for the person, on standard error. Not by `console.error`, which the standalone executable's runtime prints
 * in red at a terminal, as if every line told of a failure.
 */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

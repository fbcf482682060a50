import { writeSync } from 'node:fs';

/**
 * One line for the person, on standard error, written when this returns. Not by `console.error`, which the standalone
 * executable's runtime prints in red at a terminal, as if every line told of a failure.
 */
export function tell(line: string): void {
  try {
    writeSync(2, `${line}\n`);
  } catch {
    // A reader that has gone, or one that is slow and whose pipe does not wait.
    console.error(line);
  }
}

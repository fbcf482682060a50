import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The first program of a name on `PATH`. */
export function fromPath(program: string): string | undefined {
  const files = (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, program));
  return files.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export function onPath(program: string): boolean {
  return fromPath(program) !== undefined;
}

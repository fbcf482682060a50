import { unlinkSync } from 'node:fs';

/** Removes a file that may be gone already, or that cannot be removed: nothing depends on its being gone. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already.
  }
}

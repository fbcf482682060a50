import { mkdirSync, writeFileSync } from 'node:fs';
import { cacheDirectory } from '../cache-directory.js';
import type { World } from '../world.js';

/**
 * Tells the person something that is worth hearing once and tiresome at every command.
 *
 * @param name what is told, as the name of the mark that remembers it. Where no mark can be left, it is told again
 */
export function warnOnce(name: string, message: string, world: World): void {
  const directory = cacheDirectory(world);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch {
    // Then no mark can be left in it either. A file in its place is no mark.
  }
  try {
    writeFileSync(`${directory}/told-${name}`, '', { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
  }
  world.warn(message);
}

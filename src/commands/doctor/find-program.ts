import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import type { World } from '../../world.js';

/**
 * Finds a program as kubectl does: by its path where the command has one, else in the directories of `PATH`.
 *
 * @returns its path, or `undefined` where there is none that this user may run
 */
export function findProgram(
  command: string,
  { environment, platform }: Pick<World, 'environment' | 'platform'>,
): string | undefined {
  const endings =
    platform === 'win32' ? ['', ...(environment['PATHEXT'] || '.EXE;.CMD;.BAT').split(';')] : [''];
  const candidates = /[\\/]/.test(command)
    ? [command]
    : (environment['PATH'] ?? environment['Path'] ?? '')
        .split(delimiter)
        // Go refuses to run what a relative directory of PATH leads to.
        .filter(isAbsolute)
        .map((directory) => join(directory, command));
  return candidates.flatMap((path) => endings.map((ending) => path + ending)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

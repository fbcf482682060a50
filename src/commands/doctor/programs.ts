import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { ifPossible, printable } from '../../errors.js';
import type { World } from '../../world.js';

/**
 * Runs a program as kubectl does: by its path, or from a directory of `PATH`.
 *
 * @returns no `path` if there is no such program; `failure` if it cannot be run, fails, or takes longer than 5 s
 */
export async function runProgram(command: string, args: readonly string[], world: World) {
  const path = findProgram(command, world);
  if (path === undefined) return { path, output: '' };
  try {
    const options = { env: world.environment, timeout: 5_000, killSignal: 'SIGKILL' } as const;
    const running = promisify(execFile)(path, args, options);
    running.child.stdin?.end();
    return { path, output: (await running).stdout };
  } catch (error) {
    const { code, killed, stderr } = error as { code?: unknown; killed?: boolean; stderr?: string };
    const end = typeof code === 'number' ? `exit status ${code}` : String(code);
    const reason = killed ? 'no response in time' : (stderr ?? '').replace(/^error: /i, '').trim() || end;
    return { path, output: '', failure: printable(reason, 200) };
  }
}

function findProgram(command: string, { environment, platform }: World): string | undefined {
  const suffixes = platform === 'win32' ? (environment['PATHEXT'] || '.EXE;.CMD;.BAT').split(';') : [];
  // Go does not run a program that it finds in a relative directory.
  const directories = (environment['PATH'] ?? '').split(delimiter).filter(isAbsolute);
  const files = /[\\/]/.test(command) ? [command] : directories.map((directory) => join(directory, command));
  return files.flatMap((file) => ['', ...suffixes].map((suffix) => file + suffix)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  const isFile = ifPossible(() => {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  });
  return isFile === true;
}

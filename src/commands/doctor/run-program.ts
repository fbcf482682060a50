import { execFile } from 'node:child_process';
import type { Environment } from '../../world.js';

const limitMs = 5_000;

/**
 * Runs a program without a shell and without standard input, for at most five seconds.
 *
 * @returns what it wrote to standard output; `undefined` where it failed, took longer, or wrote more than a megabyte
 */
export function runProgram(
  file: string,
  args: readonly string[],
  environment: Environment,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = { env: environment, timeout: limitMs, killSignal: 'SIGKILL', encoding: 'utf8' } as const;
    try {
      const child = execFile(file, args, options, (error, stdout) => {
        resolve(error === null ? stdout : undefined);
      });
      child.stdin?.end();
    } catch {
      // What cannot be started at all is thrown under Bun.
      resolve(undefined);
    }
  });
}

import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Outcome } from './kubectl.js';
import { runProgram } from './sandbox.js';

/** How a herd is run. */
export interface HerdOptions {
  readonly env: NodeJS.ProcessEnv;
  /** A directory for what the processes print. */
  readonly scratch: string;
  /** Makes the command line into another one, such as one that joins a session keyring. */
  readonly wrap?: (argv: readonly string[]) => readonly string[];
}

/**
 * Runs many processes of one command line at once. A shell starts them: this process, in which the doubles live,
 * could not answer while it did.
 */
export async function runHerd(
  size: number,
  argv: readonly string[],
  options: HerdOptions,
): Promise<Outcome[]> {
  const directory = await mkdtemp(join(options.scratch, 'herd-'));
  const script =
    'size=$1; directory=$2; shift 2; n=0; while [ $n -lt $size ]; do ' +
    '{ "$@" >"$directory/$n.out" 2>"$directory/$n.err"; echo $? >"$directory/$n.status"; } & n=$((n + 1)); done; wait';
  const shell = ['/bin/sh', '-c', script, 'herd', String(size), directory, ...argv];
  const [file = '', ...args] = options.wrap?.(shell) ?? shell;
  const herd = await runProgram(file, args, { env: options.env, timeoutMs: 150_000 });
  if (herd.status !== 0) throw new Error(`the herd could not be run: ${herd.stderr}`);
  const read = (n: number, what: string): Promise<string> =>
    readFile(join(directory, `${n}.${what}`), 'utf8');
  return Promise.all(
    Array.from({ length: size }, async (_, n) => ({
      status: Number(await read(n, 'status')),
      stdout: await read(n, 'out'),
      stderr: await read(n, 'err'),
    })),
  );
}

import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Outcome } from './kubectl.js';
import { runProgram } from './sandbox.js';

// A shell starts the processes: while this process did, the doubles in it could not answer.
const script = `size=$1; directory=$2; shift 2; n=0
while [ $n -lt $size ]; do
  { "$@" >"$directory/$n.out" 2>"$directory/$n.err"; echo $? >"$directory/$n.status"; } &
  n=$((n + 1))
done
wait`;

interface HerdOptions {
  readonly env: NodeJS.ProcessEnv;
  /** A directory for the output. */
  readonly scratch: string;
  /** Changes the command line. */
  readonly wrap?: (argv: readonly string[]) => readonly string[];
}

/** Runs many processes of one command line at once. */
export async function runHerd(
  size: number,
  argv: readonly string[],
  { env, scratch, wrap = (command) => command }: HerdOptions,
): Promise<Outcome[]> {
  const directory = await mkdtemp(join(scratch, 'herd-'));
  const shell = ['/bin/sh', '-c', script, 'herd', String(size), directory, ...argv];
  const [file = '', ...args] = wrap(shell);
  const herd = await runProgram(file, args, { env, timeoutMs: 150_000 });
  if (herd.status !== 0) throw new Error(`the herd did not run: ${herd.stderr}`);
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

import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

/** A daemon that a test started. */
export interface TiedProcess {
  /** What it prints; what it prints on standard error is dropped. */
  readonly stdout: Readable;
  /** Ends it, and waits until it has ended. */
  stop(): Promise<void>;
}

/**
 * Starts a daemon that does not outlive this process, however this process ends: a shell beside it waits for the end
 * of its own standard input, which comes with our end at the latest, and ends the daemon.
 *
 * @param stdin the file that the daemon reads as its standard input
 */
export function startTied(
  argv: readonly string[],
  { env, stdin = '/dev/null' }: { readonly env: NodeJS.ProcessEnv; readonly stdin?: string },
): TiedProcess {
  const script = '"$@" <"$0" & daemon=$!; cat >/dev/null; kill -TERM $daemon; wait $daemon';
  const shell: ChildProcessByStdio<Writable, Readable, null> = spawn(
    '/bin/sh',
    ['-c', script, stdin, ...argv],
    {
      env,
      // A process group of its own, so that one that does not end can be killed with the shell.
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    },
  );
  const ended = new Promise<void>((resolve) => {
    // Not 'close', which waits for everyone who was given the standard output.
    shell.once('exit', () => {
      resolve();
    });
  });
  shell.stdin.on('error', () => undefined);
  return {
    stdout: shell.stdout,
    async stop() {
      shell.stdin.end();
      const timer = setTimeout(() => {
        if (shell.pid !== undefined) process.kill(-shell.pid, 'SIGKILL');
      }, 3_000);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Asks again and again until there is an answer. No test waits for a fixed time instead. */
export async function until<T>(what: string, ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`waited 10 seconds for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

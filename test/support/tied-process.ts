import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A daemon that a test started. */
export type TiedProcess = ReturnType<typeof startTied>;

/**
 * Starts a daemon that does not outlive this process: a shell ends it when the shell's standard input closes.
 *
 * @param stdin the file that the daemon reads as its standard input
 */
export function startTied(
  argv: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly cwd?: string; readonly stdin?: string },
) {
  const script = '"$@" <"$0" & daemon=$!; cat >/dev/null; kill -TERM $daemon; wait $daemon';
  // Detached: a process group of its own, so that both can be killed.
  const { stdin = '/dev/null', ...place } = options;
  const shell = spawn('/bin/sh', ['-c', script, stdin, ...argv], {
    ...place,
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  // Not `close`, which waits for every process that has the standard output.
  const ended = once(shell, 'exit');
  shell.stdin.on('error', () => undefined);
  return {
    stdout: shell.stdout,
    /** Ends it and waits for its end. */
    async stop(): Promise<void> {
      shell.stdin.end();
      const timer = setTimeout(() => {
        if (shell.pid !== undefined) process.kill(-shell.pid, 'SIGKILL');
      }, 3_000);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Asks until there is an answer, for 10 seconds at most unless `limitMs` says otherwise. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  limitMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${limitMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

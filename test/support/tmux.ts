import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onPath } from './on-path.js';
import type { Requirement } from './requirements.js';
import { runProgram } from './sandbox.js';
import { until } from './tied-process.js';

/** tmux, which is a terminal for programs that want one. */
export const tmuxRequirement: Requirement = { name: 'tmux', available: onPath('tmux') };

/** A terminal that a program runs in, 100 columns wide and 30 lines high. */
export interface Terminal {
  /** Types texts, and keys by their tmux names, such as `Tab` or `C-u`. */
  type(...keys: readonly string[]): Promise<void>;
  /** What is seen at the moment. */
  screen(): Promise<string>;
  /** Waits until something is seen. @returns the whole screen then */
  waitFor(pattern: RegExp): Promise<string>;
  /** Ends the program and the terminal. */
  stop(): Promise<void>;
}

/** Starts a program in a terminal. `env` is the whole environment that it gets, besides `TERM`. */
export async function startTmux(
  command: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd = tmpdir(),
): Promise<Terminal> {
  const directory = await mkdtemp(join(tmpdir(), 'tmux-'));
  const tmux = async (...args: string[]): Promise<string> => {
    const { status, stdout, stderr } = await runProgram(
      'tmux',
      ['-S', join(directory, 'socket'), '-f', '/dev/null', '-u', ...args],
      { env: { PATH: process.env['PATH'], LANG: 'C.UTF-8' }, timeoutMs: 20_000 },
    );
    if (status !== 0) throw new Error(`tmux ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const environment: NodeJS.ProcessEnv = { LANG: 'C.UTF-8', TERM: 'screen', ...env };
  const variables = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  await tmux('new-session', '-d', '-c', cwd, '-x', '100', '-y', '30', 'env', '-i', ...variables, ...command);

  const screen = (): Promise<string> => tmux('capture-pane', '-p');
  return {
    screen,
    async type(...keys) {
      await tmux('send-keys', ...keys);
    },
    async waitFor(pattern) {
      let seen = '';
      return until(`${String(pattern)} on a screen`, async () => {
        seen = await screen();
        return pattern.test(seen) ? seen : undefined;
      }).catch((error: unknown) => {
        throw new Error(`${String(error)}, which shows:\n${seen}`);
      });
    },
    async stop() {
      await tmux('kill-server').catch(() => undefined);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

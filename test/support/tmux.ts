import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onPath } from './on-path.js';
import type { Requirement } from './requirements.js';
import { runProgram } from './sandbox.js';
import { until } from './tied-process.js';

export const tmuxRequirement: Requirement = { name: 'tmux', available: onPath('tmux') };

/** A terminal with 30 lines, in which a program runs. */
export type Terminal = Awaited<ReturnType<typeof startTmux>>;

/** Runs a program in a terminal. `env` is its whole environment besides `TERM` and `LANG`. */
export async function startTmux(command: readonly string[], env: NodeJS.ProcessEnv, cwd = tmpdir(), columns = 100) {
  const directory = await mkdtemp(join(tmpdir(), 'tmux-'));
  const server = ['-S', join(directory, 'socket'), '-f', '/dev/null', '-u'];
  const tmux = async (...args: string[]): Promise<string> => {
    const { status, stdout, stderr } = await runProgram('tmux', [...server, ...args], {
      env: { PATH: process.env['PATH'], LANG: 'C.UTF-8' },
      timeoutMs: 20_000,
    });
    if (status !== 0) throw new Error(`tmux ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const environment: NodeJS.ProcessEnv = { LANG: 'C.UTF-8', TERM: 'screen', ...env };
  const set = Object.entries(environment).filter(([, value]) => value !== undefined);
  const variables = set.map(([name, value]) => `${name}=${value ?? ''}`);
  await tmux('new-session', '-d', '-c', cwd, '-x', String(columns), '-y', '30', 'env', '-i', ...variables, ...command);

  /** With `-e`, colours are escape sequences. */
  const screen = (...options: readonly string[]): Promise<string> => tmux('capture-pane', '-p', ...options);
  return {
    screen,
    /** Types texts, and keys by their tmux names such as `Tab` or `C-u`. */
    async type(...keys: readonly string[]): Promise<void> {
      await tmux('send-keys', ...keys);
    },
    /** Waits until the screen matches. @returns the screen */
    async waitFor(pattern: RegExp): Promise<string> {
      let seen = '';
      const matching = until(`${String(pattern)} on a screen`, async () => {
        seen = await screen();
        return pattern.test(seen) ? seen : undefined;
      });
      return matching.catch((error: unknown) => {
        throw new Error(`${String(error)}, which shows:\n${seen}`);
      });
    },
    async stop(): Promise<void> {
      await tmux('kill-server').catch(() => undefined);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

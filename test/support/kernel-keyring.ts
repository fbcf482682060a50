import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import type { Outcome } from './kubectl.js';
import { onPath } from './on-path.js';
import type { Requirement } from './requirements.js';
import { runProgram } from './sandbox.js';
import { startTied } from './tied-process.js';

/** What {@link startSessionKeyring} needs: not every container lets its processes have a session keyring. */
export const kernelKeyringRequirement: Requirement = {
  name: 'keyctl, and a kernel that gives out session keyrings',
  available: onPath('keyctl') && canUseSessionKeyring(),
};

/** A session keyring of one test, which many processes can share. */
export interface SessionKeyring {
  /** The command line that runs a program with this session keyring. */
  readonly command: (argv: readonly string[]) => [string, ...string[]];
  /** Runs a program with this session keyring, to its end. */
  run(argv: readonly string[], env: NodeJS.ProcessEnv, stdin?: string): Promise<Outcome>;
  /** Removes the keys that were kept in it, and the keyring. */
  stop(): Promise<void>;
}

/**
 * Starts a process that holds a named session keyring, so that others can join it.
 *
 * The addon keeps keys in the user's persistent keyring as well, where it finds them in later sessions. So `stop`
 * invalidates them, and a test must not keep anything under an account that somebody uses.
 */
export async function startSessionKeyring(): Promise<SessionKeyring> {
  const name = `kubectl-eck-test-${randomUUID()}`;
  const command = (argv: readonly string[]): [string, ...string[]] => ['keyctl', 'session', name, ...argv];
  // Others can join it by its name if they are allowed to search it.
  const script = 'keyctl setperm @s 0x3f3f0000 && echo ready; exec sleep infinity';
  const holder = startTied(command(['/bin/sh', '-c', script]), { env: process.env });
  for await (const line of createInterface({ input: holder.stdout })) if (line === 'ready') break;

  const run: SessionKeyring['run'] = async (argv, env, stdin) => {
    const [file, ...args] = command(argv);
    const options = { env, timeoutMs: 30_000, ...(stdin === undefined ? {} : { stdin }) };
    const outcome = await runProgram(file, args, options);
    return { ...outcome, stderr: outcome.stderr.replace(/^Joined session keyring: \d+\n/, '') };
  };
  return {
    command,
    run,
    async stop() {
      const invalidate =
        'for key in $(keyctl rlist @s); do case $(keyctl rdescribe $key) in user*) keyctl invalidate $key;; esac; done';
      await run(['/bin/sh', '-c', invalidate], process.env);
      await holder.stop();
    },
  };
}

function canUseSessionKeyring(): boolean {
  const script = 'keyctl print $(keyctl add user kubectl-eck-test x @s)';
  const { status } = spawnSync('keyctl', ['session', '-', '/bin/sh', '-c', script], {
    stdio: 'ignore',
    timeout: 10_000,
  });
  return status === 0;
}

import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Outcome } from './kubectl.js';
import { onPath } from './on-path.js';
import type { Requirement } from './requirements.js';
import { runProgram } from './sandbox.js';
import { startTied } from './tied-process.js';

const probe = ['session', '-', '/bin/sh', '-c', 'keyctl print $(keyctl add user kubectl-eck-test x @s)'];

/** Needed by {@link startSessionKeyring}: some containers have no session keyrings. */
export const kernelKeyringRequirement: Requirement = {
  name: 'keyctl, and a kernel with session keyrings',
  available: onPath('keyctl') && spawnSync('keyctl', probe, { stdio: 'ignore', timeout: 10_000 }).status === 0,
};

/** A session keyring of one test, shared by processes. */
export type SessionKeyring = Awaited<ReturnType<typeof startSessionKeyring>>;

/** Starts a process that holds a named session keyring, so that others can join it. */
export async function startSessionKeyring() {
  const name = `kubectl-eck-test-${randomUUID()}`;
  /** Makes a command line run with this session keyring. */
  const command = (argv: readonly string[]): [string, ...string[]] => ['keyctl', 'session', name, ...argv];
  // Without the permission to search it, others could not join it by name.
  const script = 'keyctl setperm @s 0x3f3f0000 && echo ready; exec sleep infinity';
  const holder = startTied(command(['/bin/sh', '-c', script]), { env: process.env });
  await once(holder.stdout, 'data');

  const run = async (argv: readonly string[], env: NodeJS.ProcessEnv): Promise<Outcome> => {
    const [file, ...args] = command(argv);
    const outcome = await runProgram(file, args, { env, timeoutMs: 30_000 });
    return { ...outcome, stderr: outcome.stderr.replace(/^Joined session keyring: \d+\n/, '') };
  };
  return {
    command,
    run,
    /** Deletes the keys in it, and the keyring. */
    async stop(): Promise<void> {
      // The addon saves keys in the user's persistent keyring as well, where later sessions would find them.
      const invalidate =
        'for key in $(keyctl rlist @s); do case $(keyctl rdescribe $key) in user*) keyctl invalidate $key;; esac; done';
      await run(['/bin/sh', '-c', invalidate], process.env);
      await holder.stop();
    },
  };
}

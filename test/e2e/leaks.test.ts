import { describe, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { secretForms } from '../support/journal.js';
import { onPath } from '../support/on-path.js';
import { describeWith } from '../support/requirements.js';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { programs, runProgram, type Program } from '../support/sandbox.js';

useSandbox();

const execArgs = (): string[] => ['exec-credential', '--cluster-id', sandbox.clusterId];

function holdsKey(text: string): boolean {
  return sandbox.ens.issuedKeys.flatMap(secretForms).some((form) => text.includes(form.toString('latin1')));
}

describe.each(Object.keys(programs) as Program[])('the %s program, asked to log everything', (program) => {
  test('prints no key and no secret of the identity', async () => {
    const env = { KUBECTL_ECK_LOG: 'debug', DEBUG: '*', NODE_DEBUG: undefined };
    const get = ['get-credentials', sandbox.clusterId];
    for (const args of [get, execArgs(), [...execArgs(), '--max-age', '1ms']]) {
      const { status, stderr } = await sandbox.run(args, { env, program });
      expect({ status, isSaid: holdsKey(stderr) }).toEqual({ status: 0, isSaid: false });
      expect(stderr).not.toContain(sandbox.identity.accessKeySecret);
    }
    const refused = await sandbox.run(['get-credentials', 'eck-unknown'], { env, program });
    expect(refused.stderr).toMatch(/^\s*at /m);
    expect(refused.stderr).not.toContain(sandbox.identity.accessKeySecret);
  });
});

describeWith([{ name: 'strace', available: onPath('strace') }], 'a private key', () => {
  /** The system calls that pass a key on, and their destination. */
  async function placesOfKey(args: readonly string[], env: Record<string, string>): Promise<string[]> {
    const calls = 'trace=write,writev,pwrite64,sendto,sendmsg,execve,add_key';
    // The trace contains the key, and the suite searches its own directories.
    const directory = await mkdtemp(join(tmpdir(), 'trace-'));
    const trace = join(directory, 'trace');
    const argv = ['-f', '-y', '-s', '100000', '-o', trace, '-e', calls, programs.standalone, ...args];
    const { status } = await runProgram('strace', argv, { env: sandbox.environment(env), timeoutMs: 60_000 });
    expect(status).toBe(0);
    const text = await readFile(trace, 'utf8');
    await rm(directory, { recursive: true });
    return text
      .split('\n')
      .filter(holdsKey)
      .map((line) => /(\w+\(\d*<?[^>,"]*>?)/.exec(line)?.[1] ?? line);
  }

  test('goes to standard output of exec-credential alone without a store', async () => {
    const env = { KUBECTL_ECK_STORE: 'none' };
    const places = await placesOfKey(execArgs(), env);
    expect(places.length).toBeGreaterThan(0);
    expect(places.filter((place) => !/^write\(1</.test(place))).toEqual([]);
    expect(await placesOfKey(['get-credentials', sandbox.clusterId], env)).toEqual([]);
  });
});

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onPath } from '../support/on-path.js';
import { describeWith } from '../support/requirements.js';
import { programs, runProgram, Sandbox, type Program } from '../support/sandbox.js';
import { secretForms } from '../support/secrets.js';

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await Sandbox.create();
});

afterEach(async () => {
  await sandbox.dispose();
});

const execArgs = (): string[] => ['exec-credential', '--cluster-id', sandbox.clusterId];

function holdsKey(text: string): boolean {
  return sandbox.ens.issuedKeys.flatMap(secretForms).some((form) => text.includes(form.toString('latin1')));
}

describe.each(Object.keys(programs) as Program[])('the %s program, asked to log everything', (program) => {
  test('says neither a key nor the secret of the identity', async () => {
    const env = { KUBECTL_ECK_LOG: 'debug', DEBUG: '*', NODE_DEBUG: undefined };
    for (const args of [
      ['get-credentials', sandbox.clusterId],
      execArgs(),
      [...execArgs(), '--max-age', '1ms'],
    ]) {
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
  /** The system calls by which a run hands out a key: the call, and what to. */
  async function placesOfKey(args: readonly string[], env: Record<string, string>): Promise<string[]> {
    const calls = 'trace=write,writev,pwrite64,sendto,sendmsg,execve,add_key';
    // The trace itself holds the key, and is not for the suite's search to find.
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

  test('goes to standard output alone where it is fetched and not kept', async () => {
    const places = await placesOfKey(execArgs(), { KUBECTL_ECK_STORE: 'none' });
    expect(places.length).toBeGreaterThan(0);
    expect(places.filter((place) => !/^write\(1</.test(place))).toEqual([]);
  });

  test('goes nowhere at all when get-credentials does not keep it', async () => {
    expect(await placesOfKey(['get-credentials', sandbox.clusterId], { KUBECTL_ECK_STORE: 'none' })).toEqual(
      [],
    );
  });
});

describe('a directory for state that cannot be trusted', () => {
  const flaws: [string, (directory: string) => Promise<void>][] = [
    ['is a symbolic link', async (directory) => symlink(sandbox.home, directory)],
    ['is a file', async (directory) => writeFile(directory, '')],
    [
      'is open to others',
      async (directory) => {
        await mkdir(directory);
        await chmod(directory, 0o777);
      },
    ],
    ...(process.getuid?.() === 0
      ? [
          [
            'belongs to another user',
            async (directory: string) => {
              await mkdir(directory, { mode: 0o700 });
              await chown(directory, 65534, 65534);
            },
          ] as [string, (directory: string) => Promise<void>],
        ]
      : []),
  ];

  test.each(flaws)(
    'because it %s is left alone, with one warning, and everything else works',
    async (_, spoil) => {
      const cache = join(sandbox.directory, 'cache');
      await mkdir(cache);
      await spoil(join(cache, 'kubectl-eck'));
      const env = { KUBECACHEDIR: cache, KUBECTL_ECK_STORE: 'none', KUBERNETES_EXEC_INFO: '' };
      const outcome = await sandbox.run([...execArgs()], { env });
      expect(JSON.parse(outcome.stdout)).toMatchObject({ kind: 'ExecCredential' });
      expect(outcome.stderr).toMatch(/^kubectl-eck: [^\n]*KUBECACHEDIR\n$/);
    },
  );
});

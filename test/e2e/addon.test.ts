import { beforeEach, describe, expect, test } from '@jest/globals';
import { copyFile, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { onPath } from '../support/on-path.js';
import { describeWith } from '../support/requirements.js';
import { programs, runProgram } from '../support/sandbox.js';

/** The folder of the program itself. */
let folder: string;
/** As krew puts it on PATH. */
let link: string;
/** Directories that another user filled. */
let hostile: { readonly cwd: string; readonly tmp: string };

useSandbox();
beforeEach(async () => {
  folder = join(sandbox.directory, 'Füße 東京 store', 'eck', 'v0.1.0');
  link = join(sandbox.directory, 'krew bin', 'kubectl-eck');
  hostile = { cwd: join(sandbox.directory, 'cwd'), tmp: join(sandbox.directory, 'tmp') };
  for (const directory of [folder, dirname(link), hostile.cwd]) await mkdir(directory, { recursive: true });
  await copyFile(programs.standalone, join(folder, 'kubectl-eck'));
  await copyFile(join(dirname(programs.standalone), 'keyring.node'), join(folder, 'keyring.node'));
  await symlink(join(folder, 'kubectl-eck'), link);
});

const execArgs = (): string[] => ['exec-credential', '--cluster-id', sandbox.clusterId];

const environment = (store: string): NodeJS.ProcessEnv =>
  sandbox.environment({
    KUBECTL_ECK_STORE: store,
    PATH: `${dirname(link)}:/usr/bin:/bin`,
    TMPDIR: hostile.tmp,
    BUN_TMPDIR: hostile.tmp,
    // No bus listens there.
    DBUS_SESSION_BUS_ADDRESS: `unix:path=${join(sandbox.directory, 'bus')}`,
  });

const run = (store: string) =>
  runProgram(link, execArgs(), { env: environment(store), cwd: hostile.cwd, timeoutMs: 30_000 });

async function makeArmLibrary(addon: string): Promise<void> {
  const library = await readFile(addon);
  // Of the ELF header: EM_ARM as e_machine.
  library.writeUInt16LE(40, 18);
  await writeFile(addon, library);
}

const flaws: readonly (readonly [string, problem: string, (addon: string) => Promise<void>])[] = [
  ['missing', 'is missing', (addon) => rm(addon)],
  ['empty', 'cannot be loaded', (addon) => writeFile(addon, '')],
  ['not a library', 'cannot be loaded', (addon) => writeFile(addon, 'something else')],
  ['for another processor', 'cannot be loaded', makeArmLibrary],
];

describe.each(flaws)('where the keychain addon is %s', (_, problem, spoil) => {
  beforeEach(async () => {
    await spoil(join(folder, 'keyring.node'));
  });

  test.each(['file', 'none'])('--store %s works without a message', async (store) => {
    const stdout = expect.stringContaining('"kind":"ExecCredential"');
    expect(await run(store)).toEqual({ status: 0, stderr: '', stdout });
  });

  test('--store kernel names the file and the fix', async () => {
    const { status, stdout, stderr } = await run('kernel');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain(`the keychain addon ${join(folder, 'keyring.node')} ${problem}`);
    expect(stderr).toMatch(/^[^\n]* \[keychain-absent\]\nInstall kubectl-eck again\n$/);
  });
});

describeWith([{ name: 'strace', available: onPath('strace') }], 'a program that krew has linked', () => {
  /** Names that Bun, Node.js, the loader of shared libraries or this program could load. */
  const names = `keyring.node keyring.linux-x64-gnu.node .keyring.node libc.so.6 libgcc_s.so.1 .env .env.local
    .env.production bunfig.toml .bunfig.toml .npmrc package.json tsconfig.json jsconfig.json bun.lock preload.js
    index.js openssl.cnf node_modules/@napi-rs/keyring/index.js node_modules/@napi-rs/keyring/package.json
    kubectl-eck kubectl-eck.jsc main.js config credentials`.split(/\s+/);

  /** The files that a run touches in any way, by the arguments of its system calls. */
  async function touched(store: string): Promise<string[]> {
    const trace = join(sandbox.directory, 'trace');
    const argv = ['-f', '-s', '4096', '-o', trace, '-e', 'trace=%file', link, ...execArgs()];
    await runProgram('strace', argv, { env: environment(store), cwd: hostile.cwd, timeoutMs: 60_000 });
    const calls = (await readFile(trace, 'utf8')).split('\n').filter((line) => !line.includes('execve('));
    return calls.flatMap((line) => [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, path = '']) => plain(path)));
  }

  beforeEach(async () => {
    for (const directory of [...Object.values(hostile), dirname(link)]) {
      for (const name of names) {
        await mkdir(dirname(join(directory, name)), { recursive: true });
        if (join(directory, name) !== link) await writeFile(join(directory, name), 'not what you look for');
      }
    }
  });

  test.each(['keychain', 'kernel', 'file'])(
    'touches nothing in the working and temporary directories and beside the link with --store %s',
    async (store) => {
      const paths = await touched(store);
      expect(paths.length).toBeGreaterThan(10);
      if (store === 'kernel') expect(paths).toContain(join(folder, 'keyring.node'));
      const inside = (path: string): boolean =>
        [hostile.cwd, hostile.tmp, dirname(link)].some((directory) => path.startsWith(`${directory}/`)) ||
        names.includes(path.replace(/^\.\//, ''));
      expect(paths.filter(inside)).toEqual([]);
    },
  );
});

/** Undoes what strace does to bytes that are not ASCII. */
function plain(escaped: string): string {
  return Buffer.from(
    escaped.replace(/\\([0-7]{1,3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))),
    'latin1',
  ).toString('utf8');
}

import { afterAll, beforeEach, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onPath } from '../support/on-path.js';
import { releaseVersion } from '../support/release.js';
import { describeWith } from '../support/requirements.js';
import {
  bun,
  getenvNames,
  readVariables,
  scriptVariables,
  sealedVariables,
  textsOf,
} from '../support/runtime-variables.js';
import { programs, runProgram, Sandbox } from '../support/sandbox.js';

/** Strings of the sealed runtime that begin as variables do: those of N-API, IPC and the bundler. */
const otherNames = /^NODE_(API_\w+|HANDLE\w+|MODULES|MODULE_VERSION|ENV|EXTRA_CA_CERTS|NO_WARNINGS|USE_SYSTEM_CA)$/;
const glibc = existsSync('/lib64/ld-linux-x86-64.so.2');
const native = { name: 'Linux on amd64 with glibc', available: process.arch === 'x64' && glibc };
const strace = { name: 'strace', available: onPath('strace') };

describeWith([native, strace], 'the runtime', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kubectl-eck-'));
  /** Everything that a variable could name. */
  const bait = join(directory, 'bait');
  const code = join(bait, 'code.js');
  const port = '127.0.0.1:6499';
  const values: Readonly<Record<string, string>> = {
    'a switch': '1',
    'a script': code,
    options: `--preload=${code}`,
    'a new file': join(bait, 'new'),
    'a directory': bait,
    'a port': port,
    'a socket': `ws+unix://${join(bait, 'socket')}`,
  };
  beforeEach(() => {
    rmSync(bait, { recursive: true, force: true });
    mkdirSync(bait);
    writeFileSync(code, `require('fs').writeFileSync('${join(bait, 'marker')}', '')`);
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  /** Runs a program, and finds the system calls by which it writes, listens, connects or uses the bait. */
  async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv, name = 'trace') {
    const trace = join(directory, name);
    const calls = 'trace=connect,bind,listen,%file';
    const argv = ['-f', '-o', trace, '-e', calls, '-E', `HOME=${directory}`, program, ...args];
    const place = { env: { PATH: '/usr/bin:/bin', ...env }, cwd: directory, timeoutMs: 60_000 };
    const outcome = await runProgram('strace', argv, place);
    const reaction = /O_(WRONLY|RDWR|CREAT)|(connect|bind|listen|creat)\(/;
    const lines = readFileSync(trace, 'utf8').split('\n');
    const reactions = lines.filter((line) => reaction.test(line) || line.includes(bait));
    return { ...outcome, reactions, files: readdirSync(bait) };
  }

  const files = ['code.js'];
  const normal = { status: 0, stdout: `kubectl-eck ${releaseVersion}\n`, stderr: '', reactions: [], files };

  test('asks for these variables alone', () => {
    const executable = readFileSync(programs.standalone);
    const { constants, scripts } = textsOf(executable);
    expect(getenvNames(executable)).toEqual(readVariables);
    const inScripts = [...scripts.matchAll(/\benv\??\.(\w+)/g)].map(([, name]) => name);
    expect([...new Set(inScripts)].sort()).toEqual(scriptVariables);
    const others = constants.matchAll(/(?<![\w.])(?:BUN_|NODE_|JSC_|ICU_|mimalloc_?)[A-Za-z]\w+/g);
    expect([...others].map(([name]) => name).filter((name) => !otherNames.test(name))).toEqual([]);
  });

  /** A name, and what is left of it where its first byte is overwritten. */
  const spellings = (name: string): string[] => [name, name.slice(1), `?${name.slice(1)}`];

  test.each(Object.entries(values))('ignores all sealed variables with the value of %s', async (_, value) => {
    const names = sealedVariables();
    expect(names.length).toBeGreaterThan(1400);
    expect(names).toEqual(expect.arrayContaining(['BUN_BE_BUN', 'BUN_JSC_functionOverrides', 'NODE_PATH']));
    const env = Object.fromEntries(['', ...names.flatMap(spellings)].map((name) => [name, value]));
    expect(await run(programs.standalone, ['version'], env)).toEqual(normal);
  });

  test('ignores each of them alone', async () => {
    // The options of the engine are read in one place.
    const waiting = sealedVariables().filter((name) => !/JSC_[a-z]/.test(name));
    const runWaiting = async (_: unknown, worker: number): Promise<void> => {
      for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
        const env = Object.fromEntries(spellings(name).map((spelling) => [spelling, code]));
        const outcome = await run(programs.standalone, ['version'], env, `trace-${worker}`);
        expect({ name, ...outcome }).toEqual({ name, ...normal });
      }
    };
    await Promise.all(Array.from({ length: 4 }, runWaiting));
  });

  test('fetches a credential with every sealed variable set', async () => {
    const sandbox = await Sandbox.create();
    try {
      const env = sandbox.environment(Object.fromEntries(sealedVariables().map((name) => [name, code])));
      const args = ['exec-credential', '--cluster-id', sandbox.clusterId];
      const { reactions, ...outcome } = await run(programs.standalone, args, env);
      expect(outcome).toMatchObject({ status: 0, stderr: '', files });
      expect(reactions.filter((line) => /bait|bind|listen/.test(line))).toEqual([]);
    } finally {
      await sandbox.dispose();
    }
  });

  test('obeys these variables where it is not sealed', async () => {
    const [source, program] = [join(directory, 'program.js'), join(directory, 'program')];
    writeFileSync(source, `console.log('normal'); process.exit()`);
    const options = ['--compile', '--bytecode', '--format=esm', `--outfile=${program}`];
    execFileSync(bun, ['build', source, ...options], { stdio: 'ignore' });
    const unsealed = { ...normal, stdout: 'normal\n' };
    expect(await run(program, [], {})).toEqual(unsealed);
    const obeyed = {
      ...{
        BUN_BE_BUN: '1',
        BUN_OPTIONS: `--preload=${code}`,
        BUN_INSPECT: port,
        BUN_INSPECT_CONNECT_TO: port,
      },
      ...{ BUN_BYTECODE_ORDER_OUT: join(bait, 'new'), BUN_BYTECODE_DIGEST_OUT: join(bait, 'new') },
      ...{ BUN_JSC_functionOverrides: code, BUN_JSC_dumpOptions: '1', MIMALLOC_VERBOSE: '1' },
    };
    for (const [name, value] of Object.entries(obeyed)) {
      const outcome = await run(program, [], { [name]: value });
      expect({ name, ...outcome }).not.toEqual({ name, ...unsealed });
    }
  });
});

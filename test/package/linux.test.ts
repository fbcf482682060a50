import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withEngineOptions } from '../../scripts/release/seal-runtime.js';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import type { Outcome } from '../support/kubectl.js';
import { platformOf, releaseRequirement, releaseVersion, unpackArchive } from '../support/release.js';
import { onPath } from '../support/on-path.js';
import { describeWith, type Requirement } from '../support/requirements.js';
import { runProgram } from '../support/sandbox.js';

type Argv = readonly [string, ...string[]];
const withoutAvx: Argv = ['qemu-x86_64', '-cpu', 'Nehalem'];
/** Libraries that `.ci/provide-musl` makes. */
const musl = process.env['KUBECTL_ECK_TEST_MUSL'] ?? '/nonexistent';

/** An emulator's command line with the root of its libraries, and what it needs. */
function emulator(command: Argv, root: string, other?: Partial<Requirement>): [Requirement, Argv] {
  const available = onPath(command[0]) && existsSync(root);
  return [{ name: `${command[0]} and ${root}`, available, ...other }, [...command, '-L', root]];
}

const glibc = existsSync('/lib64/ld-linux-x86-64.so.2');
const native = { name: 'Linux on amd64 with glibc', available: process.arch === 'x64' && glibc };
const alpine = { name: "Alpine's libraries", isOptional: true } as const;
const machines: readonly (readonly [string, string, ...[Requirement, Argv | []]])[] = [
  ['linux_amd64', 'this machine', native, []],
  ['linux_amd64', 'a processor without AVX', ...emulator(withoutAvx, '/')],
  ['linux_arm64', '64-bit ARM', ...emulator(['qemu-aarch64'], '/usr/aarch64-linux-gnu')],
  ['linux_amd64_musl', 'a system with musl', ...emulator(withoutAvx, join(musl, 'amd64'), alpine)],
  ['linux_arm64_musl', '64-bit ARM with musl', ...emulator(['qemu-aarch64'], join(musl, 'arm64'), alpine)],
];

for (const [platform, machine, requirement, argv] of machines) {
  describeWith([releaseRequirement, requirement], `the archive for ${platform}, on ${machine}`, () => {
    let directory: string;
    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), 'kubectl eck-'));
      unpackArchive(platformOf(platform), directory);
    });
    afterAll(() => {
      rmSync(directory, { recursive: true });
    });
    useSandbox();
    const run = (
      args: readonly string[],
      env: Record<string, string> = {},
      tracer: Argv | [] = [],
    ): Promise<Outcome> => {
      const [file, ...rest] = [...tracer, ...argv, join(directory, 'kubectl-eck'), ...args];
      return runProgram(file, rest, { env: sandbox.environment(env), timeoutMs: 100_000 });
    };

    test('prints its version and commit', async () => {
      const { stdout } = await run(['version', '-o', 'json']);
      expect(stdout).toMatch(new RegExp(`"version":"${releaseVersion}","commit":"[0-9a-f]{40}`));
    }, 120_000);

    test('loads its bytecode without compiling', async () => {
      const executable = join(directory, 'kubectl-eck');
      const released = readFileSync(executable);
      writeFileSync(executable, withEngineOptions(released, true));
      // The log of JavaScriptCore. Bun itself has one miss before it runs the program.
      const { stdout, stderr } = await run(['version'], { BUN_JSC_verboseDiskCache: '1' });
      writeFileSync(executable, released);
      const count = (what: string) => (stdout + stderr).split(`Cache ${what} for sourceCode`).length - 1;
      expect(count('hit')).toBeGreaterThanOrEqual(2);
      expect(count('miss')).toBeLessThanOrEqual(1);
    }, 120_000);

    test('fetches a credential, serves it without ENS, and loads the keychain addon', async () => {
      const args = ['exec-credential', '--cluster-id', sandbox.clusterId];
      const fetched = await run(args);
      expect(fetched).toMatchObject({ status: 0, stderr: '' });
      const { certificatePem } = sandbox.ens.issued[0] ?? {};
      expect(JSON.parse(fetched.stdout)).toMatchObject({ status: { clientCertificateData: certificatePem } });
      await sandbox.ens.stop();
      expect(await run(args)).toMatchObject({ status: 0, stdout: fetched.stdout });
      expect((await run([...args, '--store', 'kernel'])).stderr).not.toContain('cannot be loaded');
    }, 240_000);
  });
}

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { arm64, muslAmd64, muslArm64, native, withoutAvx, type Emulator } from '../support/emulators.js';
import type { Outcome } from '../support/kubectl.js';
import { platformOf, releaseRequirement, releaseVersion, unpackArchive } from '../support/release.js';
import { describeWith } from '../support/requirements.js';
import { runProgram, Sandbox } from '../support/sandbox.js';

const machines: readonly (readonly [string, string, Emulator])[] = [
  ['linux_amd64', 'this machine', native],
  ['linux_amd64', 'a processor without AVX', withoutAvx],
  ['linux_arm64', '64-bit ARM', arm64],
  ['linux_amd64_musl', 'a system with musl', muslAmd64],
  ['linux_arm64_musl', '64-bit ARM with musl', muslArm64],
];

for (const [platform, machine, { requirement, argv }] of machines) {
  describeWith([releaseRequirement, requirement], `the archive for ${platform}, on ${machine}`, () => {
    let directory: string;
    let sandbox: Sandbox;
    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), 'kubectl eck-'));
      unpackArchive(platformOf(platform), directory);
    });
    afterAll(() => {
      rmSync(directory, { recursive: true });
    });
    beforeEach(async () => {
      sandbox = await Sandbox.create();
    });
    afterEach(async () => {
      await sandbox.dispose();
    });
    const run = (args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> => {
      const [file, ...rest] = [...argv, join(directory, 'kubectl-eck'), ...args];
      return runProgram(file, rest, { env: sandbox.environment(env), timeoutMs: 100_000 });
    };

    test('prints its version and commit', async () => {
      const { stdout } = await run(['version', '-o', 'json']);
      expect(JSON.parse(stdout)).toEqual({
        version: releaseVersion,
        commit: expect.stringMatching(/^[0-9a-f]{40}/),
        buildDate: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      });
    }, 120_000);

    test('loads its bytecode and compiles nothing again', async () => {
      // The log of JavaScriptCore. Bun itself has one miss before it runs the program.
      const { stdout, stderr } = await run(['version'], { BUN_JSC_verboseDiskCache: '1' });
      const count = (what: string) => (stdout + stderr).split(`Cache ${what} for sourceCode`).length - 1;
      expect(count('hit')).toBeGreaterThanOrEqual(2);
      expect(count('miss')).toBeLessThanOrEqual(1);
    }, 120_000);

    test('fetches a credential and serves it without ENS', async () => {
      const args = ['exec-credential', '--cluster-id', sandbox.clusterId];
      const fetched = await run(args);
      expect(fetched).toMatchObject({ status: 0, stderr: '' });
      const { certificatePem } = sandbox.ens.issued[0] ?? {};
      expect(JSON.parse(fetched.stdout)).toMatchObject({ status: { clientCertificateData: certificatePem } });
      await sandbox.ens.stop();
      expect(await run(args)).toMatchObject({ status: 0, stdout: fetched.stdout });
    }, 240_000);

    test('loads the keychain addon from its own directory', async () => {
      const args = ['exec-credential', '--cluster-id', sandbox.clusterId, '--store', 'kernel'];
      expect((await run(args)).stderr).not.toContain('cannot be loaded');
      const addon = join(directory, 'keyring.node');
      renameSync(addon, `${addon}.away`);
      expect((await run(args)).stderr).toContain('keyring.node cannot be loaded');
      renameSync(`${addon}.away`, addon);
    }, 240_000);
  });
}

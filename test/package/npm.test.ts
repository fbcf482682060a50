import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Outcome } from '../support/kubectl.js';
import { NpmRegistry } from '../support/npm-registry.js';
import { nodeRequirement } from '../support/node.js';
import { releaseVersion } from '../support/release.js';
import { describeWith } from '../support/requirements.js';
import { repository, runProgram, Sandbox } from '../support/sandbox.js';

let directory: string;
let packed: { readonly filename: string; readonly files: readonly { readonly path: string }[] };

const npm = (args: readonly string[]): Promise<Outcome> =>
  runProgram('npm', args, { env: process.env, cwd: repository, timeoutMs: 170_000 });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kubectl eck-'));
  // Without its scripts, since other tests use what they would build anew.
  const { stdout } = await npm(['pack', '--json', '--ignore-scripts', `--pack-destination=${directory}`]);
  [packed] = JSON.parse(stdout) as [typeof packed];
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

test('the npm package has the program, its launchers and its documents, and nothing else', () => {
  const paths = packed.files.map(({ path }) => path);
  expect(paths.filter((path) => !/^dist\/js\/[\w-]+\.js$/.test(path)).sort()).toEqual([
    'LICENSE',
    'README.md',
    'README.zh-CN.md',
    'package.json',
    'plugin/kubectl-eck',
    'plugin/kubectl_complete-eck',
  ]);
  expect(paths).toContain('dist/js/main.js');
});

describe('installed with npm install -g into an empty prefix', () => {
  let prefix: string;
  beforeAll(async () => {
    prefix = join(directory, 'prefix');
    await mkdir(prefix);
    const registry = await NpmRegistry.start();
    try {
      const installed = await npm([
        ...['install', '--global', '--prefix', prefix, '--no-audit', '--no-fund'],
        ...['--registry', registry.url, '--cache', join(directory, 'cache')],
        join(directory, packed.filename),
      ]);
      expect(installed).toMatchObject({ status: 0 });
    } finally {
      await registry.stop();
    }
  }, 180_000);

  for (const node of [20, 22, 24].map(nodeRequirement)) {
    describeWith([node], `on ${node.name}`, () => {
      test('it says its version, fetches a credential from ENS and serves it', async () => {
        const sandbox = await Sandbox.create();
        try {
          const run = (...args: string[]): Promise<Outcome> =>
            runProgram(join(prefix, 'bin', 'kubectl-eck'), args, {
              env: sandbox.environment({ PATH: [node.directory, '/usr/bin', '/bin'].join(delimiter) }),
              cwd: sandbox.directory,
              timeoutMs: 30_000,
            });
          expect(await run('version')).toEqual({
            status: 0,
            stdout: `kubectl-eck ${releaseVersion}\n`,
            stderr: '',
          });
          const fetched = await run('exec-credential', '--cluster-id', sandbox.clusterId);
          expect(fetched).toMatchObject({ status: 0, stderr: '' });
          expect(JSON.parse(fetched.stdout)).toMatchObject({ kind: 'ExecCredential' });
          // The addon came along: the kernel keyring is asked for, or lacks what it takes here.
          const kernel = await run('exec-credential', '--cluster-id', sandbox.clusterId, '--store', 'kernel');
          expect(kernel.stderr).not.toContain('cannot be loaded');
          await sandbox.ens.stop();
          expect(await run('exec-credential', '--cluster-id', sandbox.clusterId)).toEqual(fetched);
        } finally {
          await sandbox.dispose();
        }
      });
    });
  }
});

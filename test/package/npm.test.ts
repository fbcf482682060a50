import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import type { Outcome } from '../support/kubectl.js';
import { Loopback } from '../support/loopback.js';
import { filesBelow, releaseDirectory, releaseRequirement, releaseVersion } from '../support/release.js';
import { describeWith } from '../support/requirements.js';
import { repository, runProgram } from '../support/sandbox.js';

const file = join(releaseDirectory, `kubectl-eck-${releaseVersion}.tgz`);
let directory: string;

const listed = (process.env['KUBECTL_ECK_TEST_NODES'] ?? '').split(delimiter).filter(Boolean);

/** A Node.js of a major version: the one that runs this, or one that `KUBECTL_ECK_TEST_NODES` lists. */
function nodeRequirement(major: number) {
  const program = [process.execPath, ...listed].find((one) =>
    spawnSync(one, ['--version'], { encoding: 'utf8' }).stdout.startsWith(`v${major}.`),
  );
  const directory = dirname(program ?? '/nonexistent/node');
  return { name: `Node.js ${major}`, available: program !== undefined, directory };
}

const npm = (...args: readonly string[]): Promise<Outcome> =>
  runProgram('npm', args, { env: process.env, cwd: repository, timeoutMs: 170_000 });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kubectl eck-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

describeWith([releaseRequirement], 'the npm package', () => {
  test('has the program, its launchers and its documents, and nothing else', () => {
    const paths = execFileSync('tar', ['-tzf', file], { encoding: 'utf8' }).trim().split('\n');
    expect(paths).toContain('package/dist/js/main.js');
    expect(paths.filter((path) => !/^package\/dist\/js\/[\w-]+\.js$/.test(path)).sort()).toEqual(
      [
        'LICENSE',
        'README.md',
        'README.zh-CN.md',
        'THIRD_PARTY_LICENSES',
        'package.json',
        'plugin/kubectl-eck',
        'plugin/kubectl_complete-eck',
      ].map((path) => `package/${path}`),
    );
  });

  describe('installed with npm install -g', () => {
    let prefix: string;
    beforeAll(async () => {
      prefix = join(directory, 'prefix');
      await mkdir(prefix);
      const registry = await startRegistry();
      try {
        const installed = await npm(
          ...['install', '--global', '--prefix', prefix, '--registry', `http://127.0.0.1:${registry.port}`],
          file,
        );
        expect(installed).toMatchObject({ status: 0 });
      } finally {
        await registry.close();
      }
    }, 180_000);

    test('it brings two other packages, and 15 MB at most', () => {
      const modules = join(prefix, 'lib', 'node_modules');
      const manifests = filesBelow(modules).filter((path) =>
        /node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/.test(`node_modules/${path}`),
      );
      expect(manifests).toHaveLength(3);
      const bytes = filesBelow(modules).reduce((sum, path) => sum + statSync(join(modules, path)).size, 0);
      expect(bytes).toBeLessThan(15e6);
    });

    for (const node of [20, 22, 24].map(nodeRequirement)) {
      describeWith([node], `on ${node.name}`, () => {
        useSandbox();
        test('it prints its version, fetches a credential and serves it without ENS', async () => {
          const run = (...args: string[]): Promise<Outcome> =>
            runProgram(join(prefix, 'bin', 'kubectl-eck'), args, {
              env: sandbox.environment({ PATH: `${node.directory}:/usr/bin:/bin` }),
              cwd: sandbox.directory,
              timeoutMs: 30_000,
            });
          const version = { status: 0, stdout: `kubectl-eck ${releaseVersion}\n`, stderr: '' };
          expect(await run('version')).toEqual(version);
          const args = ['exec-credential', '--cluster-id', sandbox.clusterId];
          const fetched = await run(...args);
          expect(fetched).toMatchObject({ status: 0, stderr: '' });
          // npm installed the addon, too.
          expect((await run(...args, '--store', 'kernel')).stderr).not.toContain('cannot be loaded');
          await sandbox.ens.stop();
          expect(await run(...args)).toEqual(fetched);
        });
      });
    }
  });
});

/**
 * A registry with the packages of package-lock.json alone. Their bytes come from npm's cache, by their hash, or from
 * the registry that npm uses otherwise.
 */
async function startRegistry(): Promise<Loopback> {
  const { stdout: upstream } = await npm('config', 'get', 'registry');
  const text = await readFile(join(repository, 'package-lock.json'), 'utf8');
  const { packages } = JSON.parse(text) as {
    packages: Record<string, { version: string; integrity: string }>;
  };
  const registry = new Loopback(
    createServer((request, response) => {
      const name = decodeURIComponent(request.url ?? '').slice(1);
      const versions = Object.entries(packages)
        .filter(([path]) => path.endsWith(`node_modules/${name}`))
        .map(([, { version, integrity, ...manifest }]) => {
          const file = `${name.replace(/^@.*\//, '')}-${version}.tgz`;
          const dist = { integrity, tarball: new URL(`${name}/-/${file}`, upstream.trim()).href };
          return [version, { ...manifest, name, version, dist }] as const;
        });
      const latest = versions.at(-1)?.[0];
      response.end(JSON.stringify({ name, 'dist-tags': { latest }, versions: Object.fromEntries(versions) }));
    }),
  );
  await registry.open();
  return registry;
}

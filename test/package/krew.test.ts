import { beforeEach, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { basename, dirname, join } from 'node:path';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { currentKubectl, runKubectl, type Outcome } from '../support/kubectl.js';
import { Loopback } from '../support/loopback.js';
import {
  archiveFile,
  filesBelow,
  platformOf,
  releaseDirectory,
  releaseRequirement,
  releaseVersion,
} from '../support/release.js';
import { describeWith, type Requirement } from '../support/requirements.js';
import { runProgram } from '../support/sandbox.js';

const directory = process.env['KUBECTL_ECK_TEST_KREW'] ?? '/nonexistent';
const krew = join(directory, 'krew');
/** The program with which krew-index checks manifests. */
const validator = join(directory, 'validate-krew-manifest');
const krewRequirement: Requirement = {
  name: 'krew, built with Go',
  available: existsSync(krew) && existsSync(validator),
  isOptional: true,
};

describeWith([releaseRequirement, currentKubectl, krewRequirement], 'a release, with krew', () => {
  useSandbox();
  let krewRoot: string;
  let bin: string;
  beforeEach(async () => {
    krewRoot = join(sandbox.home, '.krew');
    bin = join(sandbox.directory, 'bin');
    await mkdir(bin);
    await symlink(krew, join(bin, 'kubectl-krew'));
    await symlink(currentKubectl.kubectl.path, join(bin, 'kubectl'));
    // krew needs an index; this one is empty.
    const index = join(sandbox.directory, 'index');
    await mkdir(join(index, 'plugins'), { recursive: true });
    await writeFile(join(index, 'plugins', '.keep'), '');
    const author = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.com'];
    const commit = [...author, 'commit', '--quiet', '--message=Begin'];
    for (const args of [['init', '--quiet'], ['add', '.'], commit]) execFileSync('git', ['-C', index, ...args]);
    expect(await kubectl('krew', 'update')).toMatchObject({ status: 0 });
  });
  /** The program of `npm run build` is not on this `PATH`, only what krew links. */
  const kubectl = (...args: string[]): Promise<Outcome> =>
    runKubectl(currentKubectl.kubectl, args, {
      env: sandbox.environment({
        KREW_ROOT: krewRoot,
        KREW_NO_UPGRADE_CHECK: '1',
        KREW_DEFAULT_INDEX_URI: join(sandbox.directory, 'index'),
        PATH: `${join(krewRoot, 'bin')}:${bin}:/usr/bin:/bin`,
      }),
      cwd: sandbox.directory,
      timeoutMs: 60_000,
    });
  test('is installed, works, and leaves nothing after uninstall', async () => {
    const before = filesBelow(krewRoot);
    const manifest = join(releaseDirectory, 'krew-manifest.yaml');
    const archive = archiveFile(platformOf('linux_amd64'));
    const installed = await kubectl('krew', 'install', '--manifest', manifest, '--archive', archive);
    expect(installed).toMatchObject({ status: 0 });
    // krew prints the caveats.
    expect(installed.stdout + installed.stderr).toContain('kubectl eck logout --all');

    expect(await kubectl('eck', 'version')).toMatchObject({ stdout: `kubectl-eck ${releaseVersion}\n` });
    expect(await kubectl('eck', 'get-credentials', sandbox.clusterId)).toMatchObject({ status: 0 });
    const nodes = await kubectl('get', 'nodes');
    expect(nodes).toMatchObject({ status: 0, stderr: '' });
    expect(nodes.stdout).toContain(`${sandbox.clusterId}-node-1`);
    // The addon is found through krew's link.
    const kernel = ['--cluster-id', 'eck-1', '--store', 'kernel'];
    expect((await kubectl('eck', 'exec-credential', ...kernel)).stderr).not.toContain('cannot be loaded');

    expect(await kubectl('krew', 'uninstall', 'eck')).toMatchObject({ status: 0 });
    expect(filesBelow(krewRoot)).toEqual(before);
  }, 120_000);

  test.each([
    ['krew-manifest.yaml', 6],
    ['krew-manifest-musl.yaml', 2],
  ])(
    'has a valid %s, with which krew downloads and installs it on each platform',
    async (name, platforms) => {
      const downloads = new Loopback(
        createServer((request, response) => {
          readFile(join(releaseDirectory, basename(request.url ?? ''))).then(
            (archive) => response.end(archive),
            () => response.writeHead(404).end(),
          );
        }),
      );
      await downloads.open();
      try {
        // krew-index requires the name of the plugin.
        const file = join(sandbox.directory, 'eck.yaml');
        const manifest = await readFile(join(releaseDirectory, name), 'utf8');
        await writeFile(file, manifest.replaceAll(/(?<=uri: )\S*\//g, `http://127.0.0.1:${downloads.port}/`));
        const validated = await runProgram(validator, ['--manifest', file], {
          env: { PATH: `${bin}:${dirname(process.execPath)}:/usr/bin:/bin` },
          timeoutMs: 150_000,
        });
        expect(validated).toMatchObject({ status: 0 });
        expect(validated.stderr).toContain(`all ${platforms} spec.platforms installed fine`);
      } finally {
        await downloads.close();
      }
    },
    180_000,
  );
});

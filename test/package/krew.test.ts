import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { basename, dirname, join } from 'node:path';
import { parse } from 'yaml';
import { platforms } from '../../scripts/release/platforms.js';
import { krewPrograms, krewRequirement } from '../support/krew.js';
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
import { describeWith } from '../support/requirements.js';
import { runProgram, Sandbox } from '../support/sandbox.js';

interface Manifest {
  readonly spec: {
    readonly version: string;
    readonly platforms: readonly { readonly uri: string; readonly bin: string }[];
  };
}

const author = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.com'];
const needed = [releaseRequirement, currentKubectl, krewRequirement];

describe('with the real krew', () => {
  describeWith(needed, 'a release', () => {
    let sandbox: Sandbox;
    let krewRoot: string;
    beforeEach(async () => {
      sandbox = await Sandbox.create();
      krewRoot = join(sandbox.home, '.krew');
      // krew is itself a plugin of kubectl.
      await mkdir(join(sandbox.directory, 'bin'));
      await symlink(krewPrograms.krew, join(sandbox.directory, 'bin', 'kubectl-krew'));
      await symlink(currentKubectl.kubectl.path, join(sandbox.directory, 'bin', 'kubectl'));
      // krew does little before it has an index; this one is empty.
      const index = join(sandbox.directory, 'index');
      await mkdir(join(index, 'plugins'), { recursive: true });
      await writeFile(join(index, 'plugins', '.keep'), '');
      for (const args of [
        ['init', '--quiet'],
        ['add', '.'],
        [...author, 'commit', '--quiet', '-m', 'Begin'],
      ]) {
        execFileSync('git', ['-C', index, ...args]);
      }
      expect(await kubectl('krew', 'update')).toMatchObject({ status: 0 });
    });
    afterEach(async () => {
      await sandbox.dispose();
    });

    /** The program that `npm run build` made is on no `PATH` here: only what krew links is found. */
    const kubectl = (...args: string[]): Promise<Outcome> =>
      runKubectl(currentKubectl.kubectl, args, {
        env: sandbox.environment({
          KREW_ROOT: krewRoot,
          KREW_NO_UPGRADE_CHECK: '1',
          KREW_DEFAULT_INDEX_URI: join(sandbox.directory, 'index'),
          PATH: [join(krewRoot, 'bin'), join(sandbox.directory, 'bin'), '/usr/bin', '/bin'].join(':'),
        }),
        cwd: sandbox.directory,
        timeoutMs: 60_000,
      });
    const install = (): Promise<Outcome> =>
      kubectl(
        ...['krew', 'install', '--manifest', join(releaseDirectory, 'krew-manifest.yaml')],
        ...['--archive', archiveFile(platformOf('linux_amd64'))],
      );

    test('is installed into an empty KREW_ROOT, works, and is gone after uninstall', async () => {
      const before = filesBelow(krewRoot);
      const installed = await install();
      expect(installed).toMatchObject({ status: 0 });
      // The caveats, which krew shows.
      expect(installed.stdout + installed.stderr).toContain('kubectl eck logout --all');

      expect(await kubectl('eck', 'version')).toMatchObject({ stdout: `kubectl-eck ${releaseVersion}\n` });
      expect(await kubectl('eck', 'get-credentials', sandbox.clusterId)).toMatchObject({ status: 0 });
      const nodes = await kubectl('get', 'nodes');
      expect(nodes).toMatchObject({ status: 0, stderr: '' });
      expect(nodes.stdout).toContain(`${sandbox.clusterId}-node-1`);

      expect(await kubectl('krew', 'uninstall', 'eck')).toMatchObject({ status: 0 });
      expect(filesBelow(krewRoot)).toEqual(before);
      expect(await kubectl('eck', 'version')).toMatchObject({ status: 1 });
    }, 120_000);

    test('loads the addon through the link that krew makes', async () => {
      await install();
      const { stderr } = await kubectl(
        'eck',
        'exec-credential',
        '--cluster-id',
        'eck-1',
        '--store',
        'kernel',
      );
      expect(stderr).not.toContain('cannot be loaded');
    }, 120_000);

    test('is refused by krew where the archive is another one', async () => {
      const { status, stderr } = await kubectl(
        ...['krew', 'install', '--manifest', join(releaseDirectory, 'krew-manifest.yaml')],
        ...['--archive', archiveFile(platformOf('linux_arm64'))],
      );
      expect(status).toBe(1);
      expect(stderr).toMatch(/checksum/);
    }, 120_000);

    const manifests = [
      ['krew-manifest.yaml', platforms.filter(({ libc }) => libc === undefined)],
      ['krew-manifest-musl.yaml', platforms.filter(({ libc }) => libc === 'musl')],
    ] as const;
    test.each(manifests)(
      'has in %s what krew-index accepts, and krew downloads and installs it on every platform that it names',
      async (name, named) => {
        const text = await readFile(join(releaseDirectory, name), 'utf8');
        const manifest = parse(text) as Manifest;
        expect(manifest.spec.platforms.map(({ uri }) => basename(uri)).sort()).toEqual(
          named.map((platform) => basename(archiveFile(platform))).sort(),
        );

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
          // krew-index demands that the file is named after the plugin.
          const file = join(sandbox.directory, 'eck.yaml');
          const address = `http://127.0.0.1:${downloads.port}/`;
          await writeFile(file, text.replaceAll(/(?<=uri: )\S*\//g, address));
          const validated = await runProgram(krewPrograms.validator, ['--manifest', file], {
            env: { PATH: `${join(sandbox.directory, 'bin')}:${dirname(process.execPath)}:/usr/bin:/bin` },
            timeoutMs: 150_000,
          });
          expect(validated).toMatchObject({ status: 0 });
          expect(validated.stderr).toContain(`all ${named.length} spec.platforms installed fine`);
        } finally {
          await downloads.close();
        }
      },
      180_000,
    );
  });
});

import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { releaseDirectory, releaseRequirement } from '../support/release.js';
import { describeWith } from '../support/requirements.js';
import { repository, runProgram } from '../support/sandbox.js';

/**
 * Copies the repository in $1 to the working directory and packages it there. node_modules gets hard links: a compiler
 * would follow a symbolic link to the original directory.
 */
const packageCopy = `
  for entry in "$1"/* "$1"/.[!.]*; do
    case \${entry##*/} in
      dist | release | coverage) ;;
      node_modules) cp -al "$entry" . ;;
      *) cp -a "$entry" . ;;
    esac
  done
  umask 077
  npm run --silent package
`;

describeWith([releaseRequirement], 'a second npm run package', () => {
  test('gives the same bytes in another directory, time zone, language and umask', async () => {
    // In the file system of node_modules, because of the hard links.
    const parent = await mkdtemp(join(repository, 'dist', 'another directory-'));
    try {
      const copy = join(parent, 'deeper down', 'sources');
      await mkdir(copy, { recursive: true });
      const packaged = await runProgram('/bin/sh', ['-ec', packageCopy, 'sh', repository], {
        env: { ...process.env, TZ: 'Asia/Kathmandu', LANG: 'de_DE.UTF-8', LC_ALL: 'de_DE.UTF-8' },
        cwd: copy,
        timeoutMs: 580_000,
      });
      expect(packaged).toMatchObject({ status: 0 });
      expect(checksums(join(copy, 'release'))).toEqual(checksums(releaseDirectory));
    } finally {
      await rm(parent, { recursive: true });
    }
  }, 600_000);
});

/** The checksums of all files but the one that npm makes, which contains the modes of the files. */
function checksums(release: string): string {
  return readFileSync(join(release, 'SHA256SUMS'), 'utf8').replace(/^.*\.tgz\n/m, '');
}

import { expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { filesBelow, releaseDirectory, releaseRequirement } from '../support/release.js';
import { describeWith } from '../support/requirements.js';
import { repository, runProgram } from '../support/sandbox.js';

/** What `npm run package` writes. Other steps of a release add to the directory. */
const isOfPackage = (name: string): boolean => /^krew-manifest|\.tar\.gz$|\.zip$/.test(name);

/**
 * Copies the sources in $1, and their history, to the working directory, and packages them there. The libraries get
 * links, but not to their directory: a compiler would follow that, and be where it was before after all.
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

function hashes(directory: string): Record<string, string> {
  const files = filesBelow(directory).filter(isOfPackage);
  return Object.fromEntries(
    files.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(directory, name)))
        .digest('hex'),
    ]),
  );
}

describeWith([releaseRequirement], 'a second npm run package of the same sources', () => {
  test('gives the same bytes in another directory, time zone, language and umask', async () => {
    // On the file system of node_modules, so that these can be linked and need not be copied.
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
      expect(hashes(join(copy, 'release'))).toEqual(hashes(releaseDirectory));
    } finally {
      await rm(parent, { recursive: true });
    }
  }, 600_000);
});

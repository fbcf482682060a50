import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { archiveName, platforms, type Platform } from '../../scripts/release/platforms.js';
import type { Requirement } from './requirements.js';
import { repository } from './sandbox.js';

/** The output directory of `npm run package`. */
export const releaseDirectory = join(repository, 'release');

export const { version: releaseVersion, homepage } = JSON.parse(
  readFileSync(join(repository, 'package.json'), 'utf8'),
) as { version: string; homepage: string };

export const releaseRequirement: Requirement = {
  name: 'npm run package',
  // The file that is written last.
  available: existsSync(join(releaseDirectory, 'SHA256SUMS')),
};

export function platformOf(name: string): Platform {
  const platform = platforms.find((one) => one.name === name);
  if (platform === undefined) throw new Error(`there is no platform ${name}`);
  return platform;
}

export function archiveFile(platform: Platform): string {
  return join(releaseDirectory, archiveName(platform, releaseVersion));
}

/** Unpacks the archive for a platform into a directory. */
export function unpackArchive(platform: Platform, directory: string): void {
  mkdirSync(directory, { recursive: true });
  const archive = archiveFile(platform);
  if (archive.endsWith('.tar.gz')) {
    execFileSync('tar', ['-xzf', archive, '-C', directory]);
    return;
  }
  const files = Object.entries(unzipSync(readFileSync(archive)));
  for (const [name, content] of files) writeFileSync(join(directory, name), content);
}

/** The paths of the files below a directory, sorted. */
export function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

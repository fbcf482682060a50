import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { archiveName, platforms, type Platform } from '../../scripts/release/platforms.js';
import type { Requirement } from './requirements.js';
import { repository } from './sandbox.js';

/** Where `npm run package` puts what it makes. */
export const releaseDirectory = join(repository, 'release');

/** The release that package.json names. */
export const { version: releaseVersion } = JSON.parse(
  readFileSync(join(repository, 'package.json'), 'utf8'),
) as { version: string };

/** Everything that `npm run package` makes. */
export const releaseRequirement: Requirement = {
  name: 'npm run package',
  // The manifest is written last.
  available: existsSync(join(releaseDirectory, 'krew-manifest-musl.yaml')),
};

/** The platform of a name. */
export function platformOf(name: string): Platform {
  const platform = platforms.find((one) => one.name === name);
  if (platform === undefined) throw new Error(`there is no platform ${name}`);
  return platform;
}

/** The file that is the archive for a platform. */
export function archiveFile(platform: Platform): string {
  return join(releaseDirectory, archiveName(platform, releaseVersion));
}

/** Unpacks the archive for a platform into a new directory, as a person would. @returns the directory */
export async function unpackArchive(platform: Platform, directory: string): Promise<string> {
  await mkdir(directory, { recursive: true });
  const archive = archiveFile(platform);
  if (archive.endsWith('.zip')) {
    for (const [name, content] of Object.entries(unzipSync(readFileSync(archive)))) {
      await writeFile(join(directory, name), content);
    }
  } else {
    execFileSync('tar', ['-xzf', archive, '-C', directory]);
  }
  return directory;
}

/** The files below a directory, by their path in it, sorted. */
export function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

// Makes release/: an archive for every platform, the manifests with which krew installs them, and prints how large
// they are. Every build of one commit makes the same bytes.
//
// Usage: npm run package [-- --homepage URL]
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readBuildFacts } from './release/build-facts.js';
import { krewManifest } from './release/krew-manifest.js';
import { packagePlatform } from './release/package-platform.js';
import { archiveName, platforms } from './release/platforms.js';

// Zip files hold times as the local clock shows them.
process.env['TZ'] = 'UTC';

const { values: options } = parseArgs({
  options: {
    // Where the project is published. Nobody but whoever publishes it can know.
    homepage: { type: 'string', default: 'https://github.com/OWNER/kubectl-eck' },
  },
});
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const output = join(root, 'release');
const facts = readBuildFacts(root, process.env);

await rm(output, { recursive: true, force: true });
await mkdir(output);
const work = await mkdtemp(join(tmpdir(), 'package-'));
try {
  const sha256 = new Map<string, string>();
  const waiting = [...platforms];
  const packageWaiting = async (): Promise<void> => {
    for (let platform = waiting.shift(); platform !== undefined; platform = waiting.shift()) {
      const archive = await packagePlatform(root, facts, platform, work);
      const name = archiveName(platform, facts.version);
      sha256.set(name, createHash('sha256').update(archive).digest('hex'));
      await writeFile(join(output, name), archive);
      console.log(`${megabytes(archive.length)}  ${name}`);
    }
  };
  // Compressing is most of the work, and is done by processes of their own.
  await Promise.all([packageWaiting(), packageWaiting()]);

  const template = await readFile(join(root, 'krew-manifest.yaml'), 'utf8');
  const release = { version: facts.version, homepage: options.homepage, sha256 };
  await writeFile(join(output, 'krew-manifest.yaml'), krewManifest(template, release));
  await writeFile(join(output, 'krew-manifest-musl.yaml'), krewManifest(template, release, 'musl'));
} finally {
  await rm(work, { recursive: true, force: true });
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`.padStart(8);
}

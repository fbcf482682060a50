// Writes release/SHA256SUMS over everything else in release/, for "sha256sum --check".
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const release = join(dirname(dirname(fileURLToPath(import.meta.url))), 'release');
const name = 'SHA256SUMS';
const lines = [];
for (const file of (await readdir(release)).filter((one) => one !== name).sort()) {
  const content = await readFile(join(release, file));
  lines.push(`${createHash('sha256').update(content).digest('hex')}  ${file}\n`);
}
await writeFile(join(release, name), lines.join(''));

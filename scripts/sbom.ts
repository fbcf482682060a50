// Writes the software bill of materials of a release, as CycloneDX: the packages that package-lock.json pins for use,
// and Bun, which is in every executable. It is the same for every run on one commit.
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readBuildFacts } from './release/build-facts.js';
import { completeSbom, type CycloneDx, type PackageLock } from './release/sbom.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const facts = readBuildFacts(root, process.env);
const args = [
  'sbom',
  '--sbom-format=cyclonedx',
  '--sbom-type=application',
  '--omit=dev',
  '--package-lock-only',
];
const listed = execFileSync('npm', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as PackageLock;
const sbom = completeSbom(JSON.parse(listed) as CycloneDx, facts, lock);

const file = join(root, 'release', `kubectl-eck_v${facts.version}_sbom.cdx.json`);
await mkdir(dirname(file), { recursive: true });
await writeFile(file, `${JSON.stringify(sbom, undefined, 2)}\n`);

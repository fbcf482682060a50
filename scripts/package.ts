// Makes release/: an archive for each platform, the npm package and the manifests for krew. Each build of one commit makes the same
// bytes. Bun runs this script.
//
// Usage: npm run package [-- --homepage URL]
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { withAdHocSignature } from './release/ad-hoc-signature.js';
import { tarGz, zip } from './release/archive.js';
import { buildDate, compileStandalone, root, version } from './release/compile.js';
import { thirdPartyLicenses } from './release/licenses.js';
import { unpackLocked, type PackageLock } from './release/locked-packages.js';
import { makeNpmPackage } from './release/npm-package.js';
import { archiveName, completionName, executableName, platforms, type Platform } from './release/platforms.js';

// Zip files have local times.
process.env['TZ'] = 'UTC';

const project = JSON.parse(read('package.json').toString()) as { homepage: string };
const { homepage } = parseArgs({
  options: { homepage: { type: 'string', default: project.homepage } },
}).values;
const output = join(root, 'release');
const hashes = new Map<Platform, string>();

rmSync(output, { recursive: true, force: true });
mkdirSync(output);
const work = mkdtempSync(join(tmpdir(), 'package-'));
try {
  const lock = JSON.parse(read('package-lock.json').toString()) as PackageLock;
  const packages = platforms.flatMap(({ runtimePackage, addonPackage }) => [runtimePackage, addonPackage]);
  unpackLocked(lock, packages, work);
  for (const platform of platforms) {
    const archive = await makeArchive(platform);
    const name = archiveName(platform, version);
    hashes.set(platform, createHash('sha256').update(archive).digest('hex'));
    writeFileSync(join(output, name), archive);
    console.log(`${(archive.length / 1e6).toFixed(1)} MB  ${name}`);
  }
  makeNpmPackage(work, output);
  writeManifest('krew-manifest.yaml', undefined);
  writeManifest('krew-manifest-musl.yaml', 'musl');
} finally {
  rmSync(work, { recursive: true });
}

async function makeArchive(platform: Platform): Promise<Uint8Array> {
  const { name, os, arch, bunTarget } = platform;
  const runtime = join(work, platform.runtimePackage);
  const addon = join(work, platform.addonPackage);
  const executable = join(work, name, executableName(os));
  mkdirSync(join(work, name));
  const metafile = join(work, `${name}.json`);
  const bun = join(runtime, 'bin', os === 'windows' ? 'bun.exe' : 'bun');
  compileStandalone(bun, executable, `--target=${bunTarget}`, `--metafile=${metafile}`);

  const compiled = readFileSync(executable);
  // Bun signs its output for arm64. Its output for amd64 has the signature of Bun itself, which is wrong.
  const isUnsigned = os === 'darwin' && arch === 'amd64';
  const { inputs } = JSON.parse(readFileSync(metafile, 'utf8')) as { inputs: object };
  const licenses = thirdPartyLicenses(Object.keys(inputs), { runtime, addon });
  const [keyring = ''] = readdirSync(addon).filter((file) => file.endsWith('.node'));
  const program = isUnsigned ? withAdHocSignature(compiled, 'kubectl-eck') : compiled;
  const files = [
    { name: 'LICENSE', content: read('LICENSE'), mode: 0o644 },
    { name: 'THIRD_PARTY_LICENSES', content: Buffer.from(licenses), mode: 0o644 },
    { name: 'keyring.node', content: readFileSync(join(addon, keyring)), mode: 0o644 },
    { name: executableName(os), content: program, mode: 0o755 },
    { name: completionName(os), content: read(`plugin/${completionName(os)}`), mode: 0o755 },
  ];
  // 1980 is the first year of zip files.
  const time = buildDate ?? new Date('1980-01-01T00:00:00Z');
  return os === 'windows' ? zip(files, time) : tarGz(files, time);
}

/** Fills in krew-manifest.yaml and adds the platforms, of which krew can choose one by `os` and `arch` only. */
function writeManifest(file: string, libc: Platform['libc']): void {
  const release = `${homepage}/releases/download/v${version}`;
  const values: Record<string, string> = { version, homepage, release };
  const head = read('krew-manifest.yaml')
    .toString()
    .replace(/^(#.*\n)+/, '')
    .replace(/\$\{(\w+)\}/g, (_, name: string) => values[name] ?? '');
  const entries = platforms
    .filter((platform) => platform.libc === libc)
    .map(
      (platform) => `    - selector: { matchLabels: { os: ${platform.os}, arch: ${platform.arch} } }
      uri: ${release}/${archiveName(platform, version)}
      sha256: ${hashes.get(platform) ?? ''}
      bin: ${executableName(platform.os)}
`,
    );
  writeFileSync(join(output, file), head + entries.join(''));
}

function read(path: string): Buffer {
  return readFileSync(join(root, path));
}

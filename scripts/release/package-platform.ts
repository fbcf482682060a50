import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withAdHocSignature } from './ad-hoc-signature.js';
import { tarGz, zip, type ArchivedFile } from './archive.js';
import type { BuildFacts } from './build-facts.js';
import { compileStandalone } from './compile.js';
import { lockedPackage, type LockedPackage } from './locked-package.js';
import { completionName, executableName, type Platform } from './platforms.js';
import { thirdPartyLicenses, type Metafile } from './third-party-licenses.js';

/** An archive without a commit's time gets that of the oldest zip file. */
const oldestTime = new Date('1980-01-01T00:00:00Z');

/**
 * Makes the archive of a release for a platform.
 *
 * @param work a directory for what is needed on the way
 */
export async function packagePlatform(
  root: string,
  facts: BuildFacts,
  { name, os, arch, bunTarget, runtimePackage, addonPackage }: Platform,
  work: string,
): Promise<Buffer> {
  const directory = join(work, name);
  await mkdir(directory);
  const cache = join(root, 'node_modules', '.cache', 'kubectl-eck');
  const runtime = await lockedPackage(root, runtimePackage, cache, process.env);
  const addon = await lockedPackage(root, addonPackage, cache, process.env);

  const runtimeFile = join(directory, 'bun');
  await writeFile(
    runtimeFile,
    fileOf(runtime, (path) => /^bin\/bun(\.exe)?$/.test(path)),
    { mode: 0o755 },
  );
  const executable = join(directory, executableName(os));
  const metafile = join(directory, 'metafile.json');
  await compileStandalone(root, facts, executable, { bunTarget, runtime: runtimeFile, metafile });

  const compiled = await readFile(executable);
  // Bun signs what it compiles for arm64. What it compiles for amd64 still carries the signature of Bun itself, which
  // is wrong for it, and demands that macOS ends a program whose signature is wrong.
  const program =
    os === 'darwin' && arch === 'amd64' ? withAdHocSignature(compiled, 'kubectl-eck') : compiled;

  const bundled = JSON.parse(await readFile(metafile, 'utf8')) as Metafile;
  const licenses = await thirdPartyLicenses(root, bundled, { runtime, addon });
  const completion = completionName(os);
  const files: readonly ArchivedFile[] = [
    { name: executableName(os), content: program, isExecutable: true },
    { name: 'keyring.node', content: fileOf(addon, (path) => path.endsWith('.node')), isExecutable: false },
    { name: completion, content: await readFile(join(root, 'plugin', completion)), isExecutable: true },
    { name: 'LICENSE', content: await readFile(join(root, 'LICENSE')), isExecutable: false },
    { name: 'THIRD_PARTY_LICENSES', content: Buffer.from(licenses), isExecutable: false },
  ];
  const mtime = facts.date ?? oldestTime;
  return os === 'windows' ? zip(root, files, mtime) : tarGz(root, files, mtime);
}

/** The one file of a package that is looked for. */
function fileOf({ name, version, files }: LockedPackage, isIt: (path: string) => boolean): Buffer {
  const [found, ...others] = [...files].filter(([path]) => isIt(path));
  if (found === undefined || others.length > 0) {
    throw new Error(`${name}@${version} is not laid out as expected`);
  }
  return found[1];
}

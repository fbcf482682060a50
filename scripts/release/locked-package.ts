import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';

const run = promisify(execFile);

/** A package of npm, as package-lock.json pins it. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** The files in it, by their path below the package. */
  readonly files: ReadonlyMap<string, Buffer>;
}

/** One entry of `packages` in package-lock.json. */
interface LockEntry {
  readonly version: string;
  readonly integrity?: string;
}

/**
 * Fetches a package that package-lock.json names, for whatever platform it is, from the registry that npm uses in `environment`.
 * What was fetched is kept in `cache`, and is checked against the lock file whenever it is used.
 *
 * @throws Error where the lock file does not pin the package, it cannot be fetched, or its bytes are not those that
 * were locked
 */
export async function lockedPackage(
  root: string,
  name: string,
  cache: string,
  environment: NodeJS.ProcessEnv,
): Promise<LockedPackage> {
  const { version, integrity } = await lockEntry(root, name);
  const file = join(cache, `${name.replace('/', '+')}-${version}.tgz`);
  let tarball = await readIfThere(file);
  if (tarball === undefined || !hasIntegrity(tarball, integrity)) {
    await download(`${name}@${version}`, file, environment);
    tarball = await readFile(file);
  }
  if (!hasIntegrity(tarball, integrity)) {
    await rm(file);
    throw new Error(`${name}@${version} is not what package-lock.json has locked (${integrity}): not used`);
  }
  return { name, version, files: await unpack(tarball) };
}

/** Whether bytes have a hash of Subresource Integrity. Only SHA-512 counts, which is what npm locks. */
export function hasIntegrity(bytes: Buffer, integrity: string): boolean {
  return integrity === `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
}

async function lockEntry(root: string, name: string): Promise<Required<LockEntry>> {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, LockEntry | undefined>>;
  };
  const entry = lock.packages[`node_modules/${name}`];
  if (entry?.integrity === undefined) throw new Error(`package-lock.json does not lock ${name}`);
  return { version: entry.version, integrity: entry.integrity };
}

async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Puts the package at `file` in one step, so that nobody else who packages at this time sees half of it. */
async function download(spec: string, file: string, env: NodeJS.ProcessEnv): Promise<void> {
  await mkdir(join(file, '..'), { recursive: true });
  const directory = await mkdtemp(`${file}-`);
  try {
    const args = ['pack', spec, '--json', '--ignore-scripts', `--pack-destination=${directory}`];
    const { stdout } = await run('npm', args, { cwd: directory, env, shell: process.platform === 'win32' });
    const packed = JSON.parse(stdout) as readonly [{ readonly filename: string }];
    await rename(join(directory, packed[0].filename), file);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function unpack(tarball: Buffer): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const archive = extract();
  const unpacked = pipeline([tarball], createGunzip(), archive);
  for await (const entry of archive) {
    // Everything in a package of npm lies in one folder, whose name says nothing.
    if (entry.header.type === 'file')
      files.set(entry.header.name.replace(/^[^/]*\//, ''), await buffer(entry));
    else entry.resume();
  }
  await unpacked;
  return files;
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { Zip, type ZipInputFile } from 'fflate';
import { pack } from 'tar-stream';
import { bunExecutable } from './compile.js';

/** A file of an archive. */
export interface ArchivedFile {
  readonly name: string;
  readonly content: Buffer;
  readonly isExecutable: boolean;
}

/**
 * An archive whose bytes depend on nothing but the arguments and the Bun that package-lock.json pins: files in the
 * order of their names, owned by root, of one time and two modes.
 */
export async function tarGz(root: string, files: readonly ArchivedFile[], mtime: Date): Promise<Buffer> {
  const archive = pack();
  for (const { name, content, isExecutable } of sorted(files)) {
    archive.entry({ name, mtime, mode: modeOf(isExecutable), uid: 0, gid: 0 }, content);
  }
  archive.finalize();
  return deflate(root, 'gzip', await buffer(archive));
}

/** The same as a zip file. Its times are those of the local clock, so whoever wants the same bytes sets `TZ`. */
export async function zip(root: string, files: readonly ArchivedFile[], mtime: Date): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const archive = new Zip((error, chunk) => {
    if (error !== null) throw error;
    chunks.push(chunk);
  });
  for (const { name, content, isExecutable } of sorted(files)) {
    const compressed = await deflate(root, 'deflate', content);
    const file: ZipInputFile = {
      filename: name,
      size: content.length,
      crc: crc32(content),
      compression: 8,
      mtime,
      // Made on Unix, so that whoever unpacks it there gets the mode.
      os: 3,
      attrs: (0o100000 | modeOf(isExecutable)) << 16,
    };
    archive.add(file);
    file.ondata?.(null, new Uint8Array(compressed), true);
  }
  archive.end();
  return Buffer.concat(chunks);
}

function sorted(files: readonly ArchivedFile[]): ArchivedFile[] {
  return [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function modeOf(isExecutable: boolean): number {
  return isExecutable ? 0o755 : 0o644;
}

async function deflate(root: string, format: 'gzip' | 'deflate', bytes: Buffer): Promise<Buffer> {
  const script = join(root, 'scripts', 'release', 'deflate.mjs');
  const child = spawn(bunExecutable(root), [script, format], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(bytes);
  const ended = once(child, 'close') as Promise<[status: number | null]>;
  const [compressed, [status]] = await Promise.all([buffer(child.stdout), ended]);
  if (status !== 0) throw new Error(`${script} failed with exit status ${String(status)}`);
  return compressed;
}

import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { Zip, type ZipInputFile } from 'fflate';
import { pack } from 'tar-stream';

/** The compressors of the locked Bun, whose output does not depend on a library of the machine. */
declare const Bun: Record<
  'gzipSync' | 'deflateSync',
  (bytes: Uint8Array, options: { library: 'libdeflate'; level: number }) => Uint8Array<ArrayBuffer>
>;
const compression = { library: 'libdeflate', level: 10 } as const;

export interface ArchivedFile {
  readonly name: string;
  readonly content: Uint8Array;
  readonly mode: number;
}

/** The same arguments give the same bytes: files are owned by root, have one time, and are in the given order. */
export async function tarGz(files: readonly ArchivedFile[], mtime: Date): Promise<Uint8Array> {
  const archive = pack();
  for (const { name, content, mode } of files) {
    archive.entry({ name, mtime, mode, uid: 0, gid: 0 }, Buffer.from(content));
  }
  archive.finalize();
  return Bun.gzipSync(await buffer(archive), compression);
}

/** As {@link tarGz}. The times are in local time, so `TZ` has to be set for the same bytes. */
export function zip(files: readonly ArchivedFile[], mtime: Date): Uint8Array {
  const chunks: Uint8Array[] = [];
  const archive = new Zip((error, chunk) => {
    if (error !== null) throw error;
    chunks.push(chunk);
  });
  for (const { name, content, mode } of files) {
    const file: ZipInputFile = {
      filename: name,
      size: content.length,
      crc: crc32(content),
      compression: 8,
      mtime,
      // Made on Unix, where the mode is restored.
      os: 3,
      attrs: (0o100000 | mode) << 16,
    };
    archive.add(file);
    file.ondata?.(null, Bun.deflateSync(content, compression), true);
  }
  archive.end();
  return Buffer.concat(chunks);
}

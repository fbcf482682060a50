import { createHash } from 'node:crypto';

/** Names and values of Apple's headers. */
const MH_MAGIC_64 = 0xfeedfacf;
const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;
const CSMAGIC_CODEDIRECTORY = 0xfade0c02;
const CS_ADHOC = 0x2;

export interface CodeSignature {
  readonly isAdHoc: boolean;
  /** The number of signed pages, and the pages that differ from their hash. */
  readonly pages: number;
  readonly wrongPages: readonly number[];
  /** Whether the last segment and the signature end with the file, as the kernel requires. */
  readonly endsWithFile: boolean;
}

/**
 * Checks a 64-bit Mach-O file page by page against its SHA-256 code directory, as macOS does.
 *
 * @throws Error if it has no such signature, or one that does not cover the whole file
 */
export function checkCodeSignature(file: Buffer): CodeSignature {
  if (file.readUInt32LE(0) !== MH_MAGIC_64) throw new Error('not a 64-bit Mach-O file');
  let [start, end, segmentsEnd] = [0, 0, 0];
  let at = 32;
  for (let left = file.readUInt32LE(16); left > 0; left -= 1) {
    const command = file.readUInt32LE(at);
    if (command === LC_CODE_SIGNATURE) {
      start = file.readUInt32LE(at + 8);
      end = start + file.readUInt32LE(at + 12);
    } else if (command === LC_SEGMENT_64) {
      const segmentEnd = file.readBigUInt64LE(at + 40) + file.readBigUInt64LE(at + 48);
      segmentsEnd = Math.max(segmentsEnd, Number(segmentEnd));
    }
    at += file.readUInt32LE(at + 4);
  }
  const blobs = Array.from({ length: file.readUInt32BE(start + 8) }, (_, index) =>
    file.subarray(start + file.readUInt32BE(start + 16 + 8 * index)),
  );
  const directory = blobs.find((blob) => blob.readUInt32BE(0) === CSMAGIC_CODEDIRECTORY);
  if (directory === undefined) throw new Error('the file has no code directory');

  const [hashes, pages, codeLimit] = [16, 28, 32].map((offset) => directory.readUInt32BE(offset));
  const pageSize = 1 << directory.readUInt8(39);
  // Hash size 32, hash type SHA-256.
  if (directory.readUInt16BE(36) !== 0x2002 || codeLimit !== start || pages !== Math.ceil(start / pageSize)) {
    throw new Error('the signature does not cover the whole file with SHA-256');
  }
  const wrongPages = Array.from({ length: pages }, (_, page) => page).filter((page) => {
    const bytes = file.subarray(page * pageSize, Math.min((page + 1) * pageSize, start));
    const signed = directory.subarray(Number(hashes) + page * 32, Number(hashes) + (page + 1) * 32);
    return !createHash('sha256').update(bytes).digest().equals(signed);
  });
  return {
    isAdHoc: (directory.readUInt32BE(12) & CS_ADHOC) !== 0,
    pages,
    wrongPages,
    endsWithFile: segmentsEnd === file.length && end === file.length,
  };
}

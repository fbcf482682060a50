import { createHash } from 'node:crypto';

/** Names and values of Apple's headers `mach-o/loader.h` and `kern/cs_blobs.h`. */
const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;
const CSMAGIC_EMBEDDED_SIGNATURE = 0xfade0cc0;
const CSMAGIC_CODEDIRECTORY = 0xfade0c02;
const CS_ADHOC_AND_LINKER_SIGNED = 0x20002;
const CS_SUPPORTSEXECSEG = 0x20400;
const CS_EXECSEG_MAIN_BINARY = 1n;

const machHeaderSize = 32;
const superBlobSize = 20;
const codeDirectorySize = 88;
const hashSize = 32;
const pageSize = 4096;
/** Four bytes: hash size 32, SHA-256, platform 0, page size 2^12. */
const hashAndPageType = 0x2002000c;

/**
 * Replaces the signature at the end of a 64-bit Mach-O executable with an ad-hoc one, as Apple's linker makes it.
 * macOS kills a program whose signature is wrong.
 */
export function withAdHocSignature(executable: Buffer, identifier: string): Buffer {
  const { signature, linkEdit, text } = loadCommands(executable);
  const codeLimit = executable.readUInt32LE(signature + 8);
  if (codeLimit + executable.readUInt32LE(signature + 12) !== executable.length) {
    throw new Error('the signature of the executable is not at its end');
  }
  const pages = Math.ceil(codeLimit / pageSize);
  const ident = Buffer.from(`${identifier}\0`);
  const hashOffset = codeDirectorySize + ident.length;
  const directorySize = hashOffset + pages * hashSize;
  const size = align(superBlobSize + directorySize, 16);

  const signed = Buffer.concat([executable.subarray(0, codeLimit), Buffer.alloc(size)]);
  const linkEditSize = BigInt(signed.length) - signed.readBigUInt64LE(linkEdit + 40);
  signed.writeUInt32LE(size, signature + 12);
  signed.writeBigUInt64LE(BigInt(align(Number(linkEditSize), pageSize)), linkEdit + 32);
  signed.writeBigUInt64LE(linkEditSize, linkEdit + 48);

  // The hashes cover the load commands, so these must not change from here on.
  const superBlob = signed.subarray(codeLimit);
  writeWords(superBlob, [CSMAGIC_EMBEDDED_SIGNATURE, superBlobSize + directorySize, 1, 0, superBlobSize]);
  const directory = superBlob.subarray(superBlobSize);
  writeWords(directory, [
    ...[CSMAGIC_CODEDIRECTORY, directorySize, CS_SUPPORTSEXECSEG, CS_ADHOC_AND_LINKER_SIGNED],
    ...[hashOffset, codeDirectorySize, 0, pages, codeLimit, hashAndPageType],
  ]);
  directory.writeBigUInt64BE(executable.readBigUInt64LE(text + 40), 64);
  directory.writeBigUInt64BE(executable.readBigUInt64LE(text + 48), 72);
  directory.writeBigUInt64BE(CS_EXECSEG_MAIN_BINARY, 80);
  ident.copy(directory, codeDirectorySize);
  for (let page = 0; page < pages; page += 1) {
    const bytes = signed.subarray(page * pageSize, Math.min((page + 1) * pageSize, codeLimit));
    directory.set(createHash('sha256').update(bytes).digest(), hashOffset + page * hashSize);
  }
  return signed;
}

/** The offsets of the load commands that a signature concerns. */
function loadCommands(executable: Buffer) {
  const found: Record<string, number> = {};
  let at = machHeaderSize;
  for (let left = executable.readUInt32LE(16); left > 0; left -= 1) {
    const command = executable.readUInt32LE(at);
    if (command === LC_CODE_SIGNATURE) found['signature'] = at;
    if (command === LC_SEGMENT_64) found[executable.toString('latin1', at + 8, at + 24).replace(/\0+$/, '')] = at;
    at += executable.readUInt32LE(at + 4);
  }
  const { signature, __LINKEDIT: linkEdit, __TEXT: text } = found;
  if (signature === undefined || linkEdit === undefined || text === undefined) {
    throw new Error('not a signed Mach-O executable');
  }
  return { signature, linkEdit, text };
}

function writeWords(target: Buffer, words: readonly number[]): void {
  words.forEach((word, index) => target.writeUInt32BE(word, 4 * index));
}

function align(size: number, to: number): number {
  return Math.ceil(size / to) * to;
}

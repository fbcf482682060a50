import { createHash } from 'node:crypto';

/** The names that Apple's headers (`mach-o/loader.h`, `kern/cs_blobs.h`) have for these. */
const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;
const CSMAGIC_EMBEDDED_SIGNATURE = 0xfade0cc0;
const CSMAGIC_CODEDIRECTORY = 0xfade0c02;
const CS_ADHOC = 0x2;
const CS_LINKER_SIGNED = 0x20000;
const CS_SUPPORTSEXECSEG = 0x20400;
const CS_HASHTYPE_SHA256 = 2;
const CS_EXECSEG_MAIN_BINARY = 1n;

const machHeaderSize = 32;
const superBlobSize = 20;
const codeDirectorySize = 88;
const hashSize = 32;
const pageSizeLog2 = 12;
const pageSize = 1 << pageSizeLog2;

/**
 * Replaces the signature of a 64-bit Mach-O executable by an ad-hoc one over every page, as Apple's linker makes it.
 * It says nothing about who made the file, and lets macOS run it: a file whose signature is wrong is killed.
 *
 * @throws Error where the file has no signature at its end to replace
 */
export function withAdHocSignature(executable: Buffer, identifier: string): Buffer {
  const { signature, linkEdit, text } = loadCommands(executable);
  const codeLimit = executable.readUInt32LE(signature + 8);
  const pages = Math.ceil(codeLimit / pageSize);
  const ident = Buffer.from(`${identifier}\0`);
  const size = align(superBlobSize + codeDirectorySize + ident.length + pages * hashSize, 16);

  const signed = Buffer.concat([executable.subarray(0, codeLimit), Buffer.alloc(size)]);
  signed.writeUInt32LE(size, signature + 12);
  const linkEditSize = BigInt(signed.length) - signed.readBigUInt64LE(linkEdit + 40);
  signed.writeBigUInt64LE(BigInt(align(Number(linkEditSize), pageSize)), linkEdit + 32);
  signed.writeBigUInt64LE(linkEditSize, linkEdit + 48);

  // What is hashed, the load commands among it, must not change from here on.
  const directory = Buffer.alloc(size - superBlobSize);
  const hashOffset = codeDirectorySize + ident.length;
  directory.writeUInt32BE(CSMAGIC_CODEDIRECTORY, 0);
  directory.writeUInt32BE(hashOffset + pages * hashSize, 4);
  directory.writeUInt32BE(CS_SUPPORTSEXECSEG, 8);
  directory.writeUInt32BE(CS_ADHOC | CS_LINKER_SIGNED, 12);
  directory.writeUInt32BE(hashOffset, 16);
  directory.writeUInt32BE(codeDirectorySize, 20);
  directory.writeUInt32BE(pages, 28);
  directory.writeUInt32BE(codeLimit, 32);
  directory.writeUInt8(hashSize, 36);
  directory.writeUInt8(CS_HASHTYPE_SHA256, 37);
  directory.writeUInt8(pageSizeLog2, 39);
  directory.writeBigUInt64BE(executable.readBigUInt64LE(text + 40), 64);
  directory.writeBigUInt64BE(executable.readBigUInt64LE(text + 48), 72);
  directory.writeBigUInt64BE(CS_EXECSEG_MAIN_BINARY, 80);
  ident.copy(directory, codeDirectorySize);
  for (let page = 0; page < pages; page += 1) {
    const bytes = signed.subarray(page * pageSize, Math.min((page + 1) * pageSize, codeLimit));
    createHash('sha256')
      .update(bytes)
      .digest()
      .copy(directory, hashOffset + page * hashSize);
  }

  signed.writeUInt32BE(CSMAGIC_EMBEDDED_SIGNATURE, codeLimit);
  signed.writeUInt32BE(superBlobSize + hashOffset + pages * hashSize, codeLimit + 4);
  signed.writeUInt32BE(1, codeLimit + 8);
  signed.writeUInt32BE(superBlobSize, codeLimit + 16);
  directory.copy(signed, codeLimit + superBlobSize);
  return signed;
}

/** Where the load commands lie that a signature is about. */
function loadCommands(executable: Buffer) {
  const found = new Map<string, number>();
  let at = machHeaderSize;
  for (let left = executable.readUInt32LE(16); left > 0; left -= 1) {
    const command = executable.readUInt32LE(at);
    if (command === LC_CODE_SIGNATURE) found.set('signature', at);
    if (command === LC_SEGMENT_64) {
      found.set(executable.toString('latin1', at + 8, at + 24).replace(/\0+$/, ''), at);
    }
    at += executable.readUInt32LE(at + 4);
  }
  const [signature, linkEdit, text] = ['signature', '__LINKEDIT', '__TEXT'].map((name) => found.get(name));
  if (signature === undefined || linkEdit === undefined || text === undefined) {
    throw new Error('this is no Mach-O executable with a signature');
  }
  const end = executable.readUInt32LE(signature + 8) + executable.readUInt32LE(signature + 12);
  if (end !== executable.length) throw new Error('its signature is not at its end');
  return { signature, linkEdit, text };
}

function align(size: number, to: number): number {
  return Math.ceil(size / to) * to;
}

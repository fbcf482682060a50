import { createHash } from 'node:crypto';

/** What Apple's headers call `CSMAGIC_…`, `LC_…` and `CS_…`. */
const machO64 = 0xfeedfacf;
const loadCodeSignature = 0x1d;
const loadSegment64 = 0x19;
const embeddedSignature = 0xfade0cc0;
const codeDirectory = 0xfade0c02;
const sha256Type = 2;
const adHocFlag = 0x2;

/** The ad-hoc signature of a Mach-O file, checked. */
export interface CodeSignature {
  readonly isAdHoc: boolean;
  /** How many pages it covers: all of the file up to the signature. */
  readonly pages: number;
  /** The pages that are not what was signed. */
  readonly wrongPages: readonly number[];
  /** Whether the last segment ends where the file does, as the kernel demands. */
  readonly endsWithFile: boolean;
}

/**
 * Checks a thin 64-bit Mach-O file against the code directory in it, page by page, as macOS does before it runs it.
 *
 * @throws Error where it has no such signature, or one that does not cover the whole file
 */
export function checkCodeSignature(file: Buffer): CodeSignature {
  if (file.readUInt32LE(0) !== machO64) throw new Error('this is no 64-bit Mach-O file');
  const { signature, segmentsEnd } = loadCommands(file);
  if (signature === undefined) throw new Error('this Mach-O file is not signed');
  const directory = findCodeDirectory(file.subarray(signature.offset, signature.offset + signature.size));

  const hashOffset = directory.readUInt32BE(16);
  const codeSlots = directory.readUInt32BE(28);
  const codeLimit = directory.readUInt32BE(32);
  const [hashSize, hashType] = [directory.readUInt8(36), directory.readUInt8(37)];
  const pageSize = 1 << directory.readUInt8(39);
  if (hashType !== sha256Type || hashSize !== 32) throw new Error('the signature is not of SHA-256');
  if (codeLimit !== signature.offset) throw new Error('the signature does not cover all before it');
  if (codeSlots !== Math.ceil(codeLimit / pageSize)) throw new Error('the signature lacks pages');

  const wrongPages = Array.from({ length: codeSlots }, (_, page) => page).filter((page) => {
    const bytes = file.subarray(page * pageSize, Math.min((page + 1) * pageSize, codeLimit));
    const signed = directory.subarray(hashOffset + page * hashSize, hashOffset + (page + 1) * hashSize);
    return !createHash('sha256').update(bytes).digest().equals(signed);
  });
  return {
    isAdHoc: (directory.readUInt32BE(12) & adHocFlag) !== 0,
    pages: codeSlots,
    wrongPages,
    endsWithFile: segmentsEnd === file.length && signature.offset + signature.size === file.length,
  };
}

function loadCommands(file: Buffer) {
  let signature: { readonly offset: number; readonly size: number } | undefined;
  let segmentsEnd = 0;
  let at = 32;
  for (let left = file.readUInt32LE(16); left > 0; left -= 1) {
    const command = file.readUInt32LE(at);
    if (command === loadCodeSignature) {
      signature = { offset: file.readUInt32LE(at + 8), size: file.readUInt32LE(at + 12) };
    } else if (command === loadSegment64) {
      const end = Number(file.readBigUInt64LE(at + 40) + file.readBigUInt64LE(at + 48));
      segmentsEnd = Math.max(segmentsEnd, end);
    }
    at += file.readUInt32LE(at + 4);
  }
  return { signature, segmentsEnd };
}

function findCodeDirectory(signature: Buffer): Buffer {
  if (signature.readUInt32BE(0) !== embeddedSignature) throw new Error('the signature is none');
  for (let index = 0; index < signature.readUInt32BE(8); index += 1) {
    const blob = signature.subarray(signature.readUInt32BE(12 + 8 * index + 4));
    if (blob.readUInt32BE(0) === codeDirectory) return blob.subarray(0, blob.readUInt32BE(4));
  }
  throw new Error('the signature has no code directory');
}

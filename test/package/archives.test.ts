import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { unpackLocked, type PackageLock } from '../../scripts/release/locked-packages.js';
import { completionName, executableName, platforms } from '../../scripts/release/platforms.js';
import { sealRuntime, withEngineOptions } from '../../scripts/release/seal-runtime.js';
import {
  archiveFile,
  filesBelow,
  homepage,
  releaseDirectory,
  releaseRequirement,
  releaseVersion,
  unpackArchive,
} from '../support/release.js';
import { describeWith } from '../support/requirements.js';
import { repository } from '../support/sandbox.js';

describeWith([releaseRequirement], 'a release', () => {
  test.each([
    ['krew-manifest.yaml', undefined],
    ['krew-manifest-musl.yaml', 'musl'],
  ])('names its archives and their SHA-256 in %s', (file, libc) => {
    const manifest = readFileSync(join(releaseDirectory, file), 'utf8');
    expect(manifest).not.toMatch(/\$\{|npm run/);
    const { spec } = parse(manifest) as { spec: { shortDescription: string; platforms: unknown } };
    // The rule of krew-index.
    expect(spec.shortDescription).toMatch(/^(?!.*(kubectl|plugin)).{1,50}(?<!\.)$/i);
    const release = `${homepage}/releases/download/v${releaseVersion}`;
    const expected = platforms
      .filter((platform) => platform.libc === libc)
      .map((platform) => ({
        selector: { matchLabels: { os: platform.os, arch: platform.arch } },
        uri: `${release}/${basename(archiveFile(platform))}`,
        sha256: createHash('sha256')
          .update(readFileSync(archiveFile(platform)))
          .digest('hex'),
        bin: executableName(platform.os),
      }));
    expect(spec.platforms).toEqual(expected);
  });

  test('has a checksum of every file, and a bill of materials', () => {
    const checked = execFileSync('sha256sum', ['--check', 'SHA256SUMS'], { cwd: releaseDirectory });
    const files = filesBelow(releaseDirectory).filter((file) => file !== 'SHA256SUMS');
    expect(checked.toString().trim().split('\n')).toEqual(files.map((file) => `${file}: OK`));
    const sbom = readFileSync(join(releaseDirectory, `kubectl-eck_v${releaseVersion}_sbom.cdx.json`), 'utf8');
    expect(JSON.parse(sbom)).toMatchObject({
      metadata: { component: { name: 'kubectl-eck', version: releaseVersion } },
      components: expect.arrayContaining([expect.objectContaining({ name: '@napi-rs/keyring' })]),
    });
  });
});

const name = '@napi-rs/keyring-darwin-arm64';
const { packages } = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8')) as PackageLock;
const locked = packages[`node_modules/${name}`] ?? { version: '' };
test.each([
  ['with other bytes', { ...locked, integrity: 'sha512-AAAA' }, 'is not the package that'],
  ['without a locked hash', { version: locked.version }, 'package-lock.json does not lock'],
])('a package %s is refused', (_, entry, message) => {
  const directory = mkdtempSync(join(tmpdir(), 'locked packages-'));
  const lock = { packages: { [`node_modules/${name}`]: entry } };
  expect(() => {
    unpackLocked(lock, [name], directory);
  }).toThrow(message);
  expect(filesBelow(directory).filter((file) => file.endsWith('.node'))).toEqual([]);
  rmSync(directory, { recursive: true });
});

for (const platform of platforms) {
  describeWith([releaseRequirement], `the archive for ${platform.name}`, () => {
    const { os, arch } = platform;
    const programs = [executableName(os), completionName(os)];
    const contents = ['LICENSE', 'THIRD_PARTY_LICENSES', 'keyring.node', ...programs];
    let directory: string;
    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), 'kubectl eck-'));
      unpackArchive(platform, directory);
    });
    afterAll(() => {
      rmSync(directory, { recursive: true });
    });
    const read = (name: string): Buffer => readFileSync(join(directory, name));

    test('has the executable, the addon, the completion and the licences, and nothing else', () => {
      expect(filesBelow(directory)).toEqual(contents);
      // All but 3 MB are Bun, which has no symbols to strip.
      expect(statSync(archiveFile(platform)).size).toBeLessThan(58e6);
    });

    test('names the licences of its parts', () => {
      const licenses = read('THIRD_PARTY_LICENSES').toString();
      for (const part of ['Bun 1', `${platform.addonPackage} `, '@alicloud/credentials ', 'yaml ']) {
        expect(licenses).toContain(`\n${part}`);
      }
      expect(licenses).toContain('JavaScriptCore');
      expect(licenses).not.toMatch(/jest|eslint/);
    });

    test('has a sealed runtime', () => {
      const executable = read(executableName(os));
      for (const name of ['BUN_BE_BUN', 'BUN_OPTIONS', 'BUN_BYTECODE_ORDER_OUT', 'JSC_functionOverrides']) {
        expect(executable.includes(name)).toBe(false);
        const rest = name.slice(1);
        // On macOS, getenv finds a variable without a name.
        expect(executable.includes(Buffer.from(os === 'darwin' ? `\xff${rest}` : `\0${rest}`, 'latin1'))).toBe(true);
      }
      expect(() => withEngineOptions(executable, false)).toThrow('in another way');
      expect(() => sealRuntime(executable)).toThrow('Bun does not contain');
    });

    if (os !== 'windows') {
      test('has owner and modes that do not depend on the machine', () => {
        const list = ['--numeric-owner', '-tvzf', archiveFile(platform)];
        const lines = execFileSync('tar', list).toString().trim().split('\n');
        const modes = contents.map((name) => (name.startsWith('kubectl') ? '-rwxr-xr-x' : '-rw-r--r--'));
        expect(lines.map((line) => line.slice(0, 14))).toEqual(modes.map((mode) => `${mode} 0/0`));
      });
    }

    if (os === 'darwin') {
      test('has valid signatures on every page: ad hoc on the executable, that of its makers on the addon', () => {
        const executable = read(executableName(os));
        const valid = { wrongPages: [], endsWithFile: true };
        expect(checkCodeSignature(executable)).toEqual({ ...valid, isAdHoc: true });
        expect(checkCodeSignature(read('keyring.node'))).toEqual({ ...valid, isAdHoc: false });

        const middle = Math.floor(executable.length / 2);
        executable.writeUInt8(executable.readUInt8(middle) ^ 1, middle);
        expect(checkCodeSignature(executable).wrongPages).toHaveLength(1);
      });
    }

    if (os === 'windows') {
      test('has programs for its processor', () => {
        for (const file of [read(executableName(os)), read('keyring.node')]) {
          // The header of the format PE, which begins with the processor.
          const header = file.readUInt32LE(0x3c);
          expect(file.toString('latin1', header, header + 4)).toBe('PE\0\0');
          expect(file.readUInt16LE(header + 4)).toBe(arch === 'amd64' ? 0x8664 : 0xaa64);
        }
      });
    }
  });
}

/** Names and values of Apple's headers. */
const MH_MAGIC_64 = 0xfeedfacf;
const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;
const CSMAGIC_CODEDIRECTORY = 0xfade0c02;
const CS_ADHOC = 0x2;

/** Checks a 64-bit Mach-O file page by page against its SHA-256 code directory, as macOS does. */
function checkCodeSignature(file: Buffer) {
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
    wrongPages,
    // As the kernel requires of the last segment and the signature.
    endsWithFile: segmentsEnd === file.length && end === file.length,
  };
}

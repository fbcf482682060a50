import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { completionName, executableName, platforms } from '../../scripts/release/platforms.js';
import { checkCodeSignature } from '../support/code-signature.js';
import {
  archiveFile,
  filesBelow,
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
    const release = `https://github.com/OWNER/kubectl-eck/releases/download/v${releaseVersion}`;
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

for (const platform of platforms) {
  describeWith([releaseRequirement], `the archive for ${platform.name}`, () => {
    const { os, arch } = platform;
    const contents = [
      'LICENSE',
      'THIRD_PARTY_LICENSES',
      'keyring.node',
      executableName(os),
      completionName(os),
    ];
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

    test('contains no path of the machine that made it', () => {
      const executable = read(executableName(os));
      // Not the repository alone, which can be a short path such as /src.
      for (const path of ['src/main', 'src/commands/', 'node_modules/commander', 'node_modules/@alicloud/']) {
        expect(executable.includes(join(repository, path))).toBe(false);
      }
      expect(executable.includes(`${tmpdir()}/package-`)).toBe(false);
    });

    if (os !== 'windows') {
      test('has owner, modes and one time that do not depend on the machine', () => {
        const listed = execFileSync('tar', [
          '--numeric-owner',
          '--full-time',
          '-tvzf',
          archiveFile(platform),
        ]);
        const lines = listed.toString().trim().split('\n');
        const [, , , date, time] = lines[0]?.split(/ +/) ?? [];
        const modes = contents.map((name) => (name.startsWith('kubectl') ? '-rwxr-xr-x' : '-rw-r--r--'));
        expect(lines.map((line) => line.replace(/ +\d+ (?=\d{4}-)/, ' '))).toEqual(
          contents.map((name, index) => `${modes[index] ?? ''} 0/0 ${date ?? ''} ${time ?? ''} ${name}`),
        );
      });
    }

    if (os === 'darwin') {
      test('has valid signatures on every page: ad hoc on the executable, that of its makers on the addon', () => {
        const executable = read(executableName(os));
        expect(checkCodeSignature(executable)).toMatchObject({
          isAdHoc: true,
          wrongPages: [],
          endsWithFile: true,
        });
        const addon = checkCodeSignature(read('keyring.node'));
        expect(addon).toMatchObject({ isAdHoc: false, wrongPages: [], endsWithFile: true });

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

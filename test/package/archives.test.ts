import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { parse } from 'yaml';
import { executableName, platforms, type Platform } from '../../scripts/release/platforms.js';
import { checkCodeSignature } from '../support/code-signature.js';
import { readPortableExecutable } from '../support/portable-executable.js';
import {
  archiveFile,
  filesBelow,
  releaseDirectory,
  releaseRequirement,
  unpackArchive,
} from '../support/release.js';
import { describeWith } from '../support/requirements.js';
import { repository } from '../support/sandbox.js';

const contents = ({ os }: Platform): string[] => [
  'LICENSE',
  'THIRD_PARTY_LICENSES',
  'keyring.node',
  executableName(os),
  os === 'windows' ? 'kubectl_complete-eck.cmd' : 'kubectl_complete-eck',
];

describeWith([releaseRequirement], 'a release', () => {
  test.each(['krew-manifest.yaml', 'krew-manifest-musl.yaml'])(
    'has the SHA-256 of its archives in %s',
    (name) => {
      const manifest = parse(readFileSync(join(releaseDirectory, name), 'utf8')) as {
        spec: { platforms: { uri: string; sha256: string }[] };
      };
      for (const { uri, sha256 } of manifest.spec.platforms) {
        const archive = readFileSync(join(releaseDirectory, basename(uri)));
        expect(createHash('sha256').update(archive).digest('hex')).toBe(sha256);
      }
    },
  );

  for (const platform of platforms) {
    describeWith([], `for ${platform.name}`, () => {
      let directory: string;
      beforeAll(async () => {
        directory = await mkdtemp(join(tmpdir(), 'kubectl eck-'));
        await unpackArchive(platform, directory);
      });
      afterAll(async () => {
        await rm(directory, { recursive: true });
      });
      const executable = (): Buffer => readFileSync(join(directory, executableName(platform.os)));

      test('has the executable, the addon, the completion hook and the licences, and nothing else', () => {
        expect(filesBelow(directory)).toEqual(contents(platform).sort());
      });

      test('names the licences of what it is made of', async () => {
        const licenses = await readFile(join(directory, 'THIRD_PARTY_LICENSES'), 'utf8');
        for (const part of ['Bun 1', `${platform.addonPackage} `, '@alicloud/credentials ', 'yaml ']) {
          expect(licenses).toContain(`\n${part}`);
        }
        expect(licenses).toContain('JavaScriptCore');
        expect(licenses).not.toMatch(/jest|eslint|typescript-eslint/);
      });

      test('names no directory of the machine that made it', () => {
        // Not the repository alone, which may lie in a directory as short as /src.
        for (const path of [
          'src/main',
          'src/commands/',
          'node_modules/commander',
          'node_modules/@alicloud/',
        ]) {
          expect(executable().includes(join(repository, path))).toBe(false);
        }
        expect(executable().includes(tmpdir() + '/package-')).toBe(false);
      });

      test('is as large as the runtime in it makes it', () => {
        // Of an archive all but some 3 MB are Bun, which cannot be made smaller: it has no symbols to strip.
        expect(statSync(archiveFile(platform)).size).toBeLessThan(58e6);
      });

      if (platform.os === 'darwin') {
        test('is signed, every page of it, by nobody', () => {
          const signature = checkCodeSignature(executable());
          expect(signature).toMatchObject({ isAdHoc: true, wrongPages: [], endsWithFile: true });
          expect(signature.pages).toBeGreaterThan(20_000);
        });

        test('has an addon that is signed by those who built it', () => {
          const signature = checkCodeSignature(readFileSync(join(directory, 'keyring.node')));
          expect(signature).toMatchObject({ isAdHoc: false, wrongPages: [], endsWithFile: true });
        });

        test('would not be, had one byte changed', () => {
          const changed = executable();
          const at = Math.floor(changed.length / 2);
          changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
          expect(checkCodeSignature(changed).wrongPages).toHaveLength(1);
        });
      }

      if (platform.os === 'windows') {
        test('is made of well-formed Windows programs for its processor', () => {
          expect(readPortableExecutable(executable())).toMatchObject({
            machine: platform.arch,
            kind: 'program',
            sections: expect.arrayContaining(['.text', '.bun']),
          });
          expect(readPortableExecutable(readFileSync(join(directory, 'keyring.node')))).toMatchObject({
            machine: platform.arch,
            kind: 'library',
          });
          expect(() => readPortableExecutable(executable().subarray(0, 1_000_000))).toThrow('cut off');
        });
      } else {
        test('has fixed owners, modes and times in a fixed order', async () => {
          const headers = await tarHeaders(archiveFile(platform));
          expect(headers.map(({ name }) => name)).toEqual(contents(platform).sort());
          expect(new Set(headers.map(({ mtime }) => mtime.getTime())).size).toBe(1);
          for (const { name, mode, uid, gid } of headers) {
            const isProgram = name.startsWith('kubectl');
            expect({ name, mode, uid, gid }).toEqual({
              name,
              mode: isProgram ? 0o755 : 0o644,
              uid: 0,
              gid: 0,
            });
          }
          expect(readBytes(archiveFile(platform), 4, 4)).toEqual(Buffer.alloc(4));
        });
      }
    });
  }
});

async function tarHeaders(file: string): Promise<Header[]> {
  const archive = extract();
  const headers: Header[] = [];
  const read = pipeline([await readFile(file)], createGunzip(), archive);
  for await (const entry of archive) {
    headers.push(entry.header);
    entry.resume();
  }
  await read;
  return headers;
}

function readBytes(file: string, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const descriptor = openSync(file, 'r');
  readSync(descriptor, bytes, 0, length, offset);
  closeSync(descriptor);
  return bytes;
}

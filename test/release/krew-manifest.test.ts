import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { krewManifest } from '../../scripts/release/krew-manifest.js';
import { archiveName, executableName, platforms } from '../../scripts/release/platforms.js';
import { repository } from '../support/sandbox.js';

interface Manifest {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly version: string;
    readonly homepage: string;
    readonly shortDescription: string;
    readonly description: string;
    readonly caveats: string;
    readonly platforms: readonly {
      readonly selector: { readonly matchLabels: { readonly os: string; readonly arch: string } };
      readonly uri: string;
      readonly sha256: string;
      readonly files: readonly { readonly from: string; readonly to: string }[];
      readonly bin: string;
    }[];
  };
}

const template = readFileSync(join(repository, 'krew-manifest.yaml'), 'utf8');
const homepage = 'https://example.com/kubectl-eck';
const version = '1.2.3';
/** Hashes that can be told apart. */
const sha256 = new Map(
  platforms.map((platform, index) => [archiveName(platform, version), String(index).repeat(64)]),
);
const render = (libc?: 'musl') => krewManifest(template, { version, homepage, sha256 }, libc);

describe.each([undefined, 'musl'] as const)('the krew manifest for the C library %s', (libc) => {
  const { metadata, spec } = parse(render(libc)) as Manifest;

  test('is about this release', () => {
    expect(metadata.name).toBe('eck');
    expect(spec).toMatchObject({ version: 'v1.2.3', homepage });
    expect(spec.caveats).toContain(`${homepage}/releases/download/v1.2.3/krew-manifest-musl.yaml`);
  });

  test('is short where it shows in a list of plugins', () => {
    expect(spec.shortDescription.length).toBeLessThanOrEqual(50);
    expect(spec.shortDescription).not.toMatch(/\.$|kubectl|plugin/i);
    expect(Math.max(...spec.description.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test('has every platform that krew can choose, each with its archive, hash and files', () => {
    const expected = platforms
      .filter((platform) => platform.libc === libc)
      .map((platform) => {
        const { os, arch } = platform;
        const archive = archiveName(platform, version);
        const completion = os === 'windows' ? 'kubectl_complete-eck.cmd' : 'kubectl_complete-eck';
        return {
          selector: { matchLabels: { os, arch } },
          uri: `${homepage}/releases/download/v1.2.3/${archive}`,
          sha256: sha256.get(archive),
          files: [executableName(os), 'keyring.node', completion, 'LICENSE', 'THIRD_PARTY_LICENSES'].map(
            (from) => ({ from, to: '.' }),
          ),
          bin: executableName(os),
        };
      });
    expect(spec.platforms).toEqual(expected);
  });
});

test('nothing of the template is left in it', () => {
  expect(template).toContain('${');
  expect(render()).not.toMatch(/\$\{|npm run/);
});

test.each([
  ['an archive that there is none of', template.replace('linux_arm64', 'linux_mips'), 'linux_mips'],
  ['a placeholder that is unknown', template.replace('${homepage}', '${home}'), '${home}'],
  ['no platforms', template.replace('platforms:', 'other:'), 'platforms'],
])('a template with %s is refused', (_, wrong, message) => {
  expect(() => krewManifest(wrong, { version, homepage, sha256 })).toThrow(message);
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './compile.js';

type LicenseName = string | { readonly type: string };

interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly license?: LicenseName | readonly LicenseName[];
  /** The field of npm's first years. */
  readonly licenses?: readonly LicenseName[];
  readonly author?: string | { readonly name?: string };
}

/**
 * The text of THIRD_PARTY_LICENSES: each npm package with a bundled file, and in an archive Bun and the keychain addon.
 *
 * @param inputs the bundled files
 * @param archive the directories of unpacked packages
 * @throws Error for a package without a licence
 */
export function thirdPartyLicenses(
  inputs: readonly string[],
  archive?: { readonly runtime: string; readonly addon: string },
): string {
  // The innermost folder: a package can contain its own version of another one.
  const folders = inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  const notices = [
    ...(archive ? noticesOfArchive(archive) : []),
    ...[...new Set(folders)].sort().map((folder) => noticeOf(join(root, folder))),
  ];
  const line = '='.repeat(80);
  return [
    'kubectl-eck contains software by others, under the licences below.\n',
    ...notices.map(({ title, license, text }) => {
      return `${line}\n${title}\n${license}\n${line}\n\n${text.replace(/\r\n?/g, '\n').trim()}\n`;
    }),
  ].join('\n');
}

function noticesOfArchive({ runtime, addon }: { readonly runtime: string; readonly addon: string }) {
  const binding = noticeOf(join(root, 'node_modules/@napi-rs/keyring'));
  return [
    {
      title: `Bun ${packageJson(runtime).version}`,
      license: 'MIT, with parts under LGPL-2.0 and others',
      text: readFileSync(join(root, 'scripts/release/bun-notice.md'), 'utf8'),
    },
    {
      title: `${titleOf(packageJson(addon))} (keyring.node)`,
      license: binding.license,
      text: `${binding.text}\n\n${licenseFiles(addon)}`,
    },
  ];
}

function noticeOf(folder: string) {
  const json = packageJson(folder);
  const { license, licenses, author } = json;
  const names = [license ?? licenses ?? []].flat().map((one) => (typeof one === 'string' ? one : one.type));
  if (names.length === 0) throw new Error(`${titleOf(json)} does not name its licence`);
  const by = (typeof author === 'string' ? author : author?.name) ?? '';
  return {
    title: titleOf(json),
    license: names.join(' OR '),
    text:
      licenseFiles(folder) ||
      `The package${by === '' ? '' : `, by ${by},`} says its licence by this name and has no file with its text.`,
  };
}

function licenseFiles(folder: string): string {
  return readdirSync(folder)
    .filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
    .sort()
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n\n');
}

function packageJson(folder: string): PackageJson {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageJson;
}

function titleOf({ name, version }: PackageJson): string {
  return `${name} ${version}`;
}

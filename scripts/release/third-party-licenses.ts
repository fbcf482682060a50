import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LockedPackage } from './locked-package.js';

/** What Bun's compiler says about a build, as far as it is read here. */
export interface Metafile {
  /** The files that were bundled, by their path from the top of the repository. */
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** A part of an archive that others have written. */
interface Notice {
  /** Name and version. */
  readonly title: string;
  /** As SPDX names it. */
  readonly license: string;
  readonly text: string;
}

type LicenseName = string | { readonly type: string };

interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly license?: LicenseName | readonly LicenseName[];
  /** What npm took in its first years. */
  readonly licenses?: readonly LicenseName[];
  readonly author?: string | { readonly name?: string };
}

/**
 * The text of THIRD_PARTY_LICENSES: the licence of every package of npm that went into an executable, of the keychain
 * addon beside it, and of Bun.
 */
export async function thirdPartyLicenses(
  root: string,
  metafile: Metafile,
  { runtime, addon }: { readonly runtime: LockedPackage; readonly addon: LockedPackage },
): Promise<string> {
  const bundled = await Promise.all(
    bundledPackages(metafile).map(async (path) => noticeOf(join(root, path))),
  );
  const binding = await noticeOf(join(root, 'node_modules', '@napi-rs', 'keyring'));
  const crates = addon.files.get('LICENSE.third-party.md')?.toString('utf8') ?? '';
  const notices: readonly Notice[] = [
    {
      title: `Bun ${runtime.version}`,
      license: 'MIT, with parts under LGPL-2.0 and others',
      text: await readFile(join(root, 'scripts', 'release', 'bun-notice.md'), 'utf8'),
    },
    {
      title: `${addon.name} ${addon.version} (keyring.node)`,
      license: binding.license,
      text: `${binding.text}\n\n${crates}`,
    },
    ...bundled,
  ];
  return [
    'kubectl-eck contains software by others, under the licences below.\n',
    ...notices.map(
      ({ title, license, text }) =>
        `${'='.repeat(80)}\n${title}\n${license}\n${'='.repeat(80)}\n\n${unixText(text)}\n`,
    ),
  ].join('\n');
}

/** The folders of the packages that a build took files from, sorted. */
export function bundledPackages({ inputs }: Metafile): string[] {
  const folders = Object.keys(inputs).flatMap((path) => {
    // The innermost one, since packages can bring their own versions of others.
    const [folder] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? [];
    return folder === undefined ? [] : [folder];
  });
  return [...new Set(folders)].sort();
}

async function noticeOf(folder: string): Promise<Notice> {
  const json = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as PackageJson;
  const { name, version, author } = json;
  const files = (await readdir(folder))
    .filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
    .sort((a, b) => (a < b ? -1 : 1));
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  const by = typeof author === 'string' ? author : author?.name;
  return {
    title: `${name} ${version}`,
    license: licenseName(json),
    text:
      texts.join('\n\n') ||
      `The package${by === undefined || by === '' ? '' : `, by ${by},`} says its licence by this name and has no file with its text.`,
  };
}

/**
 * The licence of a package in SPDX's words, or as near to them as the package is.
 *
 * @throws Error where it names none
 */
export function licenseName({ name, version, license, licenses }: PackageJson): string {
  const names = [license ?? licenses ?? []].flat().map((one) => (typeof one === 'string' ? one : one.type));
  if (names.length === 0) throw new Error(`${name}@${version} does not say its licence`);
  return names.join(' OR ');
}

/** Lines end as they do on Unix, without blanks before and after. */
function unixText(text: string): string {
  return text.replace(/\r\n?/g, '\n').trim();
}

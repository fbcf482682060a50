import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile, nodeOptions, root } from './compile.js';
import { thirdPartyLicenses } from './licenses.js';

/** The only package that is not bundled, since it has native code for each platform. */
const addon = '@napi-rs/keyring';
const copied = ['LICENSE', 'README.md', 'README.zh-CN.md', 'plugin/kubectl-eck', 'plugin/kubectl_complete-eck'];
/** What package.json has for development only. */
const leftOut = ['private', 'scripts', 'devDependencies'];

/** Makes the npm package in `output`: the program for Node.js with everything but the keychain addon in it. */
export function makeNpmPackage(work: string, output: string): void {
  const directory = join(work, 'npm');
  mkdirSync(join(directory, 'plugin'), { recursive: true });
  const metafile = join(work, 'npm.json');
  compile(...nodeOptions, `--outdir=${join(directory, 'dist/js')}`, `--metafile=${metafile}`);
  for (const file of copied) cpSync(join(root, file), join(directory, file));
  const { inputs } = JSON.parse(readFileSync(metafile, 'utf8')) as { inputs: object };
  writeFileSync(join(directory, 'THIRD_PARTY_LICENSES'), thirdPartyLicenses(Object.keys(inputs)));

  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, unknown>;
  const { [addon]: version } = own['dependencies'] as Record<string, string>;
  const kept = Object.entries(own).filter(([field]) => !leftOut.includes(field));
  const manifest = { ...Object.fromEntries(kept), dependencies: { [addon]: version } };
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  execFileSync('npm', ['pack', '--silent', directory, '--pack-destination', output], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

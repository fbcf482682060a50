// Makes dist/: the standalone executable for this machine with the keychain addon beside it, and the program for
// Node.js that an npm install runs.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const require = createRequire(import.meta.url);
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
buildStandalone();
buildForNode();

function buildStandalone() {
  bun([
    '--compile',
    '--minify',
    // Compiled ahead of time, and in chunks, so that answering kubectl loads only what that takes.
    '--bytecode',
    '--splitting',
    '--format=esm',
    // A directory that somebody else filled must not be able to set this program's environment.
    '--no-compile-autoload-dotenv',
    '--no-compile-autoload-bunfig',
    // Bundled, the addon would be unpacked into the temporary directory under a name that anyone can predict.
    '--external=@napi-rs/keyring',
    '--define=KUBECTL_ECK_STANDALONE=true',
    `--outfile=${join(dist, process.platform === 'win32' ? 'kubectl-eck.exe' : 'kubectl-eck')}`,
  ]);
  copyFileSync(addon(), join(dist, 'keyring.node'));
  const completion = process.platform === 'win32' ? 'kubectl_complete-eck.cmd' : 'kubectl_complete-eck';
  copyFileSync(join(root, 'plugin', completion), join(dist, completion));
}

function buildForNode() {
  bun([
    '--target=node',
    '--splitting',
    '--format=esm',
    '--packages=external',
    '--define=KUBECTL_ECK_STANDALONE=false',
    `--outdir=${join(dist, 'js')}`,
  ]);
}

function bun(options) {
  execFileSync(
    bunExecutable(),
    ['build', join(root, 'src/main.ts'), `--define=KUBECTL_ECK_VERSION="${version}"`, ...options],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
}

/** Bun's npm package puts its executable here when it is installed, whatever the platform. */
function bunExecutable() {
  return join(dirname(require.resolve('bun/package.json')), 'bin', 'bun.exe');
}

/** The keychain addon that npm chose for this machine. */
function addon() {
  const scope = dirname(dirname(require.resolve('@napi-rs/keyring/package.json')));
  for (const name of readdirSync(scope).filter((entry) => entry.startsWith('keyring-'))) {
    const file = readdirSync(join(scope, name)).find((entry) => entry.endsWith('.node'));
    if (file !== undefined) return join(scope, name, file);
  }
  throw new Error('@napi-rs/keyring has no addon for this platform');
}

import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sealRuntime } from './seal-runtime.js';

export const root = join(import.meta.dirname, '../..');

/** The npm package of Bun puts its executable here on every platform. */
export const bun = join(root, 'node_modules/bun/bin/bun.exe');

export const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
};

const [head, committedAt] = git('log', '-1', '--format=%H %ct')?.split(' ') ?? [];
const epoch = process.env['SOURCE_DATE_EPOCH'] ?? committedAt;
const commit = head === undefined || git('status', '--porcelain') === '' ? head : `${head}-dirty`;

/** `SOURCE_DATE_EPOCH`, else the time of the commit: the same for every build of one commit. */
export const buildDate = epoch === undefined ? undefined : new Date(Number(epoch) * 1000);

/** Options of every standalone executable. */
export const standaloneOptions = [
  '--compile',
  '--minify',
  // Bytecode in chunks, so that an answer to kubectl loads only what it needs.
  '--bytecode',
  '--splitting',
  '--format=esm',
  // A smaller heap: it starts faster and uses less memory. Without an argument for the runtime, it would refuse to start
  // in a deleted directory.
  '--compile-exec-argv=--smol',
  // Files in the current directory must not set the environment of the program.
  '--no-compile-autoload-dotenv',
  '--no-compile-autoload-bunfig',
  // A bundled addon would be unpacked into the temporary directory under a predictable name.
  '--external=@napi-rs/keyring',
  '--define=KUBECTL_ECK_STANDALONE=true',
];

/** Options of the program for Node.js, with everything but the keychain addon. */
export const nodeOptions = [
  '--target=node',
  '--splitting',
  '--format=esm',
  '--minify',
  '--external=@napi-rs/keyring',
  '--define=KUBECTL_ECK_STANDALONE=false',
];

/** Compiles src/main.ts. The executable contains the base name of `--outfile`, but no other path of the machine. */
export function compile(...options: readonly string[]): void {
  const facts = { VERSION: version, COMMIT: commit, BUILD_DATE: buildDate?.toISOString() };
  const defines = Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `--define=KUBECTL_ECK_${name}=${JSON.stringify(value)}`);
  const args = ['build', 'src/main.ts', ...defines, ...options];
  execFileSync(bun, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Compiles the standalone executable: `runtime` is Bun for its platform, which is sealed before the program is added. */
export function compileStandalone(runtime: string, executable: string, ...options: readonly string[]): void {
  const sealed = `${executable}-runtime`;
  writeFileSync(sealed, sealRuntime(readFileSync(runtime)), { mode: 0o755 });
  const paths = [`--compile-executable-path=${sealed}`, `--outfile=${executable}`];
  compile(...standaloneOptions, ...options, ...paths);
  rmSync(sealed);
}

/** The output of git, undefined outside of a repository. */
function git(...args: readonly string[]): string | undefined {
  try {
    return execFileSync('git', args, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined;
  }
}

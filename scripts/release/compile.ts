import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BuildFacts } from './build-facts.js';

const run = promisify(execFile);

/** Options of Bun's compiler that every standalone executable is made with. */
export const standaloneOptions = [
  '--compile',
  '--minify',
  // Compiled ahead of time, and in chunks, so that answering kubectl loads only what that takes.
  '--bytecode',
  '--splitting',
  '--format=esm',
  // A directory that somebody else filled must not be able to set this program's environment.
  '--no-compile-autoload-dotenv',
  '--no-compile-autoload-bunfig',
] as const;

/** An executable of another platform than this machine's. */
export interface CrossTarget {
  /** What Bun's compiler calls the platform. */
  readonly bunTarget: string;
  /** Bun itself for that platform: a file. */
  readonly runtime: string;
  /** Where to write, as JSON, which files went into the executable. */
  readonly metafile: string;
}

/**
 * Makes a standalone executable, for this machine unless `target` says otherwise. The same sources, facts and Bun
 * give the same bytes in every directory, as long as `outfile` has the same last part: that goes into the executable.
 */
export async function compileStandalone(
  root: string,
  facts: BuildFacts,
  outfile: string,
  target?: CrossTarget,
): Promise<void> {
  const cross =
    target === undefined
      ? []
      : [
          `--target=${target.bunTarget}`,
          `--compile-executable-path=${target.runtime}`,
          `--metafile=${target.metafile}`,
        ];
  await buildMain(root, facts, [
    ...standaloneOptions,
    // Bundled, the addon would be unpacked into the temporary directory under a name that anyone can predict.
    '--external=@napi-rs/keyring',
    '--define=KUBECTL_ECK_STANDALONE=true',
    ...cross,
    `--outfile=${outfile}`,
  ]);
}

/** Makes the program for Node.js, which takes its dependencies from node_modules. */
export async function bundleForNode(root: string, facts: BuildFacts, outdir: string): Promise<void> {
  await buildMain(root, facts, [
    '--target=node',
    '--splitting',
    '--format=esm',
    '--packages=external',
    '--define=KUBECTL_ECK_STANDALONE=false',
    `--outdir=${outdir}`,
  ]);
}

/** Bun's npm package puts its executable here when it is installed, whatever the platform. */
export function bunExecutable(root: string): string {
  return join(root, 'node_modules', 'bun', 'bin', 'bun.exe');
}

async function buildMain(root: string, facts: BuildFacts, options: readonly string[]): Promise<void> {
  const { version, commit, date } = facts;
  const defines = { VERSION: version, COMMIT: commit, BUILD_DATE: date?.toISOString() };
  await run(
    bunExecutable(root),
    [
      'build',
      // Relative, so that no directory of this machine can get into the result.
      'src/main.ts',
      ...Object.entries(defines)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `--define=KUBECTL_ECK_${name}=${JSON.stringify(value)}`),
      ...options,
    ],
    { cwd: root },
  );
}

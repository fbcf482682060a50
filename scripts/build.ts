// Makes dist/: the standalone executable for this machine with the keychain addon beside it, and the program for
// Node.js that an npm install runs.
import { copyFile, mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readBuildFacts } from './release/build-facts.js';
import { bundleForNode, compileStandalone } from './release/compile.js';
import { completionName, executableName } from './release/platforms.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const facts = readBuildFacts(root, process.env);

await rm(dist, { recursive: true, force: true });
await mkdir(dist);
const os = process.platform === 'win32' ? 'windows' : 'linux';
await compileStandalone(root, facts, join(dist, executableName(os)));
await copyFile(await addon(), join(dist, 'keyring.node'));
await copyFile(join(root, 'plugin', completionName(os)), join(dist, completionName(os)));
await bundleForNode(root, facts, join(dist, 'js'));

/** The keychain addon that npm chose for this machine. */
async function addon(): Promise<string> {
  const scope = join(root, 'node_modules', '@napi-rs');
  for (const name of (await readdir(scope)).filter((entry) => entry.startsWith('keyring-'))) {
    const file = (await readdir(join(scope, name))).find((entry) => entry.endsWith('.node'));
    if (file !== undefined) return join(scope, name, file);
  }
  throw new Error('@napi-rs/keyring has no addon for this platform');
}

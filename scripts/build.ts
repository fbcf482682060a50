// Makes dist/: the standalone executable for this machine with the files that belong beside it, and the program for
// Node.js.
import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bun, compile, compileStandalone, nodeOptions, root } from './release/compile.js';
import { completionName, executableName } from './release/platforms.js';

const dist = join(root, 'dist');
const os = process.platform === 'win32' ? 'windows' : process.platform;
const addons = join(root, 'node_modules/@napi-rs');
const addon = readdirSync(addons, { encoding: 'utf8', recursive: true }).find((file) => file.endsWith('.node'));
if (addon === undefined) throw new Error('@napi-rs/keyring has no addon for this platform');

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
compileStandalone(bun, join(dist, executableName(os)));
copyFileSync(join(addons, addon), join(dist, 'keyring.node'));
copyFileSync(join(root, 'plugin', completionName(os)), join(dist, completionName(os)));
compile(...nodeOptions, `--outdir=${join(dist, 'js')}`);

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAddon, type KeyringAddon } from '../../src/store/addon.js';
import { describeWith, type Requirement } from '../support/requirements.js';
import { repository, runProgram } from '../support/sandbox.js';

const bun = join(repository, 'node_modules/bun/bin/bun.exe');
const bunRequirement: Requirement = { name: 'bun', available: existsSync(bun) };

test('under Node.js it is the npm package', async () => {
  const npmPackage = createRequire(join(repository, 'package.json'))('@napi-rs/keyring') as KeyringAddon;
  expect((await loadAddon('keychain')).AsyncEntry).toBe(npmPackage.AsyncEntry);
});

describeWith([bunRequirement], 'in a standalone executable', () => {
  // As krew installs a plugin: the program in one place, a symbolic link to it on PATH.
  let directory: string;
  const at = (...names: string[]) => join(directory, ...names);
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'kubectl eck-'));
    for (const name of ['store', 'bin', 'cwd']) mkdirSync(at(name));
    writeFileSync(
      at('program.ts'),
      `import { loadAddon, type KeyringAddon } from ${JSON.stringify(join(repository, 'src/keychain/addon.ts'))};
       loadAddon('keychain').then(
         ({ AsyncEntry }) => console.log(typeof AsyncEntry),
         ({ code, message }) => console.log(code, message));`,
    );
    const options = ['--external=@napi-rs/keyring', '--define=KUBECTL_ECK_STANDALONE=true'];
    const build = (...more: string[]) =>
      execFileSync(bun, ['build', at('program.ts'), ...options, ...more], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
    build('--compile', `--outfile=${at('store', 'program')}`);
    build('--target=bun', `--outfile=${at('program.js')}`);
    symlinkSync('../store/program', at('bin', 'program'));
    // What must not be loaded.
    for (const name of ['bin', 'cwd']) writeFileSync(at(name, 'keyring.node'), 'not an addon');
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });
  const run = () =>
    runProgram('program', [], {
      env: { PATH: at('bin'), LD_LIBRARY_PATH: at('bin') },
      cwd: at('cwd'),
      timeoutMs: 20_000,
    });

  test('the npm package is not even asked for', () => {
    expect(readFileSync(at('program.js'), 'utf8')).not.toContain('@napi-rs');
  });

  test('it is missing where it does not lie beside the executable, and the file is named', async () => {
    const { stdout } = await run();
    expect(stdout).toContain(
      `keychain-absent the keychain addon ${at('store', 'keyring.node')} cannot be loaded`,
    );
    expect(stdout).toContain('--store file');
  });

  test('it is the file beside the executable, not beside the link to it, and not in the current directory', async () => {
    copyFileSync(installedAddon(), at('store', 'keyring.node'));
    expect(await run()).toMatchObject({ stdout: 'function\n', stderr: '' });
  });
});

/** The addon that npm chose for this machine. */
function installedAddon(): string {
  const scope = join(repository, 'node_modules/@napi-rs');
  for (const name of readdirSync(scope)) {
    const file = readdirSync(join(scope, name)).find((entry) => entry.endsWith('.node'));
    if (file !== undefined) return join(scope, name, file);
  }
  throw new Error('@napi-rs/keyring has no addon for this machine');
}

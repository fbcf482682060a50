import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { readContexts, writeContexts } from '../../src/kubeconfig/user.js';
import type { KubeconfigPaths, LockLimits } from '../../src/kubeconfig/user.js';
import { cannotWrite } from '../../src/kubeconfig/user-file-errors.js';
import { describeWith } from '../support/requirements.js';
import { contextEntry, lovedKubeconfig, makeDirectory, snapshot, withPlaces } from './fixtures.js';

const eck1 = contextEntry('eck-1');
const fine = withPlaces(lovedKubeconfig, '').before;
const impatient: LockLimits = { timeoutMs: 0, retryMs: 1, sleep: () => Promise.resolve() };

let directory: string;
let config: string;

beforeEach(() => {
  directory = makeDirectory();
  config = join(directory, 'config');
});

afterEach(() => {
  chmodSync(directory, 0o700);
  rmSync(directory, { recursive: true });
});

/** Writing fails, with this reason, and leaves everything in the directory as it was. */
async function expectRefusal(
  paths: KubeconfigPaths,
  reason: string,
  code = 'kubeconfig-unusable',
): Promise<void> {
  const before = snapshot(directory);
  const written = asOrdinaryUser(() =>
    writeContexts(paths, [eck1], { overwrite: false, setCurrentContext: true }, impatient),
  );
  await expect(written).rejects.toMatchObject({ code });
  await expect(written).rejects.toThrow(reason);
  expect(snapshot(directory)).toEqual(before);
}

/** Root may do anything, so what is forbidden has to be tried as somebody else. */
async function asOrdinaryUser<Result>(action: () => Promise<Result>): Promise<Result> {
  if (process.getuid?.() !== 0) return action();
  const nobody = 65534;
  for (const path of [directory, ...readdirSync(directory).map((name) => join(directory, name))])
    lchownSync(path, nobody, nobody);
  process.seteuid?.(nobody);
  try {
    return await action();
  } finally {
    process.seteuid?.(0);
  }
}

describe('a kubeconfig that is refused is left as it was', () => {
  test.each<[string, string | Buffer, string]>([
    ['is not YAML', `${fine}: [\n`, 'not YAML: line '],
    ['is another kind of thing', 'apiVersion: v1\nkind: Secret\n', 'its kind is not Config'],
    ['is binary', Buffer.from([0x6b, 0x3a, 0x20, 0xff, 0xfe]), 'not UTF-8'],
    ['is UTF-16', Buffer.from('\ufeffkind: Config\n', 'utf16le'), 'not UTF-8'],
  ])('because it %s', async (_, content, reason) => {
    writeFileSync(config, content);
    await expectRefusal([config], reason);
    await expect(readContexts([config])).rejects.toThrow(reason);
  });

  test('because it is enormous', async () => {
    writeFileSync(config, '');
    truncateSync(config, 16 * 1024 * 1024 + 1);
    await expectRefusal([config], 'larger than 16 MiB');
  });

  test('because it is a directory', async () => {
    mkdirSync(config);
    await expectRefusal([config], 'it is a directory');
  });

  test('because it is a pipe', async () => {
    spawnSync('mkfifo', [config]);
    await expectRefusal([config], 'not a regular file');
  });

  test('because a part of its path is a file', async () => {
    writeFileSync(config, '');
    await expectRefusal([join(config, 'config')], 'not a directory');
  });

  test('because its links go in a circle', async () => {
    symlinkSync('config', config);
    await expectRefusal([config], 'in a circle');
  });

  test('because it may not be read', async () => {
    writeFileSync(config, fine, { mode: 0o000 });
    await expectRefusal([config], 'cannot be read: permission denied');
  });

  test('because it is read-only', async () => {
    writeFileSync(config, fine, { mode: 0o444 });
    await expectRefusal([config], 'cannot be written: permission denied');
  });

  test('because its directory is read-only', async () => {
    writeFileSync(config, fine);
    chmodSync(directory, 0o555);
    await expectRefusal([config], 'cannot be written: permission denied');
  });

  test('because its directory cannot be made', async () => {
    chmodSync(directory, 0o555);
    await expectRefusal([join(directory, '.kube', 'config')], 'cannot be written: permission denied');
  });

  test('because another process is writing it', async () => {
    writeFileSync(config, fine);
    writeFileSync(`${config}.lock`, '', { mode: 0o000 });
    await expectRefusal([config], config, 'kubeconfig-locked');
  });

  test('because something else wrote an entry of that name', async () => {
    writeFileSync(config, 'users:\n- name: eck-1\n  user: {token: a}\n');
    await expectRefusal([config], '"eck-1"', 'kubeconfig-conflict');
  });

  test('because of another file of the list', async () => {
    writeFileSync(config, fine);
    writeFileSync(join(directory, 'other'), '{');
    await expectRefusal([config, join(directory, 'other')], join(directory, 'other'));
  });

  test('because another file that has to change is read-only', async () => {
    const other = join(directory, 'other');
    writeFileSync(config, fine);
    writeFileSync(other, 'users:\n- name: eck-1\n  user: {exec: {command: kubectl-eck}}\n', { mode: 0o444 });
    await expectRefusal([config, other], `${other} cannot be written`);
  });
});

describe('a file that need not change', () => {
  test('may be read-only', async () => {
    const readOnly = join(directory, 'read-only');
    mkdirSync(readOnly);
    writeFileSync(join(readOnly, 'config'), fine, { mode: 0o444 });
    chmodSync(readOnly, 0o555);
    writeFileSync(config, '');
    const report = await asOrdinaryUser(() =>
      writeContexts(
        [config, join(readOnly, 'config')],
        [eck1],
        { overwrite: false, setCurrentContext: false },
        impatient,
      ),
    );
    expect(report.writtenFiles).toEqual([config]);
    chmodSync(readOnly, 0o700);
  });
});

const prlimit = { name: 'prlimit', available: spawnSync('prlimit', ['--version']).status === 0 };

describeWith([prlimit], 'a disk that fills up while a kubeconfig is written', () => {
  // What is out is not a block of the disk but the size that a file may have. It ends a write in the same way: a part
  // of the file is there, and the rest is refused.
  test.each([
    ['leaves the file as it was', fine],
    ['leaves no new file', undefined],
  ])('%s', (_, content) => {
    if (content !== undefined) writeFileSync(config, content);
    const before = snapshot(directory);
    const { stdout } = spawnSync(
      process.execPath,
      ['--import', 'tsx', join(__dirname, 'writer.ts'), config, 'eck-1', '512'],
      { encoding: 'utf8', env: { ...process.env, TSX_DISABLE_CACHE: '1' } },
    );
    expect(stdout).toMatch(/^kubeconfig-unusable: .*config cannot be written: there is no space left\./);
    expect(snapshot(directory)).toEqual(before);
  });
});

describe('what the operating system says is put into words', () => {
  test.each([
    ['ENOSPC', 'there is no space left'],
    ['EDQUOT', 'there is no space left'],
    ['EROFS', 'the file system is read-only'],
    ['EBUSY', 'it is in use, or mounted by itself'],
    ['EPERM', 'permission denied'],
    ['EWHATEVER', 'EWHATEVER: so it is'],
  ])('%s', (code, words) => {
    const error = cannotWrite('/a/config', Object.assign(new Error(`${code}: so it is`), { code }));
    expect(error).toMatchObject({ code: 'kubeconfig-unusable' });
    expect(error.message).toContain(`/a/config cannot be written: ${words}.`);
  });
});

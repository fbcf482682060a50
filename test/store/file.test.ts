import { beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { openFileStore } from '../../src/store/file.js';
import type { Store } from '../../src/store/store.js';
import { directory as scratch } from '../support/directory.js';
import { onPath } from '../support/on-path.js';
import { describeWith, type Requirement } from '../support/requirements.js';

let directory: string;
let store: Store;
const entry = Buffer.from('entry');

beforeEach(() => {
  directory = join(scratch, 'cache', 'credentials');
  store = openFileStore(directory);
});

describe('the directory', () => {
  test('is made at the first save, for this user alone, whatever the umask', async () => {
    const umask = process.umask(0);
    try {
      expect(await store.read('a')).toBeUndefined();
      expect(await store.delete('a')).toBe(false);
      expect(fs.existsSync(directory)).toBe(false);
      await store.save('a', entry);
      expect(modeOf(directory)).toBe(0o700);
      expect(modeOf(onlyFile())).toBe(0o600);
    } finally {
      process.umask(umask);
    }
  });

  test.each(['credentials', ''])("loses other users' rights, and so does the one that it is in: %j", async (name) => {
    const opened = join(scratch, 'cache', name);
    fs.mkdirSync(directory, { recursive: true });
    fs.chmodSync(opened, 0o775);
    await store.save('a', entry);
    expect(modeOf(opened)).toBe(0o700);
    fs.chmodSync(opened, 0o755);
    expect(await store.read('a')).toEqual(entry);
    expect(modeOf(opened)).toBe(0o700);
  });

  test.each([
    ['a symbolic link', 'directory'],
    ['a symbolic link to nothing', 'nothing'],
    ['a file', 'file'],
  ])('must not be %s', async (_, kind) => {
    fs.mkdirSync(join(scratch, 'cache'));
    if (kind === 'directory') fs.mkdirSync(elsewhere(), { mode: 0o700 });
    if (kind === 'file') fs.writeFileSync(directory, '');
    else fs.symlinkSync(elsewhere(), directory);
    await refuses();
    expect(fs.existsSync(elsewhere()) ? fs.readdirSync(elsewhere()) : []).toEqual([]);
  });

  test('that cannot be made is an error with its name', async () => {
    fs.writeFileSync(join(scratch, 'cache'), '');
    await expect(store.save('a', entry)).rejects.toMatchObject({
      store: 'file',
      code: 'keychain-refused',
      message: expect.stringContaining(join(scratch, 'cache')),
    });
  });
});

describe('a file', () => {
  beforeEach(() => store.save('a', entry));

  test('is named after the digest of its key', () => {
    expect(fs.readdirSync(directory)).toEqual(['ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb']);
  });

  test('that others can read is absent, and is replaced', async () => {
    fs.chmodSync(onlyFile(), 0o644);
    expect(await store.read('a')).toBeUndefined();
    await store.save('a', entry);
    expect(modeOf(onlyFile())).toBe(0o600);
    expect(await store.read('a')).toEqual(entry);
  });

  test('that is a symbolic link is not followed, and is replaced', async () => {
    const target = join(scratch, 'target');
    fs.writeFileSync(target, 'of somebody else', { mode: 0o600 });
    const path = onlyFile();
    fs.rmSync(path);
    fs.symlinkSync(target, path);
    expect(await store.read('a')).toBeUndefined();
    await store.save('a', entry);
    expect(fs.lstatSync(path).isFile()).toBe(true);
    expect(fs.readFileSync(target, 'utf8')).toBe('of somebody else');
  });

  test('that is larger than a megabyte is not read', async () => {
    fs.truncateSync(onlyFile(), 2 ** 20 + 1);
    expect(await store.read('a')).toBeUndefined();
  });

  test('is not written again with the same entry', async () => {
    const { ino } = fs.statSync(onlyFile());
    await store.save('a', entry);
    expect(fs.statSync(onlyFile()).ino).toBe(ino);
    await store.save('a', Buffer.from('other'));
    expect(fs.statSync(onlyFile()).ino).not.toBe(ino);
  });

  test('that a process left half-written is deleted once it is old', async () => {
    const [old, recent] = ['1.tmp', '2.tmp'].map((name) => join(directory, name));
    for (const path of [old, recent]) fs.writeFileSync(path ?? '', 'secret', { mode: 0o600 });
    const hourAgo = new Date(Date.now() - 3_600_000);
    fs.utimesSync(old ?? '', hourAgo, hourAgo);
    await openFileStore(directory).save('a', Buffer.from('other'));
    expect(fs.readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual(['2.tmp']);
  });
});

describe('deleteAll', () => {
  test('deletes every entry, every temporary file and the directory', async () => {
    await store.save('a', entry);
    await store.save('b', entry);
    fs.writeFileSync(join(directory, `${'0'.repeat(64)}.${crypto.randomUUID()}.tmp`), 'half');
    expect(await store.deleteAll()).toBe(2);
    expect(fs.existsSync(directory)).toBe(false);
    expect(await store.deleteAll()).toBe(0);
  });

  test('leaves files that are not ours', async () => {
    await store.save('a', entry);
    fs.writeFileSync(join(directory, 'notes'), 'mine');
    expect(await store.deleteAll()).toBe(1);
    expect(fs.readdirSync(directory)).toEqual(['notes']);
  });
});

test('a save that fails leaves no temporary file', async () => {
  await store.save('a', entry);
  // A directory in the file's place cannot be replaced by a file.
  const path = onlyFile();
  fs.rmSync(path);
  fs.mkdirSync(path);
  await expect(store.save('a', entry)).rejects.toMatchObject({ code: 'keychain-refused' });
  expect(fs.readdirSync(directory)).toHaveLength(1);
});

const fifo: Requirement = { name: 'mkfifo', available: onPath('mkfifo') };
describeWith([fifo], 'a FIFO in place of a file', () => {
  test('is not waited for', async () => {
    await store.save('a', entry);
    const path = onlyFile();
    fs.rmSync(path);
    execFileSync('mkfifo', ['-m', '600', path]);
    expect(await store.read('a')).toBeUndefined();
  });
});

const root: Requirement = { name: 'root', available: process.getuid?.() === 0 };
(root.available ? describe : describe.skip)('what belongs to another user (needs root)', () => {
  test.each(['credentials', ''])('is not used as the directory, or the one that it is in: %j', async (name) => {
    await store.save('a', entry);
    fs.chownSync(join(scratch, 'cache', name), 54321, 54321);
    await refuses();
  });

  test('is not read', async () => {
    await store.save('a', entry);
    fs.chownSync(onlyFile(), 54321, 54321);
    expect(await store.read('a')).toBeUndefined();
  });
});

const elsewhere = () => join(scratch, 'elsewhere');

async function refuses(): Promise<void> {
  const refused = { store: 'file', code: 'keychain-refused' };
  await expect(store.read('a')).rejects.toMatchObject(refused);
  await expect(store.save('a', entry)).rejects.toMatchObject(refused);
  await expect(store.delete('a')).rejects.toMatchObject(refused);
  await expect(store.deleteAll()).rejects.toMatchObject(refused);
}

function onlyFile(): string {
  const [name, ...others] = fs.readdirSync(directory);
  expect(others).toEqual([]);
  return join(directory, name ?? '');
}

function modeOf(path: string): number {
  return fs.statSync(path).mode & 0o777;
}

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileStore } from '../../src/store/file-store.js';
import type { Store } from '../../src/store/store.js';
import { onPath } from '../support/on-path.js';
import { describeWith, type Requirement } from '../support/requirements.js';

let scratch: string;
let directory: string;
let store: Store;
const entry = Buffer.from('entry');

beforeEach(() => {
  scratch = fs.mkdtempSync(join(tmpdir(), 'kubectl-eck-'));
  directory = join(scratch, 'cache', 'credentials');
  store = fileStore(directory);
});
afterEach(() => {
  fs.rmSync(scratch, { recursive: true, force: true });
});

describe('the directory', () => {
  test('is made with the first write, for this user alone, whatever the umask', async () => {
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

  test("of others' rights is rid", async () => {
    fs.mkdirSync(directory, { recursive: true });
    fs.chmodSync(directory, 0o775);
    await store.save('a', entry);
    expect(modeOf(directory)).toBe(0o700);
    fs.chmodSync(directory, 0o755);
    expect(await store.read('a')).toEqual(entry);
    expect(modeOf(directory)).toBe(0o700);
  });

  test('must not be a symbolic link', async () => {
    const elsewhere = join(scratch, 'elsewhere');
    fs.mkdirSync(elsewhere, { mode: 0o700 });
    fs.mkdirSync(join(scratch, 'cache'));
    fs.symlinkSync(elsewhere, directory);
    await refuses();
    expect(fs.readdirSync(elsewhere)).toEqual([]);
  });

  test('must not be a link to nowhere, which would be made where it points', async () => {
    fs.mkdirSync(join(scratch, 'cache'));
    fs.symlinkSync(join(scratch, 'elsewhere'), directory);
    await refuses();
    expect(fs.existsSync(join(scratch, 'elsewhere'))).toBe(false);
  });

  test('must not be a file', async () => {
    fs.mkdirSync(join(scratch, 'cache'));
    fs.writeFileSync(directory, '');
    await refuses();
  });

  test('that cannot be made is an error that names it', async () => {
    fs.writeFileSync(join(scratch, 'cache'), '');
    await expect(store.save('a', entry)).rejects.toMatchObject({
      store: 'file',
      code: 'keychain-refused',
      message: expect.stringContaining(directory),
    });
  });
});

describe('a file', () => {
  beforeEach(() => store.save('a', entry));

  test('is named after the digest of its account', () => {
    expect(fs.readdirSync(directory)).toEqual([
      'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb',
    ]);
  });

  test('that others can read is not used, and is replaced', async () => {
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

  test('is not written again with what it holds', async () => {
    const { ino } = fs.statSync(onlyFile());
    await store.save('a', entry);
    expect(fs.statSync(onlyFile()).ino).toBe(ino);
    await store.save('a', Buffer.from('other'));
    expect(fs.statSync(onlyFile()).ino).not.toBe(ino);
  });

  test('is replaced as a whole: who has the old one open goes on reading the old one', async () => {
    const open = fs.openSync(onlyFile(), 'r');
    try {
      await store.save('a', Buffer.from('other'));
      expect(fs.readFileSync(open)).toEqual(entry);
    } finally {
      fs.closeSync(open);
    }
  });

  test('that a process left half-written is removed once it is old', async () => {
    const [old, recent] = ['1.tmp', '2.tmp'].map((name) => join(directory, name));
    for (const path of [old, recent]) fs.writeFileSync(path ?? '', 'secret', { mode: 0o600 });
    const hourAgo = new Date(Date.now() - 3_600_000);
    fs.utimesSync(old ?? '', hourAgo, hourAgo);
    await fileStore(directory).save('a', Buffer.from('other'));
    expect(fs.readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual(['2.tmp']);
  });
});

test('a write that fails leaves no temporary file', async () => {
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
    const { execFileSync } = await import('node:child_process');
    execFileSync('mkfifo', ['-m', '600', path]);
    expect(await store.read('a')).toBeUndefined();
  });
});

const root: Requirement = { name: 'root', available: process.getuid?.() === 0 };
(root.available ? describe : describe.skip)('what belongs to another user (needs root)', () => {
  test('is no directory to keep credentials in', async () => {
    await store.save('a', entry);
    fs.chownSync(directory, 54321, 54321);
    await refuses();
  });

  test('is no file to read them from', async () => {
    await store.save('a', entry);
    fs.chownSync(onlyFile(), 54321, 54321);
    expect(await store.read('a')).toBeUndefined();
  });
});

async function refuses(): Promise<void> {
  const refused = { store: 'file', code: 'keychain-refused' };
  await expect(store.read('a')).rejects.toMatchObject(refused);
  await expect(store.save('a', entry)).rejects.toMatchObject(refused);
  await expect(store.delete('a')).rejects.toMatchObject(refused);
}

function onlyFile(): string {
  const [name, ...others] = fs.readdirSync(directory);
  expect(others).toEqual([]);
  return join(directory, name ?? '');
}

function modeOf(path: string): number {
  return fs.statSync(path).mode & 0o777;
}

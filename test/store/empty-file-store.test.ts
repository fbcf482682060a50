import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emptyFileStore, fileStore } from '../../src/store/file-store.js';

let scratch: string;
let directory: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'kubectl-eck-empty-'));
  directory = join(scratch, 'credentials');
});

afterEach(() => {
  rmSync(scratch, { recursive: true, force: true });
});

test('every entry and every temporary file goes, and the directory with them', async () => {
  await fileStore(directory).save('a', Uint8Array.of(1));
  await fileStore(directory).save('b', Uint8Array.of(2));
  writeFileSync(join(directory, `${'0'.repeat(64)}.${crypto.randomUUID()}.tmp`), 'half');
  expect(await emptyFileStore(directory)).toBe(2);
  expect(existsSync(directory)).toBe(false);
  expect(await emptyFileStore(directory)).toBe(0);
});

test('what is not the store’s stays', async () => {
  await fileStore(directory).save('a', Uint8Array.of(1));
  writeFileSync(join(directory, 'notes'), 'mine');
  expect(await emptyFileStore(directory)).toBe(1);
  expect(readdirSync(directory)).toEqual(['notes']);
});

test('a link to somewhere else is not followed', async () => {
  const elsewhere = join(scratch, 'elsewhere');
  mkdirSync(elsewhere);
  writeFileSync(join(elsewhere, 'f'.repeat(64)), 'mine');
  symlinkSync(elsewhere, directory);
  await expect(emptyFileStore(directory)).rejects.toMatchObject({ code: 'keychain-refused' });
  expect(readdirSync(elsewhere)).toHaveLength(1);
});

import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unpackLocked, type PackageLock } from '../../scripts/release/locked-packages.js';
import { filesBelow } from '../support/release.js';
import { repository } from '../support/sandbox.js';

const { packages } = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8')) as PackageLock;
const name = '@napi-rs/keyring-darwin-arm64';
const locked = packages[`node_modules/${name}`] ?? { version: '' };
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'locked packages-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

test.each([
  [
    'with other bytes',
    { ...locked, integrity: 'sha512-AAAA' },
    'is not the package that package-lock.json locks',
  ],
  ['without a locked hash', { version: locked.version }, 'package-lock.json does not lock'],
])('a package %s is refused', (_, entry, message) => {
  const lock = { packages: { [`node_modules/${name}`]: entry } };
  expect(() => {
    unpackLocked(lock, [name], directory);
  }).toThrow(message);
  expect(filesBelow(directory).filter((file) => file.endsWith('.node'))).toEqual([]);
});

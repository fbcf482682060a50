import fs from 'node:fs';
import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import {
  cacheDirectory,
  checkPrivateDirectory,
  credentialsDirectory,
  removeFile,
  shortDigest,
} from '../src/cache-directory.js';
import { directory } from './support/directory.js';
import { describeWith } from './support/requirements.js';

test.each([
  [{}, '/home/me/.kube/cache/kubectl-eck'],
  [{ KUBECACHEDIR: '' }, '/home/me/.kube/cache/kubectl-eck'],
  [{ KUBECACHEDIR: '/var/cache/kube' }, '/var/cache/kube/kubectl-eck'],
])('with %j, the cache directory is %s', (environment, expected) => {
  const place = { environment, homeDirectory: () => '/home/me' };
  expect(cacheDirectory(place)).toBe(expected);
  expect(credentialsDirectory(place)).toBe(`${expected}/credentials`);
});

test('a private directory is made and accepted; others are named', () => {
  const path = join(directory, 'a', 'b');
  expect(checkPrivateDirectory(path)).toBeUndefined();
  expect(fs.statSync(path).mode & 0o777).toBe(0o700);
  for (const mode of [0o750, 0o705, 0o701, 0o702]) {
    fs.chmodSync(path, mode);
    expect(checkPrivateDirectory(path)).toBe('is open to other users');
  }
  for (const target of [directory, join(directory, 'nowhere')]) {
    fs.symlinkSync(target, join(directory, 'link'));
    expect(checkPrivateDirectory(join(directory, 'link'))).toBe('is not a directory');
    fs.rmSync(join(directory, 'link'));
  }
  expect(fs.existsSync(join(directory, 'nowhere'))).toBe(false);
  fs.writeFileSync(join(directory, 'file'), '');
  expect(checkPrivateDirectory(join(directory, 'file'))).toBe('is not a directory');
  expect(checkPrivateDirectory(join(directory, 'file', 'x'))).toMatch(/^cannot be used \(E\w+\)$/);
  removeFile(join(directory, 'file'));
  removeFile(join(directory, 'file'));
  expect(fs.existsSync(join(directory, 'file'))).toBe(false);
});

describeWith([{ name: 'root', available: process.getuid?.() === 0 }], 'of another user', () => {
  test('a directory is not private', () => {
    const path = join(directory, 'theirs');
    fs.mkdirSync(path, { mode: 0o700 });
    fs.chownSync(path, 12_345, 12_345);
    expect(checkPrivateDirectory(path)).toBe('belongs to another user');
    const home = join(directory, 'home');
    fs.mkdirSync(join(home, '.kube', 'cache'), { recursive: true });
    fs.chownSync(home, 12_345, 12_345);
    fs.chmodSync(directory, 0o711);
    // Root may read everything, so this is another user.
    const effective = process.geteuid?.() ?? 0;
    jest.spyOn(process, 'getuid').mockReturnValue(12_345);
    process.seteuid?.(12_345);
    try {
      expect(checkPrivateDirectory(join(directory, 'x', 'y'))).toBe('cannot be used (EACCES)');
      // As `sudo kubectl` leaves it in a home directory.
      const hint = `cannot be used (EACCES) (to own it: sudo chown -R 12345 "${home}/.kube")`;
      expect(checkPrivateDirectory(join(home, '.kube', 'cache', 'kubectl-eck'))).toBe(hint);
    } finally {
      process.seteuid?.(effective);
      jest.restoreAllMocks();
    }
  });
});

test('a digest is short and depends on the text', () => {
  expect(shortDigest('')).toBe('811c9dc5');
  expect(shortDigest('a')).toBe('e40c292c');
});

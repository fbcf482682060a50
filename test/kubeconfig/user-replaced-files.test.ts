import { expect, test } from '@jest/globals';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readUsers, replaceUsers, type UserReplacement } from '../../src/kubeconfig/user.js';
import { contextEntry } from './fixtures.js';

const text = 'users:\n- name: user\n  user: {client-key-data: aw==}\n';

async function replacement(path: string): Promise<UserReplacement> {
  const [user] = (await readUsers([path])).users;
  if (user === undefined) throw new Error('there is no user');
  return {
    user,
    stays: false,
    successors: [{ name: 'eck-1', exec: contextEntry('eck-1').exec, contexts: [] }],
  };
}

function file(): { directory: string; path: string } {
  const directory = mkdtempSync(join(tmpdir(), 'kubectl-eck-replace-'));
  const path = join(directory, 'config');
  writeFileSync(path, text, { mode: 0o600 });
  return { directory, path };
}

test('a file that somebody else has locked is neither replaced nor copied', async () => {
  const { directory, path } = file();
  const wanted = await replacement(path);
  writeFileSync(`${path}.lock`, '');
  const patience = { timeoutMs: 0, retryMs: 1, sleep: () => Promise.resolve() };
  await expect(replaceUsers([path], [wanted], { backUp: true }, patience)).rejects.toMatchObject({
    code: 'kubeconfig-locked',
  });
  expect(readdirSync(directory).sort()).toEqual(['config', 'config.lock']);
  expect(readFileSync(path, 'utf8')).toBe(text);
});

test('a file that has changed since it was read is neither replaced nor copied', async () => {
  const { directory, path } = file();
  const wanted = await replacement(path);
  writeFileSync(path, text.replace('aw==', 'bw=='));
  await expect(replaceUsers([path], [wanted], { backUp: true })).rejects.toMatchObject({
    code: 'kubeconfig-unusable',
  });
  expect(readdirSync(directory)).toEqual(['config']);
});

test('nothing is left but the new file, and the copy of the old one if it was asked for', async () => {
  const { directory, path } = file();
  const report = await replaceUsers([path], [await replacement(path)], { backUp: true });
  expect(report).toEqual({ writtenFiles: [path], backups: [`${path}.before-kubectl-eck`] });
  expect(readdirSync(directory).sort()).toEqual(['config', 'config.before-kubectl-eck']);
  expect(readFileSync(path, 'utf8')).not.toContain('client-key-data');
});

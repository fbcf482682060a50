import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { writeContexts } from '../../src/kubeconfig/change.js';
import { withLocks } from '../../src/kubeconfig/write.js';
import { readContexts } from '../../src/kubeconfig/read.js';
import { config, directory } from '../support/directory.js';
import { contextEntry, snapshot } from './fixtures.js';

const rules = { overwrite: false, setCurrentContext: false };

test('every file is locked while the task runs, under both names of a link', async () => {
  fs.mkdirSync(join(directory, 'dotfiles'));
  fs.writeFileSync(join(directory, 'dotfiles', 'kube'), '');
  fs.symlinkSync('dotfiles/kube', config);
  const locks = () => Object.keys(snapshot(directory)).filter((name) => name.endsWith('.lock'));
  const paths = [join(directory, 'b'), config, join(directory, 'missing', 'a')];
  const held = await withLocks(paths, () => Promise.resolve(locks()));
  expect(held).toEqual(['b.lock', 'config.lock', 'dotfiles/kube.lock']);
  expect(locks()).toEqual([]);
  await expect(withLocks(paths, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(locks()).toEqual([]);
});

test('a lock is waited for, and what was written meanwhile counts', async () => {
  fs.writeFileSync(config, 'kind: Config\n');
  fs.writeFileSync(`${config}.lock`, '');
  const written = writeContexts([config], [contextEntry('eck-1')], rules);
  await delay(200);
  fs.writeFileSync(config, 'kind: Config # by kubectl\n');
  fs.rmSync(`${config}.lock`);
  await written;
  expect(fs.readFileSync(config, 'utf8')).toMatch(/^kind: Config # by kubectl\nclusters:\n/);
  expect(fs.readdirSync(directory)).toEqual(['config']);
});

test('one writer at a time changes a file, so that nothing is lost', async () => {
  const ids = Array.from({ length: 8 }, (_, index) => `eck-${index}`);
  await Promise.all(ids.map((id) => writeContexts([config], [contextEntry(id)], rules)));
  const { contexts } = await readContexts([config]);
  expect(contexts.map(({ name }) => name).sort()).toEqual(ids.sort());
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('a lock is released when %s ends the process', async (signal) => {
  const args = ['--import', 'tsx', join(__dirname, 'lock-holder.ts'), config];
  const holder = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const ended = once(holder, 'exit');
    await Promise.race([once(holder.stdout, 'data'), ended]);
    expect(fs.existsSync(`${config}.lock`)).toBe(true);
    holder.kill(signal);
    expect(await ended).toEqual([null, signal]);
  } finally {
    holder.kill('SIGKILL');
  }
  expect(fs.readdirSync(directory)).toEqual([]);
});

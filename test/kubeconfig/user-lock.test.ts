import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { readContexts, writeContexts } from '../../src/kubeconfig/user.js';
import { withLocks } from '../../src/kubeconfig/user-lock.js';
import type { LockLimits } from '../../src/kubeconfig/user-lock.js';
import { contextEntry, makeDirectory, snapshot } from './fixtures.js';

let directory: string;
let config: string;

beforeEach(() => {
  directory = makeDirectory();
  config = join(directory, 'config');
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** Waits for nothing. `meanwhile` happens instead, and is told how long has been waited. */
function patience(meanwhile: (waitedMs: number) => void = () => undefined): LockLimits & { waits: number[] } {
  const waits: number[] = [];
  const sleep = (ms: number) => {
    waits.push(ms);
    meanwhile(waits.reduce((sum, wait) => sum + wait, 0));
    return Promise.resolve();
  };
  return { timeoutMs: 5_000, retryMs: 50, sleep, waits };
}

const keep = { overwrite: false, setCurrentContext: false };

describe("kubectl's lock", () => {
  test('is held while the task runs, on every file, and gone afterwards', async () => {
    const paths = [join(directory, 'b'), config, join(directory, 'a')];
    const held = await withLocks(paths, patience(), () => Promise.resolve(readdirSync(directory)));
    expect(held).toEqual(['a.lock', 'b.lock', 'config.lock']);
    expect(readdirSync(directory)).toEqual([]);
  });

  test('is held under both names of a link', async () => {
    mkdirSync(join(directory, 'dotfiles'));
    writeFileSync(join(directory, 'dotfiles', 'kube'), '');
    symlinkSync('dotfiles/kube', config);
    const held = await withLocks([config], patience(), () => Promise.resolve(snapshot(directory)));
    expect(Object.keys(held)).toEqual([
      'config',
      'config.lock',
      'dotfiles',
      'dotfiles/kube',
      'dotfiles/kube.lock',
    ]);
  });

  test('is released when the task fails', async () => {
    await expect(withLocks([config], patience(), () => Promise.reject(new Error('no')))).rejects.toThrow(
      'no',
    );
    expect(readdirSync(directory)).toEqual([]);
  });

  test('is waited for', async () => {
    const lock = `${config}.lock`;
    writeFileSync(lock, '');
    const waiting = patience((waitedMs) => {
      if (waitedMs === 200) rmSync(lock);
    });
    await writeContexts([config], [contextEntry('eck-1')], keep, waiting);
    expect(waiting.waits).toEqual([50, 50, 50, 50]);
    expect(readdirSync(directory)).toEqual(['config']);
  });

  test('what was written in the meantime counts', async () => {
    const lock = `${config}.lock`;
    writeFileSync(config, 'kind: Config\n');
    writeFileSync(lock, '');
    const waiting = patience(() => {
      writeFileSync(config, 'kind: Config # by kubectl\n');
      rmSync(lock);
    });
    await writeContexts([config], [contextEntry('eck-1')], keep, waiting);
    expect(readFileSync(config, 'utf8')).toMatch(/^kind: Config # by kubectl\nclusters:\n/);
  });

  test('is not waited for longer than five seconds, and stays if it is not ours', async () => {
    const other = join(directory, 'a');
    writeFileSync(config, 'kind: Config\n');
    writeFileSync(`${config}.lock`, '');
    const before = snapshot(directory);
    const waiting = patience();
    const written = writeContexts([other, config], [contextEntry('eck-1')], keep, waiting);
    await expect(written).rejects.toMatchObject({ code: 'kubeconfig-locked' });
    await expect(written).rejects.toThrow(`rm ${config}.lock`);
    expect(waiting.waits.reduce((sum, wait) => sum + wait, 0)).toBe(5_000);
    expect(snapshot(directory)).toEqual(before);
  });

  test('lets one writer at a time change a file, so that nothing is lost', async () => {
    const ids = Array.from({ length: 8 }, (_, index) => `eck-${index}`);
    const inTurn: LockLimits = {
      timeoutMs: 60_000,
      retryMs: 1,
      sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
    };
    await Promise.all(ids.map((id) => writeContexts([config], [contextEntry(id)], keep, inTurn)));
    const { contexts } = await readContexts([config]);
    expect(contexts.map(({ name }) => name).sort()).toEqual(ids.sort());
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'is released when %s ends the process',
    async (signal) => {
      const holder = spawn(process.execPath, ['--import', 'tsx', join(__dirname, 'lock-holder.ts'), config], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      try {
        const ended = once(holder, 'exit');
        await Promise.race([once(holder.stdout, 'data'), ended]);
        expect(existsSync(`${config}.lock`)).toBe(true);
        holder.kill(signal);
        expect(await ended).toEqual([null, signal]);
      } finally {
        holder.kill('SIGKILL');
      }
      expect(readdirSync(directory)).toEqual([]);
    },
  );
});

import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readBuildFacts } from '../../scripts/release/build-facts.js';

let root: string;
const git = (...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.com', ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, GIT_COMMITTER_DATE: '2026-01-02T03:04:05+0800' },
  }).trim();

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'build facts-'));
  writeFileSync(join(root, 'package.json'), '{"version":"1.2.3"}');
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

test('outside of git a build knows its version', () => {
  expect(readBuildFacts(root, {})).toEqual({ version: '1.2.3', commit: undefined, date: undefined });
});

test('a build knows its commit, when that was made, and whether there is more', () => {
  git('init', '--quiet');
  git('add', '.');
  git('commit', '--quiet', '--message=Begin');
  const commit = git('rev-parse', 'HEAD');
  const date = new Date('2026-01-01T19:04:05Z');
  expect(readBuildFacts(root, {})).toEqual({ version: '1.2.3', commit, date });

  writeFileSync(join(root, 'more'), '');
  expect(readBuildFacts(root, {})).toEqual({ version: '1.2.3', commit: `${commit}-dirty`, date });
});

test('SOURCE_DATE_EPOCH is the time of a build', () => {
  expect(readBuildFacts(root, { SOURCE_DATE_EPOCH: '86400' }).date).toEqual(new Date('1970-01-02T00:00:00Z'));
  expect(() => readBuildFacts(root, { SOURCE_DATE_EPOCH: 'today' })).toThrow('SOURCE_DATE_EPOCH');
});

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { warnOnce } from '../../src/exec-credential/warn-once.js';
import { FakeWorld } from './fixtures.js';

let scratch: string;
let world: FakeWorld;

beforeEach(() => {
  scratch = fs.mkdtempSync(join(tmpdir(), 'kubectl-eck-'));
  world = new FakeWorld({}, scratch);
});
afterEach(() => {
  fs.rmSync(scratch, { recursive: true, force: true });
});

describe('what is worth hearing once', () => {
  test('is told once, however often and by how many processes', () => {
    warnOnce('no-store', 'first', world);
    warnOnce('no-store', 'second', world);
    const other = new FakeWorld({}, scratch);
    warnOnce('no-store', 'third', other);
    expect(world.warnings).toEqual(['first']);
    expect(other.warnings).toEqual([]);
  });

  test('is told though something else was told', () => {
    warnOnce('one', 'one', world);
    warnOnce('two', 'two', world);
    expect(world.warnings).toEqual(['one', 'two']);
  });

  test('is told again by who keeps a cache somewhere else', () => {
    warnOnce('no-store', 'here', world);
    const other = new FakeWorld({ KUBECACHEDIR: join(scratch, 'other') }, scratch);
    warnOnce('no-store', 'there', other);
    expect(other.warnings).toEqual(['there']);
  });

  test('leaves a mark for this user alone', () => {
    const umask = process.umask(0);
    try {
      warnOnce('no-store', 'said', world);
    } finally {
      process.umask(umask);
    }
    const directory = join(scratch, '.kube', 'cache', 'kubectl-eck');
    expect(fs.statSync(directory).mode & 0o777).toBe(0o700);
    expect(fs.readdirSync(directory)).toEqual(['told-no-store']);
    expect(fs.statSync(join(directory, 'told-no-store')).mode & 0o777).toBe(0o600);
  });

  test('is told at every command where no mark can be left', () => {
    fs.writeFileSync(join(scratch, '.kube'), '');
    warnOnce('no-store', 'first', world);
    warnOnce('no-store', 'second', world);
    expect(world.warnings).toEqual(['first', 'second']);
  });

  test('is told where a file is in the place of the directory', () => {
    fs.mkdirSync(join(scratch, '.kube', 'cache'), { recursive: true });
    fs.writeFileSync(join(scratch, '.kube', 'cache', 'kubectl-eck'), '');
    warnOnce('no-store', 'first', world);
    expect(world.warnings).toEqual(['first']);
  });
});

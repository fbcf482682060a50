import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheKeyText } from '../../src/credential/cache-key.js';
import { CredentialRecords, type RenewalRecord } from '../../src/exec-credential/records.js';
import type { ParentProcess } from '../../src/exec-credential/parent-process.js';
import { describeWith, type Requirement } from '../support/requirements.js';

const account = 'eck-1@ens.aliyuncs.com/profile%3Ame';
const kubectl: ParentProcess = { processId: process.pid, startedAt: '4711' };
const served = { fetchedAt: new Date(1_772_366_400_001), expiration: new Date(1_772_409_600_002) };
const record: RenewalRecord = {
  finishedAt: new Date(1_772_366_400_003),
  failure: { code: 'ens-unavailable', message: 'ENS is "down"\u00e4' },
  repairedAt: new Date(1_772_366_400_004),
};

let scratch: string;
let root: string;
const warnings: string[] = [];

beforeEach(() => {
  scratch = fs.mkdtempSync(join(tmpdir(), 'kubectl-eck-'));
  root = join(scratch, 'cache', 'kubectl-eck');
  warnings.length = 0;
});
afterEach(() => {
  jest.restoreAllMocks();
  fs.rmSync(scratch, { recursive: true, force: true });
});

/** What another process would see. */
function state(of = account, environment = { KUBECACHEDIR: join(scratch, 'cache') }): CredentialRecords {
  return new CredentialRecords(of, {
    environment,
    homeDirectory: () => scratch,
    warn: (message) => {
      warnings.push(message);
    },
  });
}

/** The directory of the account that a state is of. */
function directoryOf(of: CredentialRecords): string {
  return dirname(of.lockFile ?? '');
}

function modeOf(path: string): number {
  return fs.statSync(path).mode & 0o777;
}

/** The id of a process that has ended. */
function endedProcess(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

describe('what was served to a process', () => {
  test('is remembered for the next one that it starts', () => {
    state().noteServed(kubectl, served);
    expect(state().servedTo(kubectl)).toEqual(served);
    expect(warnings).toEqual([]);
  });

  test('is remembered where the system does not say when a process started', () => {
    const requester = { ...kubectl, startedAt: '' };
    state().noteServed(requester, served);
    expect(state().servedTo(requester)).toEqual(served);
  });

  test('is the last that was', () => {
    state().noteServed(kubectl, { ...served, fetchedAt: new Date(1) });
    state().noteServed(kubectl, served);
    expect(state().servedTo(kubectl)).toEqual(served);
  });

  test.each<[string, ParentProcess]>([
    ['another process', { ...kubectl, processId: process.ppid }],
    ['a later process with the same id', { ...kubectl, startedAt: '4712' }],
    ['a process whose start is not known', { ...kubectl, startedAt: '' }],
  ])('means nothing for %s', (_, requester) => {
    state().noteServed(kubectl, served);
    expect(state().servedTo(requester)).toBeUndefined();
  });

  test('means nothing for another credential', () => {
    state().noteServed(kubectl, served);
    expect(state('eck-2@ens.aliyuncs.com/profile%3Ame').servedTo(kubectl)).toBeUndefined();
  });

  test.each([
    '',
    ' ',
    '4711',
    '4711 ',
    '4711 1772366400001',
    '4711 1772366400001 ',
    '\u0000\u0000',
    'garbage in here',
    '4711 yesterday tomorrow',
    '4711 1772366400001 17724096x0002',
  ])('is nothing where the mark says %j', (text) => {
    state().noteServed(kubectl, served);
    fs.writeFileSync(join(directoryOf(state()), `served-${kubectl.processId}`), text);
    expect(state().servedTo(kubectl)).toBeUndefined();
    expect(warnings).toEqual([]);
  });
});

describe('how the last renewal went', () => {
  test.each<[string, RenewalRecord]>([
    ['well', { finishedAt: record.finishedAt }],
    ['well, after a refusal', { finishedAt: record.finishedAt, repairedAt: new Date(5) }],
    ['badly', { finishedAt: record.finishedAt, failure: { code: 'ens-throttled', message: 'slow down' } }],
    ['badly, after a refusal', record],
  ])('is remembered: %s', (_, one) => {
    state().noteRenewal(one);
    expect(state().lastRenewal()).toEqual(one);
  });

  test('is nothing where there was none', () => {
    expect(state().lastRenewal()).toBeUndefined();
  });

  test('is the last one, of which nothing of the one before is left', () => {
    state().noteRenewal(record);
    state().noteRenewal({ finishedAt: new Date(6) });
    expect(state().lastRenewal()).toEqual({ finishedAt: new Date(6) });
  });

  test.each([
    '',
    '{',
    'null',
    '[]',
    '7',
    '"text"',
    '{}',
    '{"finishedAt":1772366400003}',
    '{"finishedAt":"yesterday"}',
    JSON.stringify(record).slice(0, -1),
    `${JSON.stringify(record)}}`,
  ])('is nothing where the record says %j', (text) => {
    state().noteRenewal(record);
    fs.writeFileSync(join(directoryOf(state()), 'renewal.json'), text);
    expect(state().lastRenewal()).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  test.each<[string, unknown]>([
    ['a failure without a message', { failure: { code: 'ens-throttled' } }],
    ['a failure that is no object', { failure: 'ens-throttled' }],
    ['no failure', { failure: null }],
    ['a repair at no time', { repairedAt: 'yesterday' }],
  ])('is when it was where the record holds %s', (_, rest) => {
    state().noteRenewal(record);
    const text = JSON.stringify({ finishedAt: record.finishedAt, ...(rest as object) });
    fs.writeFileSync(join(directoryOf(state()), 'renewal.json'), text);
    expect(state().lastRenewal()).toEqual({ finishedAt: record.finishedAt });
  });

  test('is nothing where a directory is in its place, and is then remembered by nobody', () => {
    fs.mkdirSync(join(directoryOf(state()), 'renewal.json'));
    const one = state();
    expect(one.lastRenewal()).toBeUndefined();
    one.noteRenewal(record);
    expect(one.lastRenewal()).toBeUndefined();
    expect(warnings).toHaveLength(1);
  });
});

describe('a sweep', () => {
  test('removes the marks of processes that have ended, and nothing else', () => {
    const one = state();
    one.noteServed({ processId: endedProcess(), startedAt: '1' }, served);
    one.noteServed(kubectl, served);
    one.noteRenewal(record);
    for (const name of [
      'lock',
      'lock.abc',
      'served-',
      'served-x',
      'served-1x',
      `served-${endedProcess()}.tmp`,
    ]) {
      fs.writeFileSync(join(directoryOf(one), name), '');
    }
    const before = fs.readdirSync(directoryOf(one)).length;
    one.sweep();
    expect(fs.readdirSync(directoryOf(one))).toHaveLength(before - 1);
    expect(one.servedTo(kubectl)).toEqual(served);
  });

  test('of a directory that is not there does nothing', () => {
    state().sweep();
    expect(fs.readdirSync(scratch)).toEqual([]);
    expect(warnings).toEqual([]);
  });

  test.each([
    { random: 0, left: false },
    { random: 0.0199, left: false },
    { random: 0.02, left: true },
    { random: 0.99, left: true },
  ])('comes with one in fifty answers: with $random by chance, a mark stays: $left', ({ random, left }) => {
    jest.spyOn(Math, 'random').mockReturnValue(random);
    const ended = { processId: endedProcess(), startedAt: '1' };
    fs.writeFileSync(join(directoryOf(state()), `served-${ended.processId}`), '');
    state().noteServed(kubectl, served);
    expect(fs.existsSync(join(directoryOf(state()), `served-${ended.processId}`))).toBe(left);
  });
});

describe('where it lies', () => {
  test("is kubectl's cache directory, for this user alone, whatever the umask", () => {
    const umask = process.umask(0);
    try {
      const one = state();
      one.noteServed(kubectl, served);
      one.noteRenewal(record);
      const directory = directoryOf(one);
      expect(dirname(directory)).toBe(root);
      expect([root, directory].map(modeOf)).toEqual([0o700, 0o700]);
      expect(fs.readdirSync(directory).map((name) => modeOf(join(directory, name)))).toEqual([0o600, 0o600]);
    } finally {
      process.umask(umask);
    }
  });

  test('is in the home directory where none is named', () => {
    expect(dirname(directoryOf(state(account, { KUBECACHEDIR: '' })))).toBe(
      join(scratch, '.kube', 'cache', 'kubectl-eck'),
    );
  });

  test('is nowhere until something is asked of it', () => {
    state();
    expect(fs.readdirSync(scratch)).toEqual([]);
  });

  test.each<[string, string]>([
    ['an asterisk', 'eck-*@host/profile%3Aa*b'],
    ['slashes', 'eck-1@http%3A%2F%2F127.0.0.1%3A1/../../etc/x'],
    ['a name that leads up', '..@host/../chain'],
    ['a long name', `${'eck-1'.repeat(100)}@host/profile%3A${'x'.repeat(1000)}`],
    [
      'all that a key can hold',
      cacheKeyText({
        endpoint: { kind: 'address', address: 'http://127.0.0.1:1' },
        identity: { kind: 'profile', name: 'ü *?"<>|\\/:\n\u0000' },
        clusterId: '../eck-1',
      }),
    ],
  ])('is one directory for an account with %s', (_, of) => {
    const one = state(of);
    one.noteServed(kubectl, served);
    expect(state(of).servedTo(kubectl)).toEqual(served);
    expect(fs.readdirSync(root)).toHaveLength(1);
    expect(fs.readdirSync(root)[0]).toMatch(/^[^*/]{1,200}$/);
    expect(fs.readdirSync(scratch)).toEqual(['cache']);
    expect(warnings).toEqual([]);
  });

  test('is another directory for another account', () => {
    const accounts = ['a@h/chain', 'b@h/chain', 'a@h/profile%3Ax', 'a@h2/chain', 'a%2B@h/chain'];
    expect(new Set(accounts.map((of) => directoryOf(state(of)))).size).toBe(accounts.length);
  });
});

describe('a directory that cannot be used', () => {
  /** Asks for everything, as often as a run could, and gets nothing. */
  function expectNothing(reason: RegExp): void {
    const one = state();
    one.noteServed(kubectl, served);
    one.noteRenewal(record);
    one.sweep();
    expect(one.servedTo(kubectl)).toBeUndefined();
    expect(one.lastRenewal()).toBeUndefined();
    expect(one.lockFile).toBeUndefined();
    expect(warnings).toEqual([expect.stringMatching(reason)]);
    expect(warnings[0]).toContain(root);
    expect(warnings[0]).toContain('KUBECACHEDIR');
  }

  test('since it is a symbolic link is not used', () => {
    const elsewhere = join(scratch, 'elsewhere');
    fs.mkdirSync(elsewhere, { mode: 0o700 });
    fs.mkdirSync(dirname(root));
    fs.symlinkSync(elsewhere, root);
    expectNothing(/not a directory/);
    expect(fs.readdirSync(elsewhere)).toEqual([]);
  });

  test('since it is a symbolic link to nowhere is not made', () => {
    fs.mkdirSync(dirname(root));
    fs.symlinkSync(join(scratch, 'elsewhere'), root);
    expectNothing(/not a directory/);
    expect(fs.readdirSync(scratch)).toEqual(['cache']);
  });

  test('since it is a file is not used', () => {
    fs.mkdirSync(dirname(root));
    fs.writeFileSync(root, 'mine');
    expectNothing(/not a directory/);
    expect(fs.readFileSync(root, 'utf8')).toBe('mine');
  });

  test('since a file is in its way is not used', () => {
    fs.writeFileSync(dirname(root), 'mine');
    expectNothing(/ENOTDIR|EEXIST/);
  });

  test.each([0o750, 0o705, 0o701, 0o770, 0o702, 0o777])('since its mode is %i is not used', (mode) => {
    fs.mkdirSync(root, { recursive: true });
    fs.chmodSync(root, mode);
    expectNothing(/open to other users/);
    expect(fs.readdirSync(root)).toEqual([]);
  });

  test("since a file is in its account's place is not used after the first look", () => {
    const directory = directoryOf(state());
    fs.rmSync(directory, { recursive: true });
    fs.writeFileSync(directory, 'mine');
    expectNothing(/ENOTDIR/);
    expect(fs.readFileSync(directory, 'utf8')).toBe('mine');
  });

  test('warns once a run, not once a call', () => {
    fs.writeFileSync(dirname(root), '');
    state().lastRenewal();
    state().lastRenewal();
    expect(warnings).toHaveLength(2);
    warnings.length = 0;
    const one = state();
    for (let call = 0; call < 5; call += 1) one.lastRenewal();
    expect(warnings).toHaveLength(1);
  });

  const fullDevice: Requirement = { name: '/dev/full', available: fs.existsSync('/dev/full') };
  describeWith([fullDevice], 'any more', () => {
    test('since the disk is full remembers nothing', () => {
      fs.symlinkSync('/dev/full', join(directoryOf(state()), `served-${kubectl.processId}`));
      const one = state();
      one.noteServed(kubectl, served);
      one.noteRenewal(record);
      expect(one.lastRenewal()).toBeUndefined();
      expect(one.lockFile).toBeUndefined();
      expect(warnings).toEqual([expect.stringMatching(/ENOSPC/)]);
    });
  });

  const root_: Requirement = { name: 'root', available: process.getuid?.() === 0 };
  describeWith([root_], 'by a user', () => {
    test('since it belongs to another one is not used', () => {
      fs.mkdirSync(root, { recursive: true, mode: 0o700 });
      fs.chownSync(root, 12_345, 12_345);
      expectNothing(/another user/);
      expect(fs.readdirSync(root)).toEqual([]);
    });

    // Root may write anywhere, so this is another user.
    test.each([
      ['since it cannot be made', () => dirname(root), 0o500],
      ['since it is read-only', () => root, 0o500],
      ['since it cannot even be looked at', () => dirname(root), 0],
    ])('%s is not used', (_, place, mode) => {
      fs.mkdirSync(place(), { recursive: true });
      for (const path of [scratch, dirname(root), place()]) fs.chownSync(path, 12_345, 12_345);
      fs.chmodSync(place(), mode);
      const effective = process.geteuid?.() ?? 0;
      jest.spyOn(process, 'getuid').mockReturnValue(12_345);
      process.seteuid?.(12_345);
      try {
        expectNothing(/EACCES/);
      } finally {
        process.seteuid?.(effective);
      }
    });
  });
});

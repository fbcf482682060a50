import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { cacheKeyText, type CacheKey } from '../../src/credential/cache-key.js';
import { placeHere, readRecords, type CachedRecord } from '../../src/exec-credential/cached-record.js';
import {
  CredentialRecords,
  findParentProcess,
  warnOnce,
  type ParentProcess,
  type RenewalRecord,
} from '../../src/exec-credential/records.js';
import { directory } from '../support/directory.js';
import { describeWith } from '../support/requirements.js';
import { FakeWorld } from './fixtures.js';

const kubectl: ParentProcess = { processId: process.pid, startedAt: '4711' };
const served = { fetchedAt: new Date(1_772_366_400_001), expiration: new Date(1_772_409_600_002) };
const renewal: RenewalRecord = {
  finishedAt: new Date(1_772_366_400_003),
  failure: { code: 'ens-unavailable', message: 'ENS is "down"ä', fix: 'wait', since: new Date(3) },
  repairedAt: new Date(1_772_366_400_004),
};
let world: FakeWorld;
let root: string;

beforeEach(() => {
  world = new FakeWorld({ KUBECACHEDIR: join(directory, 'cache') }, directory);
  root = join(directory, 'cache', 'kubectl-eck');
});
afterEach(() => {
  jest.restoreAllMocks();
});

function keyOf(clusterId: string, name = 'work'): CacheKey {
  const identity = { kind: 'profile', name, assumedRole: 'acs:ram::1:role/admin' } as const;
  return { endpoint: { kind: 'site', site: 'international' }, identity, clusterId };
}

/** The records as another process sees them. */
function records(key = keyOf('eck-1')): CredentialRecords {
  return new CredentialRecords(cacheKeyText(key), world);
}

function directoryOf(of = records()): string {
  return dirname(of.lockFile ?? '');
}

const endedProcess = (): number => spawnSync(process.execPath, ['-e', '']).pid;

describe('what a parent process was served', () => {
  test('is read by the next process that it starts, and is the last', () => {
    records().noteServed(kubectl, { ...served, fetchedAt: new Date(1) });
    records().noteServed(kubectl, served);
    expect(records().servedTo(kubectl)).toEqual(served);
    expect(records(keyOf('eck-2')).servedTo(kubectl)).toBeUndefined();
  });

  test.each<[string, ParentProcess]>([
    ['another process', { ...kubectl, processId: process.ppid }],
    ['a later process with the same id', { ...kubectl, startedAt: '4712' }],
    ['a process with an unknown start', { ...kubectl, startedAt: '' }],
  ])('is not read for %s', (_, other) => {
    records().noteServed(kubectl, served);
    expect(records().servedTo(other)).toBeUndefined();
  });

  test.each(['', '4711', '4711 1 ', '\0\0', '4711 yesterday tomorrow', '4711 1772366400001 17724096x0002'])(
    'is nothing if the file contains %j',
    (text) => {
      fs.writeFileSync(join(directoryOf(), `served-${kubectl.processId}`), text);
      expect(records().servedTo(kubectl)).toBeUndefined();
    },
  );
});

describe('the last renewal', () => {
  test.each<[string, RenewalRecord]>([
    ['success', { finishedAt: renewal.finishedAt }],
    ['success after a rejection', { finishedAt: renewal.finishedAt, repairedAt: new Date(5) }],
    ['failure', renewal],
  ])('is read: %s', (_, record) => {
    expect(records().lastRenewal()).toBeUndefined();
    records().noteRenewal(renewal);
    records().noteRenewal(record);
    expect(records().lastRenewal()).toEqual(record);
  });

  const text = JSON.stringify(renewal);
  test.each([
    ...['', '{', 'null', '[]', '7', '"text"', '{}', '{"finishedAt":17}', '{"finishedAt":"yesterday"}'],
    ...[text.slice(0, -1), `${text}}`, text.replace('"since":"1970', '"since":"x')],
  ])('is unknown if the file contains %s', (content) => {
    fs.writeFileSync(join(directoryOf(), 'renewal.json'), content);
    expect(records().lastRenewal()).toBeUndefined();
    expect(world.warnings).toEqual([]);
  });
});

describe('the records of saved credentials', () => {
  const recordOf = (clusterId: string, name?: string): CachedRecord => ({
    key: keyOf(clusterId, name),
    store: 'kernel',
    places: [placeHere('kernel'), { store: 'keychain', machine: 'other 1' }],
    certificateSubject: 'CN=someone',
    fetchedAt: new Date('2026-03-01T12:00:00.001Z'),
    notBefore: new Date('2026-03-01T11:55:00.000Z'),
    notAfter: new Date('2029-03-01T12:00:00.000Z'),
  });
  const save = (record: CachedRecord): void => {
    records(record.key).noteSaved(record);
  };

  test('are the last of each credential, in order, without the deleted ones', () => {
    for (const id of ['eck-2', 'eck-1', 'eck-3']) save({ ...recordOf(id), store: 'file' });
    for (const id of ['eck-2', 'eck-1']) save(recordOf(id));
    records(keyOf('eck-3')).noteDeleted();
    expect(readRecords(world)).toEqual([recordOf('eck-1'), recordOf('eck-2')]);
    records(keyOf('eck-1')).remove();
    expect(readRecords(world)).toEqual([recordOf('eck-2')]);
  });

  test('are separate, however long the names are', () => {
    for (const end of ['1', '2']) save(recordOf('eck-1', `${'n'.repeat(300)}${end}`));
    expect(readRecords(world)).toHaveLength(2);
  });

  const good = recordOf('eck-1');
  test.each<[string, object]>([
    ['no key', { key: undefined }],
    ['half a key', { key: { clusterId: 'eck-1' } }],
    ['another key than the directory', { key: keyOf('eck-2') }],
    ['an unknown kind of identity', { key: { ...good.key, identity: { kind: 'friend' } } }],
    ['an unknown store', { store: 'pocket' }],
    ['the store none', { store: 'none' }],
    ['no subject', { certificateSubject: undefined }],
    ['no date', { notAfter: undefined }],
    ['an invalid date', { fetchedAt: 'yesterday' }],
  ])('are left out if they have %s', (_, change) => {
    save(good);
    expect(readRecords(world)).toEqual([good]);
    fs.writeFileSync(join(directoryOf(), 'record.json'), JSON.stringify({ ...good, ...change }));
    expect(readRecords(world)).toEqual([]);
  });

  const apiServer = { server: 'https://192.0.2.1', certificateAuthorityPem: 'PEM', privateIp: false };
  test.each<[string, unknown]>([
    ['null', null],
    ['a text', 'https://192.0.2.1'],
    ['a number as its address', { ...apiServer, server: 7 }],
    ['an address without TLS', { ...apiServer, server: 'http://192.0.2.1' }],
    ['no CA bundle', { ...apiServer, certificateAuthorityPem: undefined }],
  ])('have no API server that is %s', (_, value) => {
    save({ ...good, apiServer });
    expect(records(good.key).lastSaved()).toEqual({ ...good, apiServer });
    fs.writeFileSync(join(directoryOf(), 'record.json'), JSON.stringify({ ...good, apiServer: value }));
    expect(records(good.key).lastSaved()).toEqual(good);
  });

  test('are not read from a directory that others can write to', () => {
    save(good);
    fs.chmodSync(root, 0o777);
    expect(readRecords(world)).toEqual([]);
  });
});

test.each([
  { random: 0.0199, stays: false },
  { random: 0.02, stays: true },
])('one in fifty answers ($random) sweeps files of processes that ended', ({ random, stays }) => {
  jest.spyOn(Math, 'random').mockReturnValue(random);
  const [ended, notOurs] = [endedProcess(), endedProcess()];
  const kill = process.kill.bind(process);
  jest.spyOn(process, 'kill').mockImplementation((id, signal) => {
    if (id === notOurs) throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
    return kill(id, signal);
  });
  const others = ['lock', 'renewal.json', 'served-', 'served-1x', `served-${ended}.tmp`, `served-${notOurs}`];
  const names = [...others, `served-${ended}`, `warned-${ended}`, `record.json.${ended}.tmp`];
  for (const name of names) fs.writeFileSync(join(directoryOf(), name), '');
  records().noteServed(kubectl, served);
  const expected = [...(stays ? names : others), `served-${kubectl.processId}`];
  expect(fs.readdirSync(directoryOf()).sort()).toEqual(expected.sort());
});

describeWith([{ name: 'Linux', available: process.platform === 'linux' }], 'the start of the parent', () => {
  test.each(['kubectl', 'a) S 1 2 (b', 'new\nline'])('is read for a command named %j', async (command) => {
    fs.symlinkSync('/bin/sleep', join(directory, command));
    const child = spawn(join(directory, command), ['60'], { stdio: 'ignore' });
    try {
      await once(child, 'spawn');
      jest.replaceProperty(process, 'ppid', child.pid ?? 0);
      // In hundredths of a second since the machine started, as /proc/uptime in seconds.
      const ageS = Number(/^\S+/.exec(fs.readFileSync('/proc/uptime', 'utf8'))) - started() / 100;
      expect(ageS).toBeGreaterThanOrEqual(-1);
      expect(ageS).toBeLessThan(10);
      expect(findParentProcess('darwin')).toEqual({ processId: child.pid, startedAt: '' });
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('is unknown if it has ended', () => {
    const processId = endedProcess();
    jest.replaceProperty(process, 'ppid', processId);
    expect(findParentProcess('linux')).toEqual({ processId, startedAt: '' });
  });

  const started = (): number => Number(findParentProcess('linux').startedAt || NaN);
});

describe('the directory', () => {
  test('is made at the first use, for this user alone whatever the umask', () => {
    const umask = process.umask(0);
    try {
      const one = records();
      expect(fs.readdirSync(directory)).toEqual([]);
      one.noteServed(kubectl, served);
      const paths = [root, directoryOf(), join(directoryOf(), `served-${kubectl.processId}`)];
      expect(paths.map((path) => fs.statSync(path).mode & 0o777)).toEqual([0o700, 0o700, 0o600]);
    } finally {
      process.umask(umask);
    }
  });

  test.each(['eck-*', '../../etc/x', '..', 'ü *?"<>|\\/:\n\0', 'x'.repeat(1000)])('fits a key with %j', (text) => {
    for (const key of [keyOf(text), keyOf('eck-1', text)]) records(key).noteServed(kubectl, served);
    expect(fs.readdirSync(root)).toHaveLength(2);
    for (const name of fs.readdirSync(root)) expect(name).toMatch(/^[^*/]{1,200}$/);
    expect(fs.readdirSync(directory)).toEqual(['cache']);
  });

  describeWith([{ name: '/dev/full', available: fs.existsSync('/dev/full') }], 'on a full disk', () => {
    test('is not used any more, with one warning', () => {
      fs.symlinkSync('/dev/full', join(directoryOf(), `served-${kubectl.processId}`));
      const one = records();
      one.noteServed(kubectl, served);
      one.noteRenewal(renewal);
      one.sweep();
      const found = [one.servedTo(kubectl), one.lastRenewal(), one.lockFile];
      expect(found.filter((each) => each !== undefined)).toEqual([]);
      const warning = 'kubectl-eck cannot be written .ENOSPC.*KUBECACHEDIR';
      expect(world.warnings).toEqual([expect.stringMatching(warning)]);
    });
  });
});

describe('a warning that comes once', () => {
  test('comes each time if it cannot be noted', () => {
    fs.mkdirSync(dirname(root));
    fs.writeFileSync(root, '');
    for (const message of ['first', 'second']) warnOnce('one', message, world);
    expect(world.warnings).toEqual(['first', 'second']);
  });
});

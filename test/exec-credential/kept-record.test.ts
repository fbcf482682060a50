import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheKeyText } from '../../src/credential/cache-key.js';
import { CredentialRecords } from '../../src/exec-credential/records.js';
import {
  formatRecordFile,
  parseRecordFile,
  readRecords,
  type CachedRecord,
} from '../../src/exec-credential/records.js';
import { FakeWorld } from './fixtures.js';

const record: CachedRecord = {
  key: {
    endpoint: { kind: 'site', site: 'international' },
    identity: { kind: 'profile', name: 'work', assumedRole: 'acs:ram::1:role/admin' },
    clusterId: 'eck-1',
  },
  store: 'kernel',
  certificateSubject: 'CN=someone',
  fetchedAt: new Date('2026-03-01T12:00:00.001Z'),
  notBefore: new Date('2026-03-01T11:55:00.000Z'),
  notAfter: new Date('2029-03-01T12:00:00.000Z'),
};

describe('the text of a record', () => {
  test('says all that the record says', () => {
    expect(parseRecordFile(formatRecordFile(record))).toEqual(record);
  });

  const change = (changes: object): string =>
    JSON.stringify({ ...(JSON.parse(formatRecordFile(record)) as object), ...changes });
  test.each([
    ['nothing', ''],
    ['no JSON', '{"account":'],
    ['no mapping', 'null'],
    ['no key', change({ key: undefined })],
    ['half a key', change({ key: { clusterId: 'eck-1' } })],
    ['another cluster than the account', change({ key: { ...record.key, clusterId: 'eck-2' } })],
    ['an identity of no kind', change({ key: { ...record.key, identity: { kind: 'friend' } } })],
    ['an unknown store', change({ store: 'pocket' })],
    ['the store that keeps nothing', change({ store: 'none' })],
    ['no subject', change({ certificateSubject: undefined })],
    ['no date', change({ notAfter: undefined })],
    ['what is no date', change({ fetchedAt: 'yesterday' })],
  ])('with %s is no record', (_, text) => {
    expect(parseRecordFile(text)).toBeUndefined();
  });
});

describe('the records of this user', () => {
  let scratch: string;
  let world: FakeWorld;
  let root: string;

  beforeEach(() => {
    scratch = fs.mkdtempSync(join(tmpdir(), 'kubectl-eck-'));
    world = new FakeWorld({ KUBECACHEDIR: scratch }, scratch);
    root = join(scratch, 'kubectl-eck');
  });
  afterEach(() => {
    fs.rmSync(scratch, { recursive: true, force: true });
  });

  function of(clusterId: string, name = 'work'): CachedRecord {
    return { ...record, key: { ...record.key, identity: { kind: 'profile', name }, clusterId } };
  }

  function state({ key }: CachedRecord): CredentialRecords {
    return new CredentialRecords(cacheKeyText(key), world);
  }

  test('are those that were recorded and not forgotten', () => {
    for (const one of [of('eck-2'), of('eck-1'), of('eck-3')]) state(one).noteSaved(one);
    state(of('eck-3')).noteDeleted();
    expect(readRecords(world)).toEqual([of('eck-1'), of('eck-2')]);
  });

  test('are the last that was recorded of each credential', () => {
    state(of('eck-1')).noteSaved(of('eck-1'));
    const later = { ...of('eck-1'), fetchedAt: new Date('2026-03-02T00:00:00.000Z') };
    state(later).noteSaved(later);
    expect(readRecords(world)).toEqual([later]);
  });

  test('are told apart however long their names are', () => {
    const names = [`${'n'.repeat(300)}1`, `${'n'.repeat(300)}2`];
    for (const name of names) state(of('eck-1', name)).noteSaved(of('eck-1', name));
    expect(new Set(readRecords(world).map(({ key }) => cacheKeyText(key))).size).toBe(2);
  });

  test('are none where nothing was kept, and a damaged one is left out', () => {
    expect(readRecords(world)).toEqual([]);
    state(of('eck-1')).noteSaved(of('eck-1'));
    fs.mkdirSync(join(root, 'other'));
    fs.writeFileSync(join(root, 'other', 'kept.json'), '{');
    fs.writeFileSync(join(root, 'told-no-store'), '');
    expect(readRecords(world)).toEqual([of('eck-1')]);
  });

  test('are not believed where others can write', () => {
    state(of('eck-1')).noteSaved(of('eck-1'));
    fs.chmodSync(root, 0o777);
    expect(readRecords(world)).toEqual([]);
  });
});

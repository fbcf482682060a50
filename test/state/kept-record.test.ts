import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentialKeyText } from '../../src/credential/key.js';
import { CredentialState } from '../../src/state/credential-state.js';
import {
  formatKeptRecord,
  parseKeptRecord,
  readKeptRecords,
  type KeptRecord,
} from '../../src/state/kept-record.js';
import { FakeWorld } from '../renewal/fixtures.js';

const record: KeptRecord = {
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
    expect(parseKeptRecord(formatKeptRecord(record))).toEqual(record);
  });

  const change = (changes: object): string =>
    JSON.stringify({ ...(JSON.parse(formatKeptRecord(record)) as object), ...changes });
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
    expect(parseKeptRecord(text)).toBeUndefined();
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

  function of(clusterId: string, name = 'work'): KeptRecord {
    return { ...record, key: { ...record.key, identity: { kind: 'profile', name }, clusterId } };
  }

  function state({ key }: KeptRecord): CredentialState {
    return new CredentialState(credentialKeyText(key), world);
  }

  test('are those that were recorded and not forgotten', () => {
    for (const one of [of('eck-2'), of('eck-1'), of('eck-3')]) state(one).recordKept(one);
    state(of('eck-3')).forgetKept();
    expect(readKeptRecords(world)).toEqual([of('eck-1'), of('eck-2')]);
  });

  test('are the last that was recorded of each credential', () => {
    state(of('eck-1')).recordKept(of('eck-1'));
    const later = { ...of('eck-1'), fetchedAt: new Date('2026-03-02T00:00:00.000Z') };
    state(later).recordKept(later);
    expect(readKeptRecords(world)).toEqual([later]);
  });

  test('are told apart however long their names are', () => {
    const names = [`${'n'.repeat(300)}1`, `${'n'.repeat(300)}2`];
    for (const name of names) state(of('eck-1', name)).recordKept(of('eck-1', name));
    expect(new Set(readKeptRecords(world).map(({ key }) => credentialKeyText(key))).size).toBe(2);
  });

  test('are none where nothing was kept, and a damaged one is left out', () => {
    expect(readKeptRecords(world)).toEqual([]);
    state(of('eck-1')).recordKept(of('eck-1'));
    fs.mkdirSync(join(root, 'other'));
    fs.writeFileSync(join(root, 'other', 'kept.json'), '{');
    fs.writeFileSync(join(root, 'told-no-store'), '');
    expect(readKeptRecords(world)).toEqual([of('eck-1')]);
  });

  test('are not believed where others can write', () => {
    state(of('eck-1')).recordKept(of('eck-1'));
    fs.chmodSync(root, 0o777);
    expect(readKeptRecords(world)).toEqual([]);
  });
});

import { beforeEach, describe, expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  joinCredentials,
  ofTypedIdentity,
  readOwnContexts,
  selectCredentials,
  type CredentialEntry,
  type OwnContext,
} from '../../src/commands/cached-credentials.js';
import { settingsToFetch } from '../../src/commands/refresh.js';
import { statusOf } from '../../src/commands/status.js';
import type { CachedRecord } from '../../src/exec-credential/cached-record.js';
import type { Identity } from '../../src/identity.js';
import { readSettings } from '../../src/settings.js';
import type { World } from '../../src/world.js';
import { directory as home } from '../support/directory.js';
import { world as anyWorld } from './definitions.js';

const now = new Date('2026-03-01T12:00:00Z');
const hour = 3_600_000;
const hence = (hours: number): Date => new Date(now.getTime() + hours * hour);
const work: Identity = { kind: 'profile', name: 'work' };
const role = 'acs:ram::1:role/r';
const byKey: Identity = { kind: 'access-key', accessKeyId: 'LTAI5tKnown' };

let world: World;

beforeEach(() => {
  const environment = { ALIBABA_CLOUD_ACCESS_KEY_ID: 'LTAI5tKnown', ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'x' };
  world = { ...anyWorld, environment, homeDirectory: () => home, now: () => now };
});

function record(clusterId: string, identity: Identity, changes: Partial<CachedRecord> = {}): CachedRecord {
  return {
    key: { endpoint: { kind: 'default' }, identity, clusterId },
    store: 'file',
    places: [{ store: 'file', machine: '' }],
    certificateSubject: 'CN=someone',
    fetchedAt: hence(-1),
    notBefore: hence(-1),
    notAfter: hence(1000),
    ...changes,
  };
}

/** Reads contexts of one cluster and user each, from a kubeconfig in JSON. */
async function contextsOf(
  users: Readonly<Record<string, object>>,
  { current = '', cluster = {}, environment = {} } = {},
): Promise<OwnContext[]> {
  const names = Object.keys(users);
  const file = join(home, 'config');
  writeFileSync(
    file,
    JSON.stringify({
      'current-context': current,
      contexts: names.map((name) => ({ name, context: { cluster: 'c', user: name } })),
      clusters: [{ name: 'c', cluster: { server: 'https://192.0.2.1', ...cluster } }],
      users: names.map((name) => ({ name, user: users[name] })),
    }),
  );
  return readOwnContexts([file], { ...world, environment: { ...world.environment, ...environment } });
}

const exec = (args: readonly string[], more: object = {}): object => ({
  exec: { command: 'kubectl-eck', args, ...more },
});
const forCluster = (...args: string[]): object => exec(['exec-credential', '--cluster-id', ...args]);

describe('a context of this plugin', () => {
  test('has the settings that kubectl runs the plugin with: arguments, its own env, this environment', async () => {
    const env = [{ name: 'KUBECTL_ECK_PROFILE', value: 'entry' }];
    const args = ['exec-credential', '--cluster-id', 'eck-1', '--site=international'];
    const shell = { KUBECTL_ECK_PROFILE: 'shell', KUBECTL_ECK_STORE: 'file' };
    const contexts = await contextsOf({ edge: exec(args, { env }) }, { current: 'edge', environment: shell });
    expect(contexts).toMatchObject([
      {
        name: 'edge',
        isCurrent: true,
        clusterId: 'eck-1',
        settings: { profile: 'entry', store: 'file', endpoint: { kind: 'site', site: 'international' } },
        environment: { KUBECTL_ECK_PROFILE: 'entry' },
      },
    ]);
  });

  test.each<[string, object, object]>([
    ['get-credentials in the entry', exec(['get-credentials', '--cluster-id', 'eck-1']), {}],
    ['a cluster as an argument', exec(['get-credentials', 'eck-1']), {}],
    ['flags of an earlier version', forCluster('eck-1', '--connect-timeout', '3s'), {}],
    [
      'the id in the cluster',
      exec(['exec-credential']),
      { extensions: [{ name: 'client.authentication.k8s.io/exec', extension: { clusterId: 'eck-1' } }] },
    ],
  ])('is found with %s', async (_, user, cluster) => {
    expect(await contextsOf({ edge: user }, { cluster })).toMatchObject([{ clusterId: 'eck-1' }]);
  });

  test.each<[string, object]>([
    ['a token', { token: 'x' }],
    ['another program', { exec: { command: 'aws', args: ['exec-credential'] } }],
    ['unknown arguments', forCluster('eck-1', '--nonsense')],
    ['another command', exec(['list'])],
    ['wrong settings', forCluster('eck-1', '--store', 'pocket')],
    ['no cluster', exec(['exec-credential'])],
    ['no id of a cluster', forCluster('../eck')],
  ])('is none with %s', async (_, user) => {
    expect(await contextsOf({ edge: user })).toEqual([]);
  });
});

describe('records and contexts', () => {
  test('are joined by cache key, the current context first', async () => {
    const contexts = await contextsOf(
      {
        a: forCluster('eck-2', '--profile', 'work'),
        b: forCluster('eck-2', '--profile', 'work'),
        c: forCluster('eck-3'),
      },
      { current: 'b' },
    );
    const joined = await joinCredentials([record('eck-2', work), record('eck-1', byKey)], contexts, world);
    expect(joined.map((entry) => [entry.keyText, entry.record?.store, entry.contexts.map(({ name }) => name)])).toEqual(
      [
        ['eck-1@default/access-key%3ALTAI5tKnown', 'file', []],
        ['eck-2@default/profile%3Awork', 'file', ['b', 'a']],
        ['eck-3@default/access-key%3ALTAI5tKnown', undefined, ['c']],
      ],
    );
  });

  test('differ by endpoint, role, and the environment of an exec entry', async () => {
    const env = (name: string, value: string) => ({ env: [{ name, value }] });
    const args = ['exec-credential', '--cluster-id', 'eck-1'];
    const contexts = await contextsOf({
      a: exec(args),
      b: forCluster('eck-1', '--site', 'international'),
      c: forCluster('eck-1', '--role-arn', role),
      d: exec(args, env('ALIBABA_CLOUD_ACCESS_KEY_ID', 'LTAI5tEntry')),
      e: exec(args, env('KUBECTL_ECK_PROFILE', 'work')),
    });
    const joined = await joinCredentials([], contexts, world);
    expect(new Set(joined.map(({ keyText }) => keyText)).size).toBe(5);
  });
});

describe('of the credentials', () => {
  let entries: CredentialEntry[];
  const names = (selected: readonly CredentialEntry[]): string[] =>
    selected.map(({ key }) => `${key.clusterId} ${key.identity.kind}`);
  const select = (typed: string[], all = false): string[] => names(selectCredentials(entries, typed, all));

  beforeEach(async () => {
    const contexts = await contextsOf(
      { current: forCluster('eck-2', '--profile', 'work'), named: forCluster('eck-1', '--profile', 'work') },
      { current: 'current' },
    );
    const records = [record('eck-1', work), record('eck-1', byKey), record('eck-2', work)];
    entries = await joinCredentials(records, contexts, world);
  });

  test.each<[string[], boolean, string[]]>([
    [['eck-1'], false, ['eck-1 access-key', 'eck-1 profile']],
    [['named'], false, ['eck-1 profile']],
    [['named', 'eck-1'], false, ['eck-1 profile', 'eck-1 access-key']],
    [[], false, ['eck-2 profile']],
    [[], true, ['eck-1 access-key', 'eck-1 profile', 'eck-2 profile']],
  ])('the names %j (--all: %p) select %j', (typed, all, expected) => {
    expect(select(typed, all)).toEqual(expected);
  });

  test('a name with --all is wrong usage', () => {
    expect(() => select(['eck-1'], true)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  test('typed flags select those of an identity or endpoint', () => {
    expect(names(ofTypedIdentity(entries, {}))).toHaveLength(3);
    expect(names(ofTypedIdentity(entries, { profile: 'work' }))).toEqual(['eck-1 profile', 'eck-2 profile']);
    for (const flags of [{ profile: 'other' }, { site: 'international' }, { 'role-arn': role }]) {
      expect(() => ofTypedIdentity(entries, flags)).toThrow(expect.objectContaining({ code: 'not-cached' }));
    }
  });
});

describe('a credential is fetched again', () => {
  const settingsOf = async (cached: CachedRecord, typed: object = {}, contexts: OwnContext[] = []) => {
    const [entry] = await joinCredentials([cached], contexts, world);
    if (entry === undefined) throw new Error('no entry');
    return (await settingsToFetch(entry, readSettings(typed, world.environment), world))?.settings;
  };

  test('with the settings of its context, and the timeout of the command', async () => {
    const user = forCluster('eck-1', '--profile', 'work', '--store', 'kernel', '--timeout', '1m');
    const contexts = await contextsOf({ a: user });
    const settings = await settingsOf(record('eck-1', work), { timeout: '3s' }, contexts);
    expect(settings).toMatchObject({ profile: 'work', store: 'kernel', timeoutMs: 3000 });
  });

  test.each<[string, Identity, object, object | undefined]>([
    ['its profile and store', { ...work, assumedRole: role }, {}, { profile: 'work', store: 'file' }],
    ['the AccessKey of the environment', byKey, { profile: 'work' }, { profile: undefined }],
    ['no other AccessKey', { kind: 'access-key', accessKeyId: 'LTAI5tGone' }, {}, undefined],
    ['no other role', { kind: 'ecs-role', role: 'r' }, {}, undefined],
  ])('with %s', async (_, identity, typed, expected) => {
    const settings = await settingsOf(record('eck-1', identity), typed);
    if (expected === undefined) expect(settings).toBeUndefined();
    else expect(settings).toMatchObject(expected);
  });
});

test.each<[string, Partial<CachedRecord> | undefined, boolean, string]>([
  ['fresh', {}, true, 'ok'],
  ['old', { fetchedAt: hence(-13) }, true, 'due'],
  ['expired', { notAfter: now }, true, 'expired'],
  ['fresh without a context', {}, false, 'no context'],
  ['old without a context', { fetchedAt: hence(-13) }, false, 'no context'],
  ['expired without a context', { notAfter: now }, false, 'expired'],
  ['not there', undefined, true, 'not cached'],
])('the status of a credential that is %s', async (_, changes, hasContext, status) => {
  const contexts = hasContext ? await contextsOf({ a: forCluster('eck-1') }) : [];
  const records = changes === undefined ? [] : [record('eck-1', byKey, changes)];
  const [entry] = await joinCredentials(records, contexts, world);
  expect(entry && statusOf(entry, 12 * hour, now).status).toBe(status);
});

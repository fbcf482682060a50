import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Identity } from '../../src/identity.js';
import { fetchSettings } from '../../src/commands/cached-credentials.js';
import { knownCredentials, type KnownCredential } from '../../src/commands/cached-credentials.js';
import { ownContexts, type OwnContext } from '../../src/commands/cached-credentials.js';
import { forTyped, selectCredentials } from '../../src/commands/cached-credentials.js';
import { readSettings } from '../../src/settings.js';
import type { CachedRecord } from '../../src/exec-credential/records.js';
import { FakeWorld } from '../exec-credential/fixtures.js';

const accessKey = { ALIBABA_CLOUD_ACCESS_KEY_ID: 'LTAI5tKnown', ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'x' };

let home: string;
let world: FakeWorld;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'kubectl-eck-known-'));
  world = new FakeWorld({ ...accessKey }, home);
});

afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

function record(clusterId: string, identity: Identity): CachedRecord {
  const date = new Date('2026-03-01T12:00:00Z');
  return {
    key: { endpoint: { kind: 'default' }, identity, clusterId },
    store: 'file',
    certificateSubject: 'CN=someone',
    fetchedAt: date,
    notBefore: date,
    notAfter: date,
  };
}

/** Contexts as the user kubeconfig may have them: name, arguments behind the cluster's id, environment. */
function contexts(
  currentContext: string,
  ...entries: readonly [name: string, args: string[], environment?: Record<string, string>][]
): OwnContext[] {
  return ownContexts(
    {
      currentContext,
      contexts: entries.map(([name, args, execEnvironment = {}]) => ({
        name,
        file: 'config',
        clusterName: name,
        userName: name,
        namespace: undefined,
        server: undefined,
        isOwn: true,
        execArgs: ['exec-credential', '--cluster-id', ...args],
        execEnvironment,
        clusterInfoId: undefined,
      })),
    },
    world.environment,
  );
}

const work: Identity = { kind: 'profile', name: 'work' };
const byKey: Identity = { kind: 'access-key', accessKeyId: 'LTAI5tKnown' };

describe('the credentials known here', () => {
  test('are what was kept and what contexts ask for, each once, the current context first', async () => {
    const known = await knownCredentials(
      [record('eck-2', work), record('eck-1', byKey)],
      contexts(
        'b',
        ['a', ['eck-2', '--profile', 'work']],
        ['b', ['eck-2', '--profile', 'work']],
        ['c', ['eck-3']],
      ),
      world,
    );
    expect(
      known.map(({ account, record: kept, contexts: its }) => [
        account,
        kept !== undefined,
        its.map(({ name }) => name),
      ]),
    ).toEqual([
      ['eck-1@default/access-key%3ALTAI5tKnown', true, []],
      ['eck-2@default/profile%3Awork', true, ['b', 'a']],
      ['eck-3@default/access-key%3ALTAI5tKnown', false, ['c']],
    ]);
  });

  test('are told apart by endpoint, role, and the environment of an exec entry', async () => {
    const role = 'acs:ram::1:role/r';
    const known = await knownCredentials(
      [],
      contexts(
        '',
        ['a', ['eck-1']],
        ['b', ['eck-1', '--site', 'international']],
        ['c', ['eck-1', '--role-arn', role]],
        ['d', ['eck-1'], { ALIBABA_CLOUD_ACCESS_KEY_ID: 'LTAI5tEntry' }],
        ['e', ['eck-1'], { KUBECTL_ECK_PROFILE: 'work' }],
      ),
      world,
    );
    expect(new Set(known.map(({ account }) => account)).size).toBe(5);
    expect(known.map(({ key }) => key.identity)).toEqual(
      expect.arrayContaining([{ kind: 'access-key', accessKeyId: 'LTAI5tEntry' }, work]),
    );
  });
});

describe('of the known credentials', () => {
  let known: KnownCredential[];
  const names = (selected: readonly KnownCredential[]) =>
    selected.map(({ key }) => `${key.clusterId} ${key.identity.kind}`);
  const select = (typed: string[], all = false) =>
    names(selectCredentials(known, { names: typed, all, command: 'refresh' }));

  beforeEach(async () => {
    known = await knownCredentials(
      [record('eck-1', work), record('eck-1', byKey), record('eck-2', work)],
      contexts(
        'current',
        ['current', ['eck-2', '--profile', 'work']],
        ['named', ['eck-1', '--profile', 'work']],
      ),
      world,
    );
  });

  test('a cluster’s id means all of the cluster, and a context’s name the one that it asks for', () => {
    expect(select(['eck-1'])).toEqual(['eck-1 access-key', 'eck-1 profile']);
    expect(select(['named'])).toEqual(['eck-1 profile']);
    expect(select(['named', 'eck-1'])).toEqual(['eck-1 profile', 'eck-1 access-key']);
  });

  test('no name means the current context, and --all every one', () => {
    expect(select([])).toEqual(['eck-2 profile']);
    expect(select([], true)).toHaveLength(3);
  });

  test.each<[string, string[], boolean, string]>([
    ['a name that nothing is known of', ['eck-9'], false, 'not-cached'],
    ['a name and --all', ['eck-1'], true, 'usage'],
  ])('%s is an error', (_, typed, all, code) => {
    expect(() => select(typed, all)).toThrow(expect.objectContaining({ code }));
  });

  test('no name is an error where the current context is somebody else’s', () => {
    known = known.map((credential) => ({ ...credential, contexts: [] }));
    expect(() => select([])).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  test.each<[Record<string, string>, string[]]>([
    [{}, ['eck-1 access-key', 'eck-1 profile', 'eck-2 profile']],
    [{ profile: 'work' }, ['eck-1 profile', 'eck-2 profile']],
    [{ profile: 'other' }, []],
    [{ site: 'international' }, []],
    [{ 'role-arn': 'acs:ram::1:role/r' }, []],
  ])('typed flags choose by who and where: %j', (typed, chosen) => {
    expect(names(forTyped(known, typed))).toEqual(chosen);
  });
});

describe('a known credential is fetched again', () => {
  const settingsOf = async (
    kept: CachedRecord,
    typed: Record<string, string> = {},
    its: OwnContext[] = [],
  ) => {
    const [credential] = await knownCredentials([kept], its, world);
    if (credential === undefined) throw new Error('it is not known');
    return (await fetchSettings(credential, readSettings(typed, world.environment), world))?.settings;
  };

  test('with the settings of its context, and the patience of the command', async () => {
    const its = contexts('', ['a', ['eck-1', '--profile', 'work', '--store', 'kernel', '--timeout', '1m']]);
    expect(await settingsOf(record('eck-1', work), { timeout: '3s' }, its)).toMatchObject({
      profile: 'work',
      store: 'kernel',
      timeoutMs: 3000,
    });
  });

  test('with the profile and the store that it was kept with', async () => {
    expect(
      await settingsOf({ ...record('eck-1', { ...work, assumedRole: 'acs:ram::1:role/r' }) }),
    ).toMatchObject({
      profile: 'work',
      roleArn: 'acs:ram::1:role/r',
      store: 'file',
    });
  });

  test('as the AccessKey of the environment, whatever profile was named', async () => {
    expect(await settingsOf(record('eck-1', byKey), { profile: 'work' })).toMatchObject({
      profile: undefined,
    });
  });

  test('not as somebody who is not here', async () => {
    expect(
      await settingsOf(record('eck-1', { kind: 'access-key', accessKeyId: 'LTAI5tGone' })),
    ).toBeUndefined();
    expect(await settingsOf(record('eck-1', { kind: 'ecs-role', role: 'r' }))).toBeUndefined();
  });
});

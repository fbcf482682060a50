import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { once } from 'node:events';
import fs from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkClientCredential } from '../../src/credential/check.js';
import type { ClientCredential } from '../../src/credential/client-credential.js';
import { cacheKeyText, type CacheKey } from '../../src/credential/cache-key.js';
import type { ErrorCode } from '../../src/errors.js';
import { noStore } from '../../src/store/no-store.js';
import { StoreError, type Store } from '../../src/store/store.js';
import { renew, type Renewal } from '../../src/exec-credential/renew.js';
import { readSettings, type Settings } from '../../src/settings.js';
import { CredentialRecords } from '../../src/exec-credential/records.js';
import { CertificateAuthority } from '../support/certificate-authority.js';
import { ensErrors, type EnsErrorClass } from '../support/ens-errors.js';
import { apiError, type EnsFault } from '../support/ens-faults.js';
import { EnsServer } from '../support/ens-server.js';
import { FakeWorld, MemoryStore } from './fixtures.js';

const second = 1000;
const hour = 3_600_000;
const key = keyOf('eck-1');
const account = cacheKeyText(key);
const identity = {
  accessKeyId: 'LTAI5tRenewalTest',
  accessKeySecret: 'a secret of the renewal test',
  name: 'someone',
};
const identityVariables = {
  ALIBABA_CLOUD_ACCESS_KEY_ID: identity.accessKeyId,
  ALIBABA_CLOUD_ACCESS_KEY_SECRET: identity.accessKeySecret,
  ALIBABA_CLOUD_ECS_METADATA_DISABLED: 'true',
};
/** The SDK reads the environment of the process, whatever the world says. */
const otherVariables = [
  'ALIBABA_CLOUD_SECURITY_TOKEN',
  'ALIBABA_CLOUD_CREDENTIALS_URI',
  'ALIBABA_CLOUD_PROFILE',
];

let authority: CertificateAuthority;
let pem: { certificate: string; privateKey: string };
let ens: EnsServer;
let scratch: string;
let world: FakeWorld;
let store: MemoryStore;
/** What is kept when a test begins: fetched a day ago, and valid for years. */
let kept: ClientCredential;
/** The clock at the beginning of a test. It stands still unless a test moves it. */
let start: Date;
const environmentBefore = { ...process.env };

beforeAll(async () => {
  authority = await CertificateAuthority.create({ name: 'renewal-test' });
  const { certificatePem, privateKeyPem } = await authority.issue({ commonName: 'someone' });
  pem = { certificate: certificatePem, privateKey: privateKeyPem };
});

beforeEach(async () => {
  ens = await EnsServer.start({
    identities: [identity],
    clusters: [{ clusterId: 'eck-1', authority, server: 'https://127.0.0.1:6443' }],
  });
  scratch = fs.mkdtempSync(join(tmpdir(), 'kubectl-eck-'));
  useEnvironment(identityVariables);
  start = new Date();
  kept = { ...checkClientCredential(pem, start), fetchedAt: before(24 * hour) };
  store = new MemoryStore();
  store.put(account, kept);
});
afterEach(async () => {
  useEnvironment({});
  Object.assign(process.env, environmentBefore);
  await ens.stop();
  fs.rmSync(scratch, { recursive: true, force: true });
});
afterAll(() => {
  expect(process.env).toEqual(environmentBefore);
});

function keyOf(clusterId: string): CacheKey {
  return { endpoint: { kind: 'default' }, identity: { kind: 'profile', name: 'me' }, clusterId };
}

function before(ms: number): Date {
  return new Date(start.getTime() - ms);
}

/** Gives this process, and the world, these variables of an identity and no others. */
function useEnvironment(variables: Readonly<Record<string, string>>): void {
  for (const name of [...Object.keys(identityVariables), ...otherVariables])
    Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, variables);
  world = new FakeWorld({ ...variables, KUBECACHEDIR: join(scratch, 'cache') }, scratch);
  world.clock = () => start;
}

/** With time enough, so that what fails is not the time. */
function settings(overrides: Partial<Settings> = {}): Settings {
  return {
    ...readSettings({ endpoint: ens.endpoint, store: 'keychain', 'max-age': '12h', timeout: '20s' }, {}),
    ...overrides,
  };
}

/** For failures that are tried again until there is no time left. */
const hurry = { timeoutMs: 1200, readTimeoutMs: 1100 };

/** Each has a state of its own, as processes do. */
function renewal(overrides: Partial<Renewal> = {}, into: Store = store): Promise<ClientCredential> {
  return renew(
    { key, settings: settings(), cached: kept, refused: false, ...overrides },
    { store: into, records: state() },
    world,
  );
}

function state(of = account): CredentialRecords {
  return new CredentialRecords(of, world);
}

/** The files of the state, locks among them. */
function stateFiles(): string[] {
  return fs.readdirSync(join(state().lockFile ?? '', '..'));
}

describe('a renewal', () => {
  test('fetches a credential, keeps it and says nothing', async () => {
    const credential = await renewal();
    expect(credential.fetchedAt).toEqual(start);
    expect(store.kept(account)).toEqual(credential);
    expect(store.changes).toEqual([`write ${account}`]);
    expect(ens.log).toMatchObject([
      {
        action: 'DescribeClusterUserKubeconfig',
        params: { ClusterId: 'eck-1', PrivateIpAddress: 'false' },
        outcome: 'answered',
      },
    ]);
    expect(world.warnings).toEqual([]);
  });

  test('is remembered, and its lock is given back', async () => {
    await renewal();
    expect(state().lastRenewal()).toEqual({ finishedAt: start });
    expect(stateFiles()).toEqual(['kept.json', 'renewal.json']);
  });

  test('fetches where nothing is kept', async () => {
    store.entries.clear();
    const credential = await renewal({ cached: undefined });
    expect(store.kept(account)).toEqual(credential);
  });

  test('sweeps the marks of processes that have ended', async () => {
    state().noteServed({ processId: 2 ** 30, startedAt: '1' }, { fetchedAt: start, expiration: start });
    await renewal();
    expect(stateFiles()).toEqual(['kept.json', 'renewal.json']);
  });

  test('is made without a lock where there can be none, with one warning', async () => {
    fs.writeFileSync(join(scratch, 'cache'), '');
    const credential = await renewal();
    expect(store.kept(account)).toEqual(credential);
    expect(world.warnings).toHaveLength(1);
  });

  test('tells of a certificate that is not valid yet, and serves it', async () => {
    const begins = start.getTime() + hour;
    ens.issuing = { backdatingMs: -hour };
    const credential = await renewal();
    expect(Math.abs(credential.notBefore.getTime() - begins)).toBeLessThan(10 * second);
    expect(store.kept(account)).toEqual(credential);
    expect(world.warnings).toEqual([expect.stringContaining(credential.notBefore.toISOString())]);
  });

  test('that was made because of a refusal is remembered as such, also by later ones', async () => {
    await renewal({ refused: true });
    expect(state().lastRenewal()).toEqual({ finishedAt: start, repairedAt: start });
    const first = start;
    start = new Date(start.getTime() + hour);
    await renewal({ cached: store.kept(account) });
    expect(state().lastRenewal()).toEqual({ finishedAt: start, repairedAt: first });
  });

  test('that was made because of a refusal and failed is remembered as such', async () => {
    ens.failNext('always', apiError('InternalError'));
    await renewal({ refused: true, settings: settings(hurry) });
    expect(state().lastRenewal()).toMatchObject({ repairedAt: start, failure: { code: 'ens-unavailable' } });
  });
});

describe('a failure', () => {
  type Outcome = 'serves what is kept' | 'deletes what is kept and fails';
  const outcomes: Record<EnsErrorClass, { readonly code: ErrorCode; readonly outcome: Outcome }> = {
    'who-are-you': { code: 'ens-unauthenticated', outcome: 'deletes what is kept and fails' },
    'not-allowed': { code: 'ens-not-allowed', outcome: 'deletes what is kept and fails' },
    'no-such-cluster': { code: 'ens-cluster-not-found', outcome: 'deletes what is kept and fails' },
    clock: { code: 'ens-clock-skew', outcome: 'serves what is kept' },
    'slow-down': { code: 'ens-throttled', outcome: 'serves what is kept' },
    'try-again': { code: 'ens-unavailable', outcome: 'serves what is kept' },
    other: { code: 'ens-refused', outcome: 'serves what is kept' },
  };
  /** 404 and no code that says what it is that was not found. */
  const unclear = new Set(['InvalidAction.NotFound']);
  const apiFaults = Object.entries(ensErrors)
    .filter(([code]) => !unclear.has(code))
    .map(([code, { class: errorClass }]) => ({
      name: code,
      fault: apiError(code),
      ...outcomes[errorClass],
    }));
  const transportFaults = (
    [
      { kind: 'hang' },
      { kind: 'reset' },
      { kind: 'reset-mid-body' },
      { kind: 'garbage' },
      { kind: 'html-502' },
      { kind: 'empty' },
      { kind: 'truncated-json' },
      { kind: 'slow', delayMs: 5000 },
    ] as const satisfies EnsFault[]
  ).map((fault) => ({ name: fault.kind, fault, ...outcomes['try-again'] }));
  const badAnswers = [
    {
      name: 'huge',
      fault: { kind: 'huge', mebibytes: 3 } as EnsFault,
      code: 'ens-answer-invalid' as const,
      outcome: outcomes.clock.outcome,
    },
    {
      name: 'config',
      fault: { kind: 'config', value: 'no: kubeconfig' } as EnsFault,
      code: 'issued-kubeconfig-invalid' as const,
      outcome: outcomes.clock.outcome,
    },
    {
      name: 'no config',
      fault: { kind: 'config', value: undefined } as EnsFault,
      code: 'issued-kubeconfig-invalid' as const,
      outcome: outcomes.clock.outcome,
    },
  ];
  const cases = [...apiFaults, ...transportFaults, ...badAnswers];
  /** What is tried again must end soon; all else has the time that it needs. */
  const settingsFor = (code: ErrorCode) =>
    settings(code === 'ens-unavailable' || code === 'ens-throttled' ? hurry : {});

  test.each(cases)('$name $outcome', async ({ fault, code, outcome }) => {
    ens.failNext('always', fault);
    const renewed = renewal({ settings: settingsFor(code) });
    if (outcome === 'serves what is kept') {
      await expect(renewed).resolves.toBe(kept);
      expect(store.kept(account)).toEqual(kept);
      expect(store.changes).toEqual([]);
      expect(world.warnings).toEqual([expect.stringContaining(`[${code}]`)]);
      expect(world.warnings[0]).toContain(kept.notAfter.toISOString());
      expect(world.warnings[0]).not.toContain('\n');
    } else {
      await expect(renewed).rejects.toMatchObject({ code });
      expect(store.kept(account)).toBeUndefined();
      expect(store.changes).toEqual([`delete ${account}`]);
      expect(world.warnings).toEqual([]);
    }
    expect(state().lastRenewal()).toMatchObject({ finishedAt: start, failure: { code } });
    expect(stateFiles()).toEqual(['renewal.json']);
  });

  test.each(['Throttling', 'InternalError', 'InvalidTimeStamp.Expired', 'Forbidden.RAM'] as const)(
    '%s never serves a certificate that has expired',
    async (code) => {
      kept = { ...kept, notAfter: start };
      ens.failNext('always', apiError(code));
      await expect(renewal({ settings: settings(hurry) })).rejects.toMatchObject({
        code: outcomes[ensErrors[code].class].code,
      });
      expect(world.warnings).toEqual([]);
    },
  );

  test('never serves a certificate that has expired meanwhile', async () => {
    world.clock = () => (ens.calls() === 0 ? start : kept.notAfter);
    ens.failNext('always', apiError('InternalError'));
    await expect(renewal({ settings: settings(hurry) })).rejects.toMatchObject({ code: 'ens-unavailable' });
  });

  test('where nothing is kept is an error', async () => {
    await ens.stop();
    await expect(renewal({ cached: undefined, settings: settings(hurry) })).rejects.toMatchObject({
      code: 'ens-unavailable',
    });
    expect(world.warnings).toEqual([]);
  });

  test('for a moment is not noticed', async () => {
    ens.failNext(1, apiError('ServiceUnavailable'));
    const credential = await renewal();
    expect(credential.fetchedAt).toEqual(start);
    expect(ens.calls()).toBe(2);
    expect(world.warnings).toEqual([]);
    expect(state().lastRenewal()).toEqual({ finishedAt: start });
  });

  test('deletes what is kept of its own account only', async () => {
    const other = cacheKeyText(keyOf('eck-2'));
    store.put(other, kept);
    state(other).noteRenewal({ finishedAt: start });
    ens.failNext('always', apiError('Forbidden.RAM'));
    await expect(renewal()).rejects.toMatchObject({ code: 'ens-not-allowed' });
    expect([...store.entries.keys()]).toEqual([other]);
    expect(state(other).lastRenewal()).toEqual({ finishedAt: start });
  });

  test('is told as such where what is kept cannot be deleted', async () => {
    store.delete = () => Promise.reject(new StoreError('keychain', 'keychain-locked', 'locked'));
    ens.failNext('always', apiError('Forbidden.RAM'));
    await expect(renewal()).rejects.toMatchObject({ code: 'ens-not-allowed' });
  });

  test('of a revoked AccessKey takes away what a removed permission takes away', async () => {
    ens.removeIdentity(identity.accessKeyId);
    await expect(renewal()).rejects.toMatchObject({ code: 'ens-unauthenticated' });
    expect(store.entries.size).toBe(0);
  });

  test('that is a defect of the program is neither served nor recorded', async () => {
    store.save = () => Promise.reject(new TypeError('a defect'));
    await expect(renewal()).rejects.toThrow('a defect');
    expect(state().lastRenewal()).toBeUndefined();
    expect(stateFiles()).toEqual([]);
  });
});

describe('without an identity that works', () => {
  test.each<[string, Partial<Settings>, ErrorCode]>([
    ['one that is not there', {}, 'identity-not-found'],
    ['a profile that is not there', { profile: 'nobody' }, 'identity-unusable'],
  ])('%s neither serves nor deletes', async (_, who, code) => {
    useEnvironment({ ALIBABA_CLOUD_ECS_METADATA_DISABLED: 'true' });
    await expect(renewal({ settings: settings(who) })).rejects.toMatchObject({ code });
    expect(store.changes).toEqual([]);
    expect(world.warnings).toEqual([]);
    expect(ens.calls()).toBe(0);
  });

  test('and without an answer to where it comes from, what is kept is served', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    useEnvironment({
      ALIBABA_CLOUD_ECS_METADATA_DISABLED: 'true',
      ALIBABA_CLOUD_CREDENTIALS_URI: `http://127.0.0.1:${port}/`,
    });
    await expect(renewal()).resolves.toBe(kept);
    expect(store.changes).toEqual([]);
    expect(world.warnings).toEqual([expect.stringContaining('[identity-unavailable]')]);
  });

  test('and with a refusal of the sign-in, what is kept is deleted', async () => {
    const refusing = createServer((_, response) => {
      response.writeHead(403, { 'content-type': 'application/json' }).end('{"Code":"NoPermission"}');
    }).listen(0, '127.0.0.1');
    await once(refusing, 'listening');
    try {
      useEnvironment({
        ALIBABA_CLOUD_ECS_METADATA_DISABLED: 'true',
        ALIBABA_CLOUD_CREDENTIALS_URI: `http://127.0.0.1:${(refusing.address() as AddressInfo).port}/`,
      });
      await expect(renewal()).rejects.toMatchObject({ code: 'identity-refused' });
    } finally {
      refusing.closeAllConnections();
      refusing.close();
    }
    expect(store.changes).toEqual([`delete ${account}`]);
  });
});

describe('after an outage', () => {
  const failure = { code: 'ens-unavailable', message: 'ENS is down' } as const;

  test.each([
    { agoMs: 0, calls: 0 },
    { agoMs: 59_999, calls: 0 },
    { agoMs: 60_000, calls: 1 },
    { agoMs: hour, calls: 1 },
    // The clock was set back. How long ago it was is anyone's guess.
    { agoMs: -1, calls: 1 },
    { agoMs: -hour, calls: 1 },
  ])('of $agoMs ms ago, ENS is called $calls times', async ({ agoMs, calls }) => {
    state().noteRenewal({ finishedAt: before(agoMs), failure });
    const credential = await renewal();
    expect(ens.calls()).toBe(calls);
    if (calls > 0) {
      expect(credential.fetchedAt).toEqual(start);
      expect(world.warnings).toEqual([]);
    } else {
      expect(credential).toBe(kept);
      expect(world.warnings).toEqual([expect.stringMatching(/ENS is down.*\[ens-unavailable\]/)]);
      expect(store.changes).toEqual([]);
    }
  });

  test('nobody begins anew to count the minute', async () => {
    const finishedAt = before(30_000);
    state().noteRenewal({ finishedAt, failure });
    await renewal();
    expect(state().lastRenewal()?.finishedAt).toEqual(finishedAt);
  });

  test.each<[ErrorCode, number]>([
    ['ens-throttled', 0],
    ['ens-unavailable', 0],
    ['identity-unavailable', 0],
    ['proxy-refused', 0],
    ['network-untrusted', 0],
    ['ens-unauthenticated', 1],
    ['ens-not-allowed', 1],
    ['ens-cluster-not-found', 1],
    ['identity-refused', 1],
    ['identity-not-found', 1],
    ['identity-unusable', 1],
  ])('by %s a moment ago, ENS is called %d times', async (code, calls) => {
    state().noteRenewal({ finishedAt: before(second), failure: { code, message: 'no' } });
    await renewal();
    expect(ens.calls()).toBe(calls);
  });

  test.each([
    ['nothing is kept', () => undefined],
    ['what is kept has expired', () => ({ ...kept, notAfter: start })],
  ])('ENS is called where %s', async (_, instead) => {
    state().noteRenewal({ finishedAt: before(second), failure });
    await renewal({ cached: instead() });
    expect(ens.calls()).toBe(1);
  });

  test('of another cluster, ENS is called for this one', async () => {
    state(cacheKeyText(keyOf('eck-2'))).noteRenewal({ finishedAt: before(second), failure });
    await renewal();
    expect(ens.calls()).toBe(1);
  });
});

describe('many at a time', () => {
  const many = (overrides: Partial<Renewal> = {}, into?: Store) =>
    Promise.allSettled(Array.from({ length: 10 }, () => renewal(overrides, into)));

  test('call ENS once, write once, and all get the same credential', async () => {
    ens.latencyMs = 200;
    const results = await many();
    expect(ens.calls()).toBe(1);
    const credential = store.kept(account);
    expect(credential?.fetchedAt).toEqual(start);
    expect(results).toEqual(results.map(() => ({ status: 'fulfilled', value: credential })));
    expect(store.changes).toEqual([`write ${account}`]);
    expect(stateFiles()).toEqual(['kept.json', 'renewal.json']);
  });

  test('call ENS once where nothing is kept', async () => {
    store.entries.clear();
    ens.latencyMs = 200;
    const results = await many({ cached: undefined });
    expect(ens.calls()).toBe(1);
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['fulfilled']));
  });

  test('are refused together by one call', async () => {
    ens.latencyMs = 200;
    ens.failNext('always', apiError('Forbidden.RAM'));
    const results = await many();
    expect(ens.calls()).toBe(1);
    for (const result of results) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'ens-not-allowed' } });
    }
    expect(store.changes).toEqual([`delete ${account}`]);
  });

  test('are served what is kept together, each with a warning, after one failure', async () => {
    ens.latencyMs = 200;
    ens.failNext('always', apiError('InvalidTimeStamp.Expired'));
    const results = await many();
    expect(ens.calls()).toBe(1);
    expect(results).toEqual(results.map(() => ({ status: 'fulfilled', value: kept })));
    expect(world.warnings).toHaveLength(10);
  });

  test('fetch each its own for different clusters', async () => {
    ens.putCluster({ clusterId: 'eck-2', authority, server: 'https://127.0.0.1:6443' });
    await Promise.all([renewal(), renewal({ key: keyOf('eck-2') })]);
    expect(ens.log.map(({ params }) => params['ClusterId']).sort()).toEqual(['eck-1', 'eck-2']);
  });
});

describe('one that comes later', () => {
  test('takes what was kept meanwhile, without a call', async () => {
    const newer = { ...kept, fetchedAt: before(second) };
    store.put(account, newer);
    await expect(renewal()).resolves.toEqual(newer);
    expect(ens.calls()).toBe(0);
    expect(store.changes).toEqual([]);
  });

  test('does not take what is due for renewal itself', async () => {
    store.put(account, { ...kept, fetchedAt: before(13 * hour) });
    expect((await renewal()).fetchedAt).toEqual(start);
  });

  test('does not take what cannot be understood', async () => {
    store.entries.set(account, Buffer.from('garbage'));
    const credential = await renewal();
    expect(credential.fetchedAt).toEqual(start);
    expect(store.kept(account)).toEqual(credential);
  });
});

test('one whose lock was taken away meanwhile serves what it got, and keeps nothing', async () => {
  ens.latencyMs = 200;
  const renewed = renewal();
  await Promise.race([ens.waitForCalls(1), renewed]);
  fs.rmSync(state().lockFile ?? '');
  fs.writeFileSync(state().lockFile ?? '', "another's");
  expect((await renewed).fetchedAt).toEqual(start);
  expect(store.changes).toEqual([]);
  expect(fs.readFileSync(state().lockFile ?? '', 'utf8')).toBe("another's");
});

describe('where nothing keeps credentials', () => {
  test('by itself, the person is told once', async () => {
    const all = { kept: undefined, settings: settings({ store: 'auto' }) };
    await renewal(all, noStore);
    expect(world.warnings).toEqual([expect.stringContaining('--store file')]);
    await renewal(all, noStore);
    expect(world.warnings).toHaveLength(1);
    expect(ens.calls()).toBe(2);
  });

  test('because the person wants it so, nobody is told', async () => {
    await renewal({ cached: undefined, settings: settings({ store: 'none' }) }, noStore);
    expect(world.warnings).toEqual([]);
  });
});

test('a person at a terminal hears why it takes so long', async () => {
  world.isTerminal = () => true;
  const heard = new Promise<string>((resolve) => {
    jest.spyOn(world, 'warn').mockImplementation(resolve);
  });
  ens.failNext(1, apiError('ServiceUnavailable'));
  ens.failNext(1, { kind: 'slow', delayMs: 2500 });
  const renewed = renewal({ cached: undefined });
  await expect(Promise.race([heard, renewed])).resolves.toMatch(/eck-1.*ServiceUnavailable/);
  await renewed;
});

import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { cacheKeyText, type CacheKey } from '../../src/credential/cache-key.js';
import type { ClientCredential } from '../../src/credential/client-credential.js';
import { EckError, formatDateTime, type ErrorCode } from '../../src/errors.js';
import { saveCredential } from '../../src/exec-credential/cache.js';
import { placeHere } from '../../src/exec-credential/cached-record.js';
import { CredentialRecords } from '../../src/exec-credential/records.js';
import { renew, type Renewal } from '../../src/exec-credential/renew.js';
import { readSettings } from '../../src/settings.js';
import { StoreError, type Store } from '../../src/store/store.js';
import { directory } from '../support/directory.js';
import { FakeWorld, issueCredential, MemoryStore } from './fixtures.js';

/** ENS: it issues a credential, or fails, after `latencyMs`. */
const ens = {
  calls: 0,
  latencyMs: 0,
  failure: undefined as unknown,
  notBefore: undefined as Date | undefined,
  signIn: () => Promise.resolve({}),
  async issue(...[, , , rules]: [unknown, unknown, unknown, { onRetry(error: EckError): void }]) {
    ens.calls += 1;
    if (ens.latencyMs > 0) rules.onRetry(new EckError('ens-unavailable', 'no answer'));
    await new Promise((resolve) => setTimeout(resolve, ens.latencyMs));
    if (ens.failure !== undefined) throw ens.failure as Error;
    const credential = { ...cached, fetchedAt: start, notBefore: ens.notBefore ?? cached.notBefore };
    return { credential, cluster: { server: 'https://192.0.2.1', certificateAuthorityPem: 'PEM' } };
  },
};
jest.mock('../../src/ens/client.js', () => ({ openClient: () => ens.signIn() }));
jest.mock('../../src/ens/actions.js', () => ({
  issueCredential: (...args: Parameters<typeof ens.issue>) => ens.issue(...args),
}));

const hour = 3_600_000;
const key: CacheKey = {
  endpoint: { kind: 'default' },
  identity: { kind: 'profile', name: 'me' },
  clusterId: 'eck-1',
};
const keyText = cacheKeyText(key);
const settings = readSettings({ store: 'keychain' }, {});
let start: Date;
let world: FakeWorld;
let store: MemoryStore;
/** Due since it is a day old, and valid for years. */
let cached: ClientCredential;

beforeAll(async () => {
  start = new Date();
  cached = { ...(await issueCredential(start)), fetchedAt: before(24 * hour) };
});
beforeEach(() => {
  const signIn = (): Promise<object> => Promise.resolve({});
  Object.assign(ens, { calls: 0, latencyMs: 0, failure: undefined, notBefore: undefined, signIn });
  world = new FakeWorld({ KUBECACHEDIR: join(directory, 'cache') }, directory);
  world.clock = () => start;
  store = new MemoryStore();
  store.put(keyText, cached);
});
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

function before(ms: number): Date {
  return new Date(start.getTime() - ms);
}

function records(): CredentialRecords {
  return new CredentialRecords(keyText, world);
}

/** Renews as a new process does. */
function renewal(overrides: Partial<Renewal> = {}, into: Store = store): Promise<ClientCredential> {
  const cache = { store: into, records: records() };
  return renew({ key, settings, cached, ...overrides }, cache, world);
}

const files = (): string[] => fs.readdirSync(dirname(records().lockFile ?? ''));
const fail = (code: ErrorCode): EckError => (ens.failure = new EckError(code, 'no', { fix: 'do it' }));

describe('a renewal', () => {
  test.each([true, false])('saves the credential and records it; one is cached: %s', async (hasCached) => {
    records().noteServed({ processId: 2 ** 30, startedAt: '1' }, { fetchedAt: start, expiration: start });
    const credential = await renewal(hasCached ? {} : { cached: undefined });
    expect(credential.fetchedAt).toEqual(start);
    expect(store.cached(keyText)).toEqual(credential);
    expect(records().lastRenewal()).toEqual({ finishedAt: start });
    expect(files()).toEqual(['record.json', 'renewal.json']);
    expect(world.warnings).toEqual([]);
  });

  test('serves a certificate that is not valid yet, with a warning', async () => {
    ens.notBefore = before(-hour);
    expect((await renewal()).notBefore).toEqual(ens.notBefore);
    expect(world.warnings).toEqual([expect.stringContaining(formatDateTime(ens.notBefore))]);
  });

  test('of a rejected certificate is recorded as a repair, for later renewals too', async () => {
    const first = start;
    await renewal({ doubt: 'rejected' });
    expect(records().lastRenewal()).toEqual({ finishedAt: first, repairedAt: first });
    world.clock = () => new Date(first.getTime() + hour);
    fail('ens-unavailable');
    await renewal({ cached: store.cached(keyText) });
    expect(records().lastRenewal()).toMatchObject({ finishedAt: world.now(), repairedAt: first });
  });

  test.each<[string, Partial<ClientCredential> | Uint8Array, boolean]>([
    ['is fresh', { fetchedAt: new Date() }, true],
    ['is due', { fetchedAt: new Date(Date.now() - 13 * hour) }, false],
    ['cannot be understood', Buffer.from('garbage'), false],
  ])('uses what another process saved meanwhile if it %s', async (_, saved, isUsed) => {
    if (saved instanceof Uint8Array) store.entries.set(keyText, saved);
    else store.put(keyText, { ...cached, ...saved });
    const { fetchedAt } = await renewal();
    expect(ens.calls).toBe(isUsed ? 0 : 1);
    if (!isUsed) expect(fetchedAt).toEqual(start);
  });

  test.each(['success', 'failure'])('whose lock was taken over changes nothing, after a %s', async (end) => {
    ens.latencyMs = 50;
    if (end === 'failure') fail('ens-not-allowed');
    const renewed = renewal().catch((error: unknown) => error);
    while (ens.calls === 0) await new Promise((resolve) => setImmediate(resolve));
    const lock = records().lockFile ?? '';
    fs.rmSync(lock);
    fs.writeFileSync(lock, "another's");
    expect(await renewed).toEqual(end === 'failure' ? ens.failure : expect.objectContaining({ fetchedAt: start }));
    expect(store.changes).toEqual([]);
    expect(fs.readFileSync(lock, 'utf8')).toBe("another's");
  });
});

test('a logout during the save deletes what is saved, and its lost record does not matter', async () => {
  const { save } = store;
  store.save = (name, entry) => {
    records().remove();
    records().noteEnding({ reason: 'logout', at: start });
    return save(name, entry);
  };
  await renewal();
  expect(store.entries.size).toBe(0);
  expect(records().ending()).toEqual({ reason: 'logout', at: start });
});

test('a copy that was cached before a refusal is not what another process saved meanwhile', async () => {
  records().noteEnding({ reason: 'refusal', at: before(hour) });
  expect((await renewal({ cached: undefined })).fetchedAt).toEqual(start);
  expect(ens.calls).toBe(1);
  expect(records().ending()).toBeUndefined();
});

test('a full store deletes another temporary credential, and not the record of the one that is saved', async () => {
  const temporary = (accessKeyId: string, fetchedAt: Date): CredentialRecords => {
    const itsKey: CacheKey = { ...key, identity: { kind: 'access-key', accessKeyId } };
    const its = new CredentialRecords(cacheKeyText(itsKey), world);
    const place = placeHere('file');
    const { notBefore, notAfter } = cached;
    const dates = { fetchedAt, notBefore, notAfter };
    its.noteSaved({ key: itsKey, store: 'file', places: [place], certificateSubject: '', ...dates });
    return its;
  };
  const [own, other] = [temporary('STS.own', before(2 * hour)), temporary('STS.other', start)];
  store.save = () => Promise.reject(new StoreError('kernel', 'keychain-full', 'full'));
  const itsKey: CacheKey = { ...key, identity: { kind: 'access-key', accessKeyId: 'STS.own' } };
  const apiServer = { server: 'https://192.0.2.1', certificateAuthorityPem: 'PEM', privateIp: false };
  const renewed = { ...cached, fetchedAt: start };
  const saving = saveCredential(itsKey, renewed, { apiServer }, { store, records: own }, world);
  await expect(saving).rejects.toMatchObject({ code: 'keychain-full' });
  expect([own.lastSaved(), other.lastSaved()]).toEqual([expect.anything(), undefined]);
});

test('a process whose lock was taken over before its call makes none, and waits again', async () => {
  const saved = { ...cached, fetchedAt: start };
  ens.signIn = () => {
    const lock = records().lockFile ?? '';
    fs.rmSync(lock);
    fs.writeFileSync(lock, "another's");
    setTimeout(() => {
      store.put(keyText, saved);
      records().noteRenewal({ finishedAt: start });
    }, 50);
    return Promise.resolve({});
  };
  expect((await renewal()).fetchedAt).toEqual(start);
  expect(ens.calls).toBe(0);
  expect(store.changes).toEqual([]);
});

describe('a failure', () => {
  const outages: ErrorCode[] = [
    ...(['ens-unavailable', 'ens-throttled', 'ens-clock-skew', 'ens-refused', 'ens-answer-invalid'] as const),
    ...(['issued-kubeconfig-invalid', 'identity-unavailable', 'proxy-refused', 'network-untrusted'] as const),
  ];
  test.each<[ErrorCode, 'serves' | 'deletes' | 'fails']>([
    ...outages.map((code): [ErrorCode, 'serves'] => [code, 'serves']),
    ['ens-unauthenticated', 'deletes'],
    ['ens-not-allowed', 'deletes'],
    ['ens-cluster-not-found', 'deletes'],
    ['identity-refused', 'deletes'],
    ['identity-not-found', 'fails'],
    ['identity-unusable', 'fails'],
  ])('%s %s', async (code, outcome) => {
    const error = fail(code);
    if (outcome === 'serves') await expect(renewal()).resolves.toBe(cached);
    else await expect(renewal()).rejects.toBe(error);
    expect(store.changes).toEqual(outcome === 'deletes' ? [`delete ${keyText}`] : []);
    const end = cached.notAfter.toISOString().slice(0, 10);
    const warning = `^no; the cached credential is served, valid until ${end} [^\n]+ \\[${code}\\]$`;
    expect(world.warnings).toEqual(outcome === 'serves' ? [expect.stringMatching(warning)] : []);
    const failure = { code, message: 'no', fix: 'do it', since: start };
    expect(records().lastRenewal()).toEqual({ finishedAt: start, failure });
    expect(files()).toEqual([...(outcome === 'deletes' ? ['ending.json'] : []), 'renewal.json']);

    // A second process asks ENS again, unless it was an outage or a refusal a moment ago.
    await renewal().catch(() => undefined);
    expect(ens.calls).toBe(outcome === 'fails' ? 2 : 1);
  });

  test.each(['ens-unavailable', 'ens-clock-skew', 'issued-kubeconfig-invalid'] as const)(
    '%s never serves an expired certificate',
    async (code) => {
      const error = fail(code);
      await expect(renewal({ cached: { ...cached, notAfter: start } })).rejects.toBe(error);
      world.clock = () => (ens.calls <= 1 ? start : cached.notAfter);
      await expect(renewal({ cached: { ...cached, notAfter: start } })).rejects.toBe(error);
      await expect(renewal({ cached: undefined })).rejects.toBe(error);
      expect(world.warnings).toEqual([]);
    },
  );

  test('that is a refusal deletes nothing on a suspicion, and is served', async () => {
    fail('ens-not-allowed');
    await expect(renewal({ doubt: 'suspected' })).resolves.toBe(cached);
    expect(store.changes).toEqual([]);
    expect(world.warnings).toEqual([expect.stringMatching(/served, .* \[ens-not-allowed\]$/)]);
  });

  test('of the store is an error for a first credential, and else a warning', async () => {
    const error = new StoreError('keychain', 'keychain-locked', 'locked');
    store.save = () => Promise.reject(error);
    await expect(renewal({ cached: undefined })).rejects.toBe(error);
    expect((await renewal()).fetchedAt).toEqual(start);
    expect(world.warnings).toEqual([expect.stringMatching(/not saved: locked \[keychain-locked\]$/)]);
  });

  test('that is a defect is neither served nor recorded', async () => {
    ens.failure = new TypeError('a defect');
    await expect(renewal()).rejects.toThrow('a defect');
    expect(records().lastRenewal()).toBeUndefined();
    expect(files()).toEqual([]);
  });
});

test.each([
  [0, 0],
  [9_999, 0],
  [10_000, 1],
  [-1, 1],
])('%d ms after a refusal, ENS is called %d times', async (agoMs, calls) => {
  const failure = { code: 'ens-not-allowed', message: 'denied', fix: 'ask', since: start } as const;
  records().noteRenewal({ finishedAt: before(agoMs), failure });
  const renewed = renewal({ cached: undefined });
  if (calls > 0) await renewed;
  else {
    const message = expect.stringMatching(/^denied; ENS is asked again in \d+ s$/) as unknown;
    await expect(renewed).rejects.toMatchObject({ code: 'ens-not-allowed', message, fix: 'ask' });
  }
  expect(ens.calls).toBe(calls);
});

describe('after an outage', () => {
  const outage = (agoMs: number) => ({
    finishedAt: before(agoMs),
    failure: { code: 'ens-unavailable', message: 'ENS is down', since: before(hour) } as const,
  });

  // The clock may have been set back.
  test.each([
    [0, 0],
    [59_999, 0],
    [60_000, 1],
    [hour, 1],
    [-1, 1],
    [-hour, 1],
  ])('%d ms ago, ENS is called %d times', async (agoMs, calls) => {
    records().noteRenewal(outage(agoMs));
    const { fetchedAt } = await renewal();
    expect(ens.calls).toBe(calls);
    expect(fetchedAt).toEqual(calls === 0 ? cached.fetchedAt : start);
    expect(world.warnings).toHaveLength(calls === 0 ? 1 : 0);
    expect(records().lastRenewal()?.finishedAt).toEqual(calls === 0 ? before(agoMs) : start);
  });

  test.each([true, false])('ENS is called without a valid credential (expired: %s)', async (isExpired) => {
    records().noteRenewal(outage(1000));
    await renewal({ cached: isExpired ? { ...cached, notAfter: start } : undefined });
    expect(ens.calls).toBe(1);
  });

  test('a parent process is warned once, until it is over', async () => {
    const parentProcess = { processId: process.pid, startedAt: '1' };
    fail('ens-unavailable');
    const warnings: number[] = [];
    for (const afterMs of [0, 30_000, 90_000, 180_000]) {
      world.clock = () => before(-afterMs);
      if (afterMs === 180_000) records().noteRenewal({ finishedAt: before(0) });
      await renewal({ parentProcess });
      warnings.push(world.warnings.length);
    }
    expect(warnings).toEqual([1, 1, 1, 2]);
    expect(ens.calls).toBe(3);
    await renewal({ parentProcess: { ...parentProcess, startedAt: '2' } });
    await renewal();
    expect(world.warnings).toHaveLength(4);
  });
});

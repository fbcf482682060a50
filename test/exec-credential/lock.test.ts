import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { ClientCredential } from '../../src/credential/client-credential.js';
import {
  abandonedAfterMs,
  acquireRenewalLock,
  LockAttempt,
  countedPerLookMs,
  withRenewalLock,
  type LockResult,
  type RenewalLock,
} from '../../src/exec-credential/lock.js';
import { CredentialRecords } from '../../src/exec-credential/records.js';
import { directory } from '../support/directory.js';
import { until } from '../support/tied-process.js';
import { FakeWorld } from './fixtures.js';

let records: CredentialRecords;
let path: string;
/** The clock of the waiters stands still unless a test moves it. */
let clockMs: number;
const held: RenewalLock[] = [];

beforeEach(() => {
  records = newRecords();
  path = records.lockFile ?? '';
  clockMs = 1_000_000;
});
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
  for (const lock of held.splice(0)) lock.release();
});

function newRecords(): CredentialRecords {
  const world = new FakeWorld({ KUBECACHEDIR: join(directory, 'cache') }, directory);
  return new CredentialRecords('key', world);
}

const files = (): string[] => fs.readdirSync(dirname(path));

function waiter(clock = (): number => clockMs): LockAttempt {
  return new LockAttempt(path, clock);
}

/** Tries once; the lock is released after the test. */
function attempt(waiting: LockAttempt): RenewalLock | undefined {
  const lock = waiting.try();
  if (lock !== undefined) held.push(lock);
  return lock;
}

function take(waiting = waiter()): RenewalLock {
  const lock = attempt(waiting);
  if (lock === undefined) throw new Error('the lock is held');
  return lock;
}

/** Leaves a lock as a dead process does. */
function abandonLock(token = 'f'.repeat(24)): void {
  fs.writeFileSync(`${path}.${token}`, token);
  fs.linkSync(`${path}.${token}`, path);
}

/** A waiter that has watched the lock for `ms`, and looked every `everyMs`. */
function watched(ms: number, everyMs = 50): LockAttempt {
  const waiting = waiter();
  attempt(waiting);
  watch(ms, [waiting], everyMs);
  return waiting;
}

/** Lets time pass, in which waiters look and do not get the lock. The last look is still to come. */
function watch(ms: number, waiting: readonly LockAttempt[], everyMs = 50): void {
  for (const end = clockMs + ms; clockMs < end;) {
    for (const one of waiting) expect(attempt(one)).toBeUndefined();
    clockMs += Math.min(everyMs, end - clockMs);
  }
}

function touch(seconds: number): void {
  fs.utimesSync(path, 1_700_000_000 + seconds, 1_700_000_000 + seconds);
}

function noHardLinks(): void {
  jest.spyOn(fs, 'linkSync').mockImplementation(() => {
    throw Object.assign(new Error('no links'), { code: 'EPERM' });
  });
}

test('a free lock goes to one waiter after another, and leaves no file', () => {
  const waiting = Array.from({ length: 5 }, () => waiter());
  while (waiting.length > 0) {
    const locks = waiting.map(attempt);
    const taken = locks.flatMap((lock) => lock ?? []);
    expect(taken.map((lock) => lock.isStillHeld())).toEqual([true]);
    expect(files().map((name) => fs.statSync(join(dirname(path), name)).mode & 0o777)).toEqual([0o600, 0o600]);
    for (let twice = 0; twice < 2; twice += 1) taken[0]?.release();
    waiting.splice(locks.indexOf(taken[0]), 1);
  }
  expect(files()).toEqual([]);
});

describe('an abandoned lock', () => {
  test.each([0, 3_600_000, -3_600_000])('is taken after 3.5 s, with a clock off by %d ms', (offsetMs) => {
    abandonLock();
    const touchedAt = new Date(Date.now() + offsetMs);
    fs.utimesSync(path, touchedAt, touchedAt);
    const waiting = watched(abandonedAfterMs);
    expect(attempt(waiting)).toBeUndefined();
    clockMs += 0.001;
    take(waiting).release();
    expect(files()).toEqual([]);
  });

  test('is taken by one of the waiters, and not by one that has just come', () => {
    abandonLock();
    const waiting = Array.from({ length: 5 }, () => watched(0));
    watch(abandonedAfterMs + 1, waiting);
    expect(attempt(waiter())).toBeUndefined();
    expect(waiting.map(attempt).filter((lock) => lock !== undefined)).toHaveLength(1);
  });

  test.each([1000, 100_000])('is taken by a waiter that looks every %d ms after as many looks', (everyMs) => {
    abandonLock();
    const looks = abandonedAfterMs / countedPerLookMs;
    const waiting = watched((looks + 1) * everyMs, everyMs);
    expect(attempt(waiting)).toBeDefined();
  });

  test('is deleted with no file but its own, whatever it contains', () => {
    fs.writeFileSync(path, '/../../precious');
    fs.mkdirSync(`${path}.`);
    fs.writeFileSync(join(dirname(path), 'precious'), '');
    take(watched(abandonedAfterMs + 1)).release();
    expect(files().sort()).toEqual(['lock.', 'precious']);
  });
});

describe('a lock that is touched', () => {
  test.each([abandonedAfterMs, abandonedAfterMs / 2])('every %d ms is not taken', (ms) => {
    abandonLock();
    const waiting = watched(0);
    for (let round = 1; round <= 5; round += 1) {
      watch(ms, [waiting], ms / 50);
      touch(round);
      expect(attempt(waiting)).toBeUndefined();
    }
    watch(abandonedAfterMs + 1, [waiting]);
    expect(attempt(waiting)).toBeDefined();
  });

  test('is touched by its holder until it is released, without delaying the end of the process', () => {
    jest.useFakeTimers();
    const interval = jest.spyOn(global, 'setInterval');
    const lock = take();
    expect(interval.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([false]);
    const other = waiter();
    for (let second = 0; second < 30; second += 1) {
      watch(1000, [other]);
      jest.advanceTimersByTime(1000);
    }
    lock.release();
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('a lock that was taken over', () => {
  test('is not held, touched or released by the former holder', () => {
    jest.useFakeTimers();
    const former = take();
    const lock = take(watched(abandonedAfterMs + 1));
    expect([former.isStillHeld(), lock.isStillHeld()]).toEqual([false, true]);
    former.release();
    expect(lock.isStillHeld()).toBe(true);
    lock.release();
    expect(files()).toEqual([]);
  });

  /** Watches an abandoned lock, and something happens between the last look and the taking. */
  function takeLate(meanwhile: () => void): RenewalLock | undefined {
    let isLate = false;
    const waiting = waiter(() => {
      if (isLate) meanwhile();
      return clockMs;
    });
    attempt(waiting);
    watch(abandonedAfterMs + 1, [waiting]);
    isLate = true;
    return attempt(waiting);
  }

  test('is put back by a slower waiter', () => {
    abandonLock();
    const faster = watched(abandonedAfterMs);
    let lock: RenewalLock | undefined;
    expect(takeLate(() => (lock = take(faster)))).toBeUndefined();
    expect(lock?.isStillHeld()).toBe(true);
    lock?.release();
    expect(files()).toEqual([]);
  });

  test('is put back if its holder woke up, and taken if it was released', () => {
    const lock = take();
    const woken = takeLate(() => {
      touch(1);
    });
    expect([woken, lock.isStillHeld()]).toEqual([undefined, true]);
    const next = takeLate(() => {
      lock.release();
    });
    expect(next?.isStillHeld()).toBe(true);
  });

  test('stays with a third process that came while it was away', () => {
    abandonLock();
    const rename = fs.renameSync;
    let third: RenewalLock | undefined;
    jest.spyOn(fs, 'renameSync').mockImplementationOnce((from, to) => {
      touch(1);
      rename(from, to);
      third = take();
    });
    expect(takeLate(() => undefined)).toBeUndefined();
    expect(third?.isStillHeld()).toBe(true);
  });
});

test('a lock that cannot be made is an error, and leaves no file', () => {
  expect(() => new LockAttempt(join(directory, 'none', 'lock')).try()).toThrow('ENOENT');
  noHardLinks();
  expect(() => waiter().try()).toThrow('no links');
  const write = fs.writeFileSync;
  jest.spyOn(fs, 'writeFileSync').mockImplementation((file) => {
    write(file, '');
    throw Object.assign(new Error('full'), { code: 'ENOSPC' });
  });
  expect(() => waiter().try()).toThrow('full');
  expect(files()).toEqual([]);
});

describe('a process that is to renew', () => {
  const credential = { fetchedAt: new Date(0) } as ClientCredential;
  const error = { code: 'ens-unavailable', message: 'ENS is down', fix: 'wait' } as const;
  const failure = { ...error, since: new Date(0) };
  const finished = { finishedAt: new Date(Date.UTC(2026, 2, 1)) };
  const withLock = { lock: expect.objectContaining({}) };
  const renewed = { renewed: credential };
  const failed = expect.objectContaining(error);

  /** Starts to wait, until `readRenewed` finds a credential or the lock is free. */
  function wait(found?: ClientCredential | Error, waitMs = 20_000) {
    const state = { result: undefined as LockResult | undefined, reads: 0 };
    const readRenewed = (): Promise<ClientCredential | undefined> => {
      state.reads += 1;
      return found instanceof Error ? Promise.reject(found) : Promise.resolve(found);
    };
    const done = acquireRenewalLock(newRecords(), waitMs, readRenewed).then((result) => {
      if (result.lock !== undefined) held.push(result.lock);
      return (state.result = result);
    });
    return Object.assign(state, { done });
  }

  test('acquires a free lock, also after an earlier failure', async () => {
    records.noteRenewal({ ...finished, failure });
    await expect(wait().done).resolves.toEqual(withLock);
    expect(new LockAttempt(path).try()).toBeUndefined();
  });

  test('takes what was renewed just before, and releases the lock', async () => {
    await expect(wait(credential).done).resolves.toEqual(renewed);
    await expect(wait(new Error('the store is locked')).done).rejects.toThrow('the store is locked');
    expect(files()).toEqual([]);
  });

  test('waits for another process, without reading the store before that is done', async () => {
    const lock = take();
    const tries = jest.spyOn(LockAttempt.prototype, 'try');
    const waiting = wait();
    await until('some attempts', () => tries.mock.calls.length >= 5 || undefined);
    expect(waiting).toMatchObject({ result: undefined, reads: 0 });
    // It is done and saved nothing.
    records.noteRenewal(finished);
    await until('a read', () => waiting.reads > 0 || undefined);
    expect(waiting.result).toBeUndefined();
    lock.release();
    await expect(waiting.done).resolves.toEqual(withLock);
  });

  test.each<[string, object, ClientCredential | undefined, object]>([
    ['takes its credential', finished, credential, renewed],
    ['shares its failure', { ...finished, failure }, undefined, failed],
    ['takes a credential rather than a failure', { ...finished, failure }, credential, renewed],
  ])('%s, though the lock is still held', async (_, record, found, expected) => {
    const lock = take();
    const waiting = [wait(found), wait(found), wait(found)];
    records.noteRenewal(record as typeof finished);
    const results = await Promise.all(waiting.map(({ done }) => done.catch((error: unknown) => error)));
    for (const result of results) expect(result).toEqual(expected);
    expect(lock.isStillHeld()).toBe(true);
  });

  test('goes on without the lock after its time', async () => {
    jest.useFakeTimers();
    take();
    const waiting = wait(undefined, 25_000);
    await jest.advanceTimersByTimeAsync(24_900);
    expect(waiting.result).toBeUndefined();
    await jest.advanceTimersByTimeAsync(200);
    expect(waiting.result).toEqual({});
  });

  test('goes on without a lock if none can be made', async () => {
    noHardLinks();
    await expect(wait().done).resolves.toEqual({});
    fs.chmodSync(dirname(dirname(path)), 0o777);
    await expect(wait().done).resolves.toEqual({});
  });
});

test('work under the lock waits two seconds for a renewal', async () => {
  jest.useFakeTimers();
  const isLocked = (): Promise<boolean> => Promise.resolve(fs.existsSync(path));
  await expect(withRenewalLock(records, isLocked)).resolves.toBe(true);
  expect(files()).toEqual([]);
  const lock = take();
  let isDone = false;
  const done = withRenewalLock(records, () => Promise.resolve((isDone = true)));
  await jest.advanceTimersByTimeAsync(1900);
  expect(isDone).toBe(false);
  await jest.advanceTimersByTimeAsync(300);
  await expect(done).resolves.toBe(true);
  expect(lock.isStillHeld()).toBe(true);
});

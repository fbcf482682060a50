import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ClientCredential } from '../../src/credential/client-credential.js';
import { LockAttempt, type RenewalLock } from '../../src/exec-credential/lock.js';
import { waitForTurn, type Turn } from '../../src/exec-credential/lock.js';
import { CredentialRecords } from '../../src/exec-credential/records.js';
import { until } from '../support/tied-process.js';
import { FakeWorld } from './fixtures.js';

const credential: ClientCredential = {
  certificates: [new Uint8Array()],
  privateKey: { label: 'PRIVATE KEY', der: new Uint8Array() },
  fetchedAt: new Date(0),
  notBefore: new Date(0),
  notAfter: new Date(1),
};
const failure = { code: 'ens-unavailable', message: 'ENS is down' } as const;
const at = (seconds: number) => new Date(Date.UTC(2026, 2, 1, 12, 0, seconds));

let scratch: string;
let world: FakeWorld;
/** One that looks at the same files as the one that waits. */
let state: CredentialRecords;
let lockFile: string;
const held: RenewalLock[] = [];

beforeEach(() => {
  scratch = fs.mkdtempSync(join(tmpdir(), 'kubectl-eck-'));
  world = new FakeWorld({ KUBECACHEDIR: join(scratch, 'cache') }, scratch);
  state = new CredentialRecords('account', world);
  lockFile = state.lockFile ?? '';
});
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
  for (const lock of held.splice(0)) lock.release();
  fs.rmSync(scratch, { recursive: true, force: true });
});

/** Another process takes the lock. */
function anotherRenews(): RenewalLock {
  const lock = new LockAttempt(lockFile).try();
  if (lock === undefined) throw new Error('somebody else holds the lock');
  held.push(lock);
  return lock;
}

interface Waiting {
  readonly done: Promise<Turn>;
  /** What came of it, once it is done. */
  turn: Turn | undefined;
  /** How often it asked for a credential. */
  looks: number;
}

/** Waits, and gives back at the end of the test what it got. */
function wait(
  renewed: () => Promise<ClientCredential | undefined> = () => Promise.resolve(undefined),
  timeoutMs = 20_000,
): Waiting {
  const rules = {
    timeoutMs,
    renewed: () => {
      waiting.looks += 1;
      return renewed();
    },
  };
  const begin = async (): Promise<Turn> => {
    const turn = await waitForTurn(new CredentialRecords('account', world), rules);
    if (turn.kind === 'own' && turn.lock !== undefined) held.push(turn.lock);
    waiting.turn = turn;
    return turn;
  };
  const waiting: Omit<Waiting, 'done'> = { turn: undefined, looks: 0 };
  return Object.assign(waiting, { done: begin() });
}

const ownTurn = { kind: 'own', lock: expect.objectContaining({}) };
const ownTurnWithoutLock = { kind: 'own', lock: undefined };

describe('where nobody else renews', () => {
  test('it is its turn, under the lock', async () => {
    await expect(wait().done).resolves.toEqual(ownTurn);
    expect(new LockAttempt(lockFile).try()).toBeUndefined();
  });

  test('what was renewed just before is taken, and the lock is given back', async () => {
    await expect(wait(() => Promise.resolve(credential)).done).resolves.toEqual({
      kind: 'renewed',
      credential,
    });
    expect(fs.existsSync(lockFile)).toBe(false);
  });

  test('a failure from before does not count', async () => {
    state.noteRenewal({ finishedAt: at(0), failure });
    await expect(wait().done).resolves.toEqual(ownTurn);
  });

  test('a store that cannot be read is an error, and the lock is given back', async () => {
    await expect(wait(() => Promise.reject(new Error('locked'))).done).rejects.toThrow('locked');
    expect(fs.readdirSync(dirname(lockFile))).toEqual([]);
  });
});

describe('where another process renews', () => {
  test('it is waited for, without a look into the keychain', async () => {
    const lock = anotherRenews();
    // Looks often, and each time finds the lock held.
    const tries = jest.spyOn(LockAttempt.prototype, 'try');
    const waiting = wait();
    await until('some looks', () => tries.mock.calls.length >= 5 || undefined);
    expect(waiting).toMatchObject({ turn: undefined, looks: 0 });
    lock.release();
    await expect(waiting.done).resolves.toEqual(ownTurn);
  });

  test('what it has renewed is taken, though it still holds the lock', async () => {
    anotherRenews();
    const waiting = wait(() => Promise.resolve(credential));
    state.noteRenewal({ finishedAt: at(1) });
    await expect(waiting.done).resolves.toEqual({ kind: 'renewed', credential });
  });

  test('its failure is the failure of all who wait', async () => {
    const lock = anotherRenews();
    const waiting = [wait(), wait(), wait()];
    state.noteRenewal({ finishedAt: at(1), failure });
    lock.release();
    for (const { done } of waiting) {
      await expect(done).resolves.toEqual({ kind: 'failed', error: expect.objectContaining(failure) });
    }
    expect(fs.existsSync(lockFile)).toBe(false);
  });

  test('what it has renewed counts for more than that it failed', async () => {
    anotherRenews();
    const waiting = wait(() => Promise.resolve(credential));
    state.noteRenewal({ finishedAt: at(1), failure });
    await expect(waiting.done).resolves.toEqual({ kind: 'renewed', credential });
  });

  test('and keeps nothing, the next one renews', async () => {
    const lock = anotherRenews();
    const waiting = wait();
    state.noteRenewal({ finishedAt: at(1) });
    await until('a look', () => waiting.looks > 0 || undefined);
    expect(waiting.turn).toBeUndefined();
    lock.release();
    await expect(waiting.done).resolves.toEqual(ownTurn);
  });

  test('and ends without a word, the next one renews', async () => {
    state.noteRenewal({ finishedAt: at(0), failure });
    const lock = anotherRenews();
    const waiting = wait();
    lock.release();
    await expect(waiting.done).resolves.toEqual(ownTurn);
  });

  test('it is waited for no longer than a renewal may take, and a little', async () => {
    jest.useFakeTimers();
    anotherRenews();
    const waiting = wait(undefined, 20_000);
    await jest.advanceTimersByTimeAsync(24_900);
    expect(waiting.turn).toBeUndefined();
    await jest.advanceTimersByTimeAsync(200);
    expect(waiting.turn).toEqual(ownTurnWithoutLock);
  });

  test('and is stopped, its turn is over in a few seconds', async () => {
    jest.useFakeTimers();
    // A lock that nobody touches.
    fs.writeFileSync(lockFile, 'dead');
    const waiting = wait();
    await jest.advanceTimersByTimeAsync(3500);
    expect(waiting.turn).toBeUndefined();
    await jest.advanceTimersByTimeAsync(200);
    expect(waiting.turn).toEqual(ownTurn);
  });
});

describe('where there can be no lock', () => {
  test('for want of a directory of its own, it is its turn without one', async () => {
    fs.rmSync(join(scratch, 'cache'), { recursive: true });
    fs.writeFileSync(join(scratch, 'cache'), '');
    await expect(wait().done).resolves.toEqual(ownTurnWithoutLock);
  });

  test('for want of hard links, it is its turn without one, at once', async () => {
    const link = jest.spyOn(fs, 'linkSync').mockImplementation(() => {
      throw Object.assign(new Error('no links'), { code: 'EPERM' });
    });
    await expect(wait().done).resolves.toEqual(ownTurnWithoutLock);
    expect(link).toHaveBeenCalledTimes(1);
    expect(fs.readdirSync(dirname(lockFile))).toEqual([]);
  });
});

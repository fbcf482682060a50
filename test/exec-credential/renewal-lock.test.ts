import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { abandonedAfterMs, LockAttempt, type RenewalLock } from '../../src/exec-credential/lock.js';
import { startTied, until, type TiedProcess } from '../support/tied-process.js';

let directory: string;
let path: string;
/** What the waiters' clock says. */
let clockMs: number;
const held: RenewalLock[] = [];

beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'kubectl-eck-'));
  path = join(directory, 'lock');
  clockMs = 1_000_000;
});
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
  for (const lock of held.splice(0)) lock.release();
  fs.rmSync(directory, { recursive: true });
});

/** A waiter; its clock stands still unless a test moves it. */
function waiter(clock: () => number = () => clockMs): LockAttempt {
  return new LockAttempt(path, clock);
}

/** Tries, and gives back at the end of the test what it got. */
function take(attempt: LockAttempt): RenewalLock | undefined {
  const lock = attempt.try();
  if (lock !== undefined) held.push(lock);
  return lock;
}

function taken(attempt: LockAttempt): RenewalLock {
  const lock = take(attempt);
  if (lock === undefined) throw new Error('somebody else holds the lock');
  return lock;
}

/** A lock that nobody will ever touch again. */
function abandonLock(token = 'f'.repeat(24)): void {
  fs.writeFileSync(`${path}.${token}`, token);
  fs.linkSync(`${path}.${token}`, path);
}

/** Touches it as its holder does. */
function touch(seconds: number): void {
  fs.utimesSync(path, 1_700_000_000 + seconds, 1_700_000_000 + seconds);
}

describe('a free lock', () => {
  test('is had at the first try, by one alone', () => {
    const lock = taken(waiter());
    expect(lock.isStillHeld()).toBe(true);
    for (let other = 0; other < 10; other += 1) expect(take(waiter())).toBeUndefined();
    expect(lock.isStillHeld()).toBe(true);
  });

  test('is for its owner alone to read', () => {
    taken(waiter());
    expect(fs.readdirSync(directory).map((name) => fs.statSync(join(directory, name)).mode & 0o777)).toEqual([
      0o600, 0o600,
    ]);
  });

  test('goes from one to the next, whoever waits', () => {
    const waiting = Array.from({ length: 5 }, () => waiter());
    let holders = 0;
    while (waiting.length > 0) {
      const locks = waiting.map((attempt) => take(attempt));
      expect(locks.filter((lock) => lock !== undefined)).toHaveLength(1);
      locks.find((lock) => lock !== undefined)?.release();
      waiting.splice(
        locks.findIndex((lock) => lock !== undefined),
        1,
      );
      holders += 1;
    }
    expect(holders).toBe(5);
  });

  test('leaves no file behind: not its holder, and not those who tried in vain', () => {
    const lock = taken(waiter());
    const other = waiter();
    take(other);
    take(other);
    lock.release();
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  test('can be released twice', () => {
    const lock = taken(waiter());
    lock.release();
    const next = taken(waiter());
    lock.release();
    expect(next.isStillHeld()).toBe(true);
  });

  test('that others just take away is not held any more', () => {
    const lock = taken(waiter());
    fs.rmSync(path);
    expect(lock.isStillHeld()).toBe(false);
  });
});

describe('a lock that nobody touches', () => {
  test('is taken when the waiter has seen it so for long enough, and not before', () => {
    abandonLock();
    const attempt = waiter();
    expect(take(attempt)).toBeUndefined();
    clockMs += abandonedAfterMs;
    expect(take(attempt)).toBeUndefined();
    clockMs += 0.001;
    expect(taken(attempt).isStillHeld()).toBe(true);
  });

  test('is not taken by someone who has only just come, however old it looks', () => {
    abandonLock();
    fs.utimesSync(path, 0, 0);
    const first = waiter();
    take(first);
    clockMs += abandonedAfterMs;
    const second = waiter();
    expect(take(second)).toBeUndefined();
    clockMs += 1;
    expect(take(second)).toBeUndefined();
    expect(take(first)).toBeDefined();
  });

  test.each([
    { clock: 'an hour ahead', offsetMs: 3_600_000 },
    { clock: 'an hour behind', offsetMs: -3_600_000 },
  ])("is taken no sooner or later where its holder's clock was $clock", ({ offsetMs }) => {
    abandonLock();
    const touchedAt = new Date(Date.now() + offsetMs);
    fs.utimesSync(path, touchedAt, touchedAt);
    const attempt = waiter();
    take(attempt);
    clockMs += abandonedAfterMs;
    expect(take(attempt)).toBeUndefined();
    clockMs += 1;
    expect(take(attempt)).toBeDefined();
  });

  test('is taken by one of those who wait', () => {
    abandonLock();
    const waiting = Array.from({ length: 5 }, () => waiter());
    for (const attempt of waiting) take(attempt);
    clockMs += abandonedAfterMs + 1;
    expect(waiting.map((attempt) => take(attempt)).filter((lock) => lock !== undefined)).toHaveLength(1);
  });

  test('leaves nothing of its holder behind', () => {
    abandonLock();
    const attempt = waiter();
    take(attempt);
    clockMs += abandonedAfterMs + 1;
    taken(attempt).release();
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  test('costs no other file than its own, whatever it says', () => {
    fs.writeFileSync(path, '/../../precious');
    fs.mkdirSync(`${path}.`);
    fs.writeFileSync(join(directory, 'precious'), '');
    const attempt = waiter();
    take(attempt);
    clockMs += abandonedAfterMs + 1;
    taken(attempt).release();
    expect(fs.readdirSync(directory).sort()).toEqual(['lock.', 'precious']);
  });
});

describe('a lock that is touched', () => {
  test('is never taken, though its holder touches it just before it would be', () => {
    abandonLock();
    const attempt = waiter();
    take(attempt);
    for (let round = 1; round <= 20; round += 1) {
      clockMs += abandonedAfterMs;
      touch(round);
      expect(take(attempt)).toBeUndefined();
    }
  });

  test('is not taken by someone who looks too seldom to see it stand still', () => {
    abandonLock();
    const attempt = waiter();
    for (let round = 1; round <= 5; round += 1) {
      touch(round);
      clockMs += 10 * abandonedAfterMs;
      expect(take(attempt)).toBeUndefined();
    }
  });

  test('is taken that long after the last touch that was seen', () => {
    abandonLock();
    const attempt = waiter();
    take(attempt);
    clockMs += 3000;
    touch(1);
    take(attempt);
    clockMs += abandonedAfterMs;
    expect(take(attempt)).toBeUndefined();
    clockMs += 1;
    expect(take(attempt)).toBeDefined();
  });

  test('is touched by its holder every second, until it is released', () => {
    jest.useFakeTimers();
    const lock = taken(waiter());
    const other = waiter();
    for (let second = 0; second < 30; second += 1) {
      clockMs += 1000;
      jest.advanceTimersByTime(1000);
      expect(take(other)).toBeUndefined();
    }
    expect(jest.getTimerCount()).toBe(1);
    lock.release();
    expect(jest.getTimerCount()).toBe(0);
  });

  test('does not keep a process from ending', () => {
    const start = jest.spyOn(global, 'setInterval');
    taken(waiter());
    expect(start.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([false]);
  });
});

describe('a lock that was taken over', () => {
  /** One that was had and then taken by another, whose clock ran on. */
  function takenOver(): { former: RenewalLock; now: RenewalLock } {
    const former = taken(waiter());
    const attempt = waiter();
    take(attempt);
    clockMs += abandonedAfterMs + 1;
    return { former, now: taken(attempt) };
  }

  test("is not its former holder's any more", () => {
    const { former, now } = takenOver();
    expect(former.isStillHeld()).toBe(false);
    expect(now.isStillHeld()).toBe(true);
  });

  test('is left alone by its former holder', () => {
    const { former, now } = takenOver();
    former.release();
    expect(now.isStillHeld()).toBe(true);
    expect(take(waiter())).toBeUndefined();
    now.release();
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  test('is not touched by its former holder, who would keep a dead one alive', () => {
    jest.useFakeTimers();
    taken(waiter());
    fs.rmSync(path);
    abandonLock();
    touch(1);
    const before = fs.statSync(path).mtimeMs;
    jest.advanceTimersByTime(5000);
    expect(fs.statSync(path).mtimeMs).toBe(before);
  });
});

describe('a lock that another has taken over between the last look and the taking', () => {
  /** Looks at an abandoned lock for long enough, and has `meanwhile` happen just before it takes the lock. */
  function takeLate(meanwhile: () => void): RenewalLock | undefined {
    let isLate = false;
    const attempt = waiter(() => {
      if (isLate) meanwhile();
      return clockMs;
    });
    take(attempt);
    clockMs += abandonedAfterMs + 1;
    isLate = true;
    return take(attempt);
  }

  test('is put back as it was', () => {
    abandonLock();
    const faster = waiter();
    take(faster);
    let lock: RenewalLock | undefined;
    const late = takeLate(() => {
      lock = taken(faster);
    });
    expect(late).toBeUndefined();
    expect(lock?.isStillHeld()).toBe(true);
    lock?.release();
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  test('is put back too where its holder woke up and touched it', () => {
    const lock = taken(waiter());
    expect(
      takeLate(() => {
        touch(1);
      }),
    ).toBeUndefined();
    expect(lock.isStillHeld()).toBe(true);
  });

  test('is taken where it was released', () => {
    const lock = taken(waiter());
    expect(
      takeLate(() => {
        lock.release();
      })?.isStillHeld(),
    ).toBe(true);
  });

  test('stays with a third one who came while it was away', () => {
    abandonLock();
    const rename = fs.renameSync;
    let third: RenewalLock | undefined;
    jest.spyOn(fs, 'renameSync').mockImplementationOnce((from, to) => {
      touch(1);
      rename(from, to);
      third = taken(waiter());
    });
    expect(takeLate(() => undefined)).toBeUndefined();
    expect(third?.isStillHeld()).toBe(true);
  });
});

describe('where locks cannot be made', () => {
  test('trying says so for a directory that is not there', () => {
    expect(() => new LockAttempt(join(directory, 'none', 'lock')).try()).toThrow('ENOENT');
  });

  test('trying says so for a file system without hard links, and leaves nothing behind', () => {
    jest.spyOn(fs, 'linkSync').mockImplementation(() => {
      throw Object.assign(new Error('no links'), { code: 'EPERM' });
    });
    expect(() => waiter().try()).toThrow('no links');
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  test('trying says so for a full one, and leaves nothing behind', () => {
    const write = fs.writeFileSync;
    jest.spyOn(fs, 'writeFileSync').mockImplementation((file) => {
      write(file, '');
      throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    });
    expect(() => waiter().try()).toThrow('full');
    expect(fs.readdirSync(directory)).toEqual([]);
  });
});

describe('among processes', () => {
  const started: TiedProcess[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map((process_) => process_.stop()));
  });

  /** Starts a script that takes locks. `said` is what it has printed until now, a line each. */
  function start(script: string, ...args: readonly string[]): { readonly said: readonly string[] } {
    const argv = [process.execPath, '--import', 'tsx', join(__dirname, script), ...args];
    const child = startTied(argv, { env: process.env });
    started.push(child);
    const said: string[] = [];
    createInterface(child.stdout).on('line', (line) => said.push(line));
    return { said };
  }

  /** The process id of one that holds the lock by now. */
  async function startHolder(): Promise<{ readonly pid: number; readonly said: readonly string[] }> {
    const { said } = start('lock-holder.ts', path);
    await until('the holder', () => said.includes('held') || undefined);
    return { pid: Number(said[0]), said };
  }

  test.each(['SIGKILL', 'SIGSTOP'] as const)(
    'the lock of one that got %s is taken within 5 seconds',
    async (signal) => {
      const { pid, said } = await startHolder();
      // One who was there before, and has seen the lock alive.
      const attempt = new LockAttempt(path);
      expect(take(attempt)).toBeUndefined();
      process.kill(pid, signal);
      const beganAt = performance.now();
      const lock = await until('the lock', () => take(attempt));
      expect(performance.now() - beganAt).toBeLessThan(5000);
      expect(lock.isStillHeld()).toBe(true);

      if (signal === 'SIGSTOP') {
        process.kill(pid, 'SIGCONT');
        await until('the end of the former holder', () => said.includes('released') || undefined);
        expect(said).toEqual([String(pid), 'held', 'lost', 'released']);
        expect(lock.isStillHeld()).toBe(true);
      }
      lock.release();
      expect(fs.readdirSync(directory)).toEqual([]);
    },
  );

  test('the lock of one that goes on is not taken for longer than that', async () => {
    const { said } = await startHolder();
    const attempt = new LockAttempt(path);
    const endsAt = performance.now() + abandonedAfterMs + 1000;
    await until('the time to pass', () => {
      expect(take(attempt)).toBeUndefined();
      return performance.now() > endsAt || undefined;
    });
    expect(said).not.toContain('lost');
  });

  test('20 at a time do what only one may do at a time, and nothing is lost', async () => {
    const counter = join(directory, 'counter');
    fs.writeFileSync(counter, '0');
    // Held until all are there, so that they contend.
    const gate = taken(new LockAttempt(path));
    const counting = Array.from({ length: 20 }, () => start('lock-counter.ts', path, counter, '5'));
    for (const { said } of counting) {
      await until('all to be there', () => said.includes('ready') || undefined);
    }
    gate.release();
    for (const { said } of counting) await until('all to be done', () => said.includes('done') || undefined);
    expect(fs.readFileSync(counter, 'utf8')).toBe('100');
    expect(counting.flatMap(({ said }) => said).filter((line) => line === 'lost')).toEqual([]);
    expect(fs.readdirSync(directory)).toEqual(['counter']);
  });
});

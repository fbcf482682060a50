import { beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { osKeychain, type OsKeychainOptions } from '../../src/store/os-keychain.js';
import type { Store } from '../../src/store/store.js';
import { timeLimitsFor } from '../../src/store/time-limit.js';
import { fakeAddon, type FakeAddon } from './fake-addon.js';

const bus = { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/run/user/1000/bus' };
let fake: FakeAddon;
let warnings: string[];

beforeEach(() => {
  fake = fakeAddon();
  warnings = [];
});

describe('under Linux', () => {
  test('without a session bus it is absent, and nothing is loaded', async () => {
    const loadAddon = () => Promise.reject(new Error('loaded'));
    for (const environment of [{}, { XDG_RUNTIME_DIR: '/nonexistent' }]) {
      const store = keychain({ environment, loadAddon });
      await expect(store.read('a')).rejects.toMatchObject({ store: 'keychain', code: 'keychain-absent' });
    }
  });

  test("a session bus is found in its usual place, too, as systemd's is", async () => {
    const directory = await mkdtemp(join(tmpdir(), 'kubectl-eck-'));
    try {
      await writeFile(join(directory, 'bus'), '');
      expect(await keychain({ environment: { XDG_RUNTIME_DIR: directory } }).read('a')).toBeUndefined();
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('an item is text, as KWallet and KeePassXC need it to be', async () => {
    const store = keychain();
    await store.save('a', Buffer.of(0xff, 0x00, 0xfe));
    expect(fake.secrets.get('a')?.toString('latin1')).toBe('Af8A/g==');
    expect(await store.read('a')).toEqual(Buffer.of(0xff, 0x00, 0xfe));
  });

  test.each(['', '%', 'AP8=', 'yP8=', 'not base64 at all'])(
    'an item that holds %j reads as absent',
    async (text) => {
      fake.secrets.set('a', Buffer.from(text));
      const store = keychain();
      expect(await store.read('a')).toBeUndefined();
      await store.save('a', Buffer.from('new'));
      expect(await store.read('a')).toEqual(Buffer.from('new'));
    },
  );
});

test('under Windows an entry that one item cannot hold is kept in several', async () => {
  fake = fakeAddon({ largestSecret: 2560 });
  const store = keychain({ platform: 'win32' });
  await store.save('a', Buffer.alloc(3000, 1));
  expect([...fake.secrets.keys()].sort()).toEqual(['a', 'a#2']);
  expect(await store.read('a')).toEqual(Buffer.alloc(3000, 1));
  expect(await store.delete('a')).toBe(true);
  expect(fake.secrets.size).toBe(0);
});

test('the keychain is written only when what it holds changes', async () => {
  const store = keychain();
  await store.save('a', Buffer.from('1'));
  await store.save('a', Buffer.from('1'));
  await store.save('a', Buffer.from('2'));
  expect(fake.calls.filter((call) => call.startsWith('set'))).toHaveLength(2);
});

test('an item that the keychain only says to have deleted is an error', async () => {
  const store = keychain({ platform: 'darwin' });
  await store.save('a', Buffer.from('1'));
  const { secrets } = fake;
  secrets.delete = () => true;
  await expect(store.delete('a')).rejects.toMatchObject({ code: 'keychain-refused' });
});

test('after a failure the keychain is asked anew', async () => {
  const store = keychain();
  fake.answer = () =>
    Promise.reject(new Error("Couldn't access platform storage: Secret Service: object locked"));
  await expect(store.read('a')).rejects.toMatchObject({ code: 'keychain-locked' });
  fake.answer = () => undefined;
  expect(await store.read('a')).toBeUndefined();
});

describe('a keychain that takes its time', () => {
  test('is waited for, and the person is told so once', async () => {
    const store = keychain({ patience: { limitMs: 10_000, noticeAfterMs: 10 } });
    const first = pendingCall();
    const reading = store.read('a');
    await told();
    first.answer();
    expect(await reading).toBeUndefined();

    const second = pendingCall();
    const readingAgain = store.read('a');
    await new Promise((resolve) => setTimeout(resolve, 30));
    second.answer();
    expect(await readingAgain).toBeUndefined();
    expect(warnings).toEqual(['waiting for the keychain to be unlocked']);
  });

  test('is given up on after the limit, and the call is ended', async () => {
    const call = pendingCall();
    // What hanging up does to a call of the real one.
    const hangUp = () => {
      call.fail(new Error('Platform failure: DBus error: Connection is closed'));
      return Promise.resolve();
    };
    const store = keychain({ patience: { limitMs: 30, noticeAfterMs: 10 }, hangUp });
    await expect(store.read('a')).rejects.toMatchObject({ store: 'keychain', code: 'keychain-timeout' });
    await expect(call.ended).rejects.toThrow('Connection is closed');
  });
});

describe('patienceFor', () => {
  test.each([
    ['linux', {}, 5_000],
    ['linux', { DISPLAY: '' }, 5_000],
    ['linux', { DISPLAY: ':0' }, 60_000],
    ['linux', { WAYLAND_DISPLAY: 'wayland-0' }, 60_000],
    ['darwin', {}, 60_000],
    ['win32', {}, 60_000],
  ] as const)('under %s with %j it lasts %d ms', (platform, environment, limitMs) => {
    expect(timeLimitsFor(environment, platform)).toEqual({ limitMs, noticeAfterMs: 2_000 });
  });
});

function keychain(options: Partial<OsKeychainOptions> = {}): Store {
  return osKeychain({
    environment: bus,
    platform: 'linux',
    warn: (message) => warnings.push(message),
    loadAddon: fake.loadAddon,
    hangUp: () => Promise.resolve(),
    ...options,
  });
}

/** Keeps the calls from now on waiting, until the test answers or fails them. */
function pendingCall(): { answer: () => void; fail: (error: Error) => void; ended: Promise<undefined> } {
  let answer!: () => void;
  let fail!: (error: Error) => void;
  const ended = new Promise<undefined>((resolve, reject) => {
    answer = () => {
      resolve(undefined);
    };
    fail = reject;
  });
  fake.answer = () => ended;
  return { answer, fail, ended };
}

async function told(): Promise<void> {
  while (warnings.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
}

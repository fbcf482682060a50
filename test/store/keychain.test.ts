import { beforeEach, describe, expect, test } from '@jest/globals';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { openKeychain, type KeychainContext } from '../../src/store/keychain.js';
import type { Store } from '../../src/store/store.js';
import { directory } from '../support/directory.js';
import { stopAfterTest } from '../support/stop-after-test.js';
import { fakeAddon, type FakeAddon } from './fake-addon.js';

const timeLimits = { call: 200, prompt: 400, notice: 50 };
let addon: FakeAddon;
let warnings: string[];
beforeEach(() => {
  addon = fakeAddon();
  warnings = [];
});

function open(context: Partial<KeychainContext>): Store {
  const warn = (line: string) => warnings.push(line);
  const { loadAddon } = addon;
  return openKeychain({ environment: {}, platform: 'linux', warn, timeLimits, loadAddon, ...context });
}

/** A session bus on a socket of its own that does with a connection what a test wants. */
async function startFakeBus(onConnection: (socket: Socket) => void) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => undefined));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(join(directory, 'bus'), resolve));
  return {
    environment: { DBUS_SESSION_BUS_ADDRESS: `unix:path=${directory}/bus` },
    stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe('a bus that', () => {
  const signIn = (socket: Socket) => socket.write('OK 0123456789abcdef0123456789abcdef\r\n');

  const signInAndThen = (next: (socket: Socket) => void) => (socket: Socket) => {
    signIn(socket);
    next(socket);
  };
  const drip = (socket: Socket) => {
    const bytes = Array.from('OK 0123456789abcdef');
    setInterval(() => socket.write(bytes.shift() ?? ''), 40).unref();
  };
  const hugeMessage = Buffer.from('6c020001ffffff0f010000000000000000', 'hex');
  const flood = (socket: Socket) => {
    while (socket.write(Buffer.alloc(1 << 16, 'l')));
    socket.once('drain', () => {
      flood(socket);
    });
  };
  const endless = (socket: Socket) => {
    socket.write('OK ');
    flood(socket);
  };
  test.each<[string, string, (socket: Socket) => void]>([
    ['accepts and never answers', 'keychain-timeout', () => undefined],
    ['answers the sign-in and then nothing', 'keychain-timeout', signIn],
    ['sends a byte now and then', 'keychain-timeout', drip],
    ['never ends a line', 'keychain-absent', endless],
    ['refuses the user', 'keychain-absent', (socket) => socket.write('REJECTED EXTERNAL\r\n')],
    ['hangs up', 'keychain-absent', (socket) => socket.end()],
    ['hangs up after the sign-in', 'keychain-absent', signInAndThen((socket) => socket.end())],
    ['announces a huge message', 'keychain-absent', signInAndThen((socket) => socket.write(hugeMessage))],
    ['floods after the sign-in', 'keychain-absent', signInAndThen(flood)],
  ])('%s ends in %s within the time limit', async (_, code, onConnection) => {
    const bus = stopAfterTest(await startFakeBus(onConnection));
    const begin = performance.now();
    const environments = [bus.environment, { ...bus.environment, DISPLAY: ':0' }];
    const calls = environments.flatMap((environment) => {
      const store = open({ environment });
      return [store.read('a'), store.save('a', Buffer.of(1)), store.delete('a'), store.deleteAll()];
    });
    const failure = { store: 'keychain', code };
    await Promise.all(calls.map((call) => expect(call).rejects.toMatchObject(failure)));
    expect(performance.now() - begin).toBeLessThan(1500);
    expect(warnings).toEqual([]);
  });
});

describe('through the addon', () => {
  const windows = { platform: 'win32' } as const;

  test('an entry that one Windows credential cannot hold is saved in several, and deleted as one', async () => {
    addon = fakeAddon({ largestSecret: 2560 });
    const store = open(windows);
    await store.save('a', Buffer.alloc(3000, 1));
    await store.save('b', Buffer.of(1));
    expect([...addon.secrets.keys()].sort()).toEqual(['a', 'a#2', 'b']);
    expect(await store.deleteAll()).toBe(2);
    expect(addon.secrets.size).toBe(0);
  });

  test('an item that the keychain only says to have deleted is an error', async () => {
    const store = open({ platform: 'darwin' });
    await store.save('a', Buffer.from('1'));
    addon.secrets.delete = () => true;
    await expect(store.delete('a')).rejects.toMatchObject({ code: 'keychain-refused' });
  });

  test('after a failure the keychain is asked again', async () => {
    const store = open({ platform: 'darwin' });
    addon.answer = () => Promise.reject(new Error('Platform failure: User interaction is not allowed.'));
    const locked = { code: 'keychain-locked', fix: 'Run "security unlock-keychain"' };
    await expect(store.read('a')).rejects.toMatchObject(locked);
    addon.answer = () => undefined;
    expect(await store.read('a')).toBeUndefined();
  });

  test('a keychain that waits for the person is waited for, with one notice', async () => {
    const store = open({ platform: 'darwin' });
    addon.answer = () => new Promise((resolve) => setTimeout(resolve, 100, undefined));
    expect(await store.read('a')).toBeUndefined();
    expect(await store.read('a')).toBeUndefined();
    expect(warnings).toEqual(['waiting for the keychain to be unlocked']);
  });

  test('the wait ends after the time for a prompt', async () => {
    addon.answer = () => new Promise(() => undefined);
    const failure = { code: 'keychain-timeout', fix: 'Unlock it, then run the command again' };
    await expect(open({ platform: 'darwin' }).read('a')).rejects.toMatchObject(failure);
  });
});

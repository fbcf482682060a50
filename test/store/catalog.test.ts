import { afterEach, describe, expect, test } from '@jest/globals';
import { createServer } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addonCatalog } from '../../src/store/addon-catalog.js';
import { macosCatalog } from '../../src/store/macos-catalog.js';
import { osKeychain } from '../../src/store/os-keychain.js';
import { secretServiceCatalog } from '../../src/store/secret-service-catalog.js';
import { RemoteStore } from '../support/remote-store.js';
import { describeWith } from '../support/requirements.js';
import {
  secretServiceRequirement,
  sessionBusRequirement,
  startSecretService,
  startSessionBus,
} from '../support/secret-service.js';
import { fakeAddon } from './fake-addon.js';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('on macOS', () => {
  test.each([
    [0, 'there'],
    [44, 'absent'],
    [51, 'unknown'],
    [undefined, 'unknown'],
  ])('"security" that exits with %s tells that an item is %s', async (status, presence) => {
    const runs: (readonly string[])[] = [];
    const catalog = macosCatalog({
      loadAddon: fakeAddon().loadAddon,
      exitStatusOf: (file, args) => {
        runs.push([file, ...args]);
        return Promise.resolve(status);
      },
    });
    expect(await catalog.presence('eck-1@default/chain')).toBe(presence);
    // Neither -g nor -w, which would ask for the password of the keychain.
    expect(runs).toEqual([
      ['/usr/bin/security', 'find-generic-password', '-s', 'kubectl-eck', '-a', 'eck-1@default/chain'],
    ]);
  });
});

describe('on Windows', () => {
  test('the addon tells what is there, and an entry in several items is one', async () => {
    const addon = fakeAddon({ largestSecret: 2560 });
    const store = keychainOn('win32', addon);
    await store.save('eck-1', new Uint8Array(6000));
    await store.save('eck-2', new Uint8Array(10));
    const catalog = addonCatalog(addon.loadAddon);
    expect(await catalog.presence('eck-1')).toBe('there');
    expect(await catalog.presence('eck-3')).toBe('absent');
    expect(await catalog.accounts()).toEqual(expect.arrayContaining(['eck-1', 'eck-2']));
    expect(await catalog.accounts()).toHaveLength(2);
  });

  test('one that fails is unknown, and does not tell its accounts', async () => {
    const addon = fakeAddon();
    addon.answer = () => Promise.reject(new Error('ERROR_NO_SUCH_LOGON_SESSION'));
    const catalog = addonCatalog(addon.loadAddon);
    expect(await catalog.presence('eck-1')).toBe('unknown');
    await expect(catalog.accounts()).rejects.toMatchObject({ code: 'keychain-absent' });
  });
});

describe('under Linux without a Secret Service', () => {
  test.each([
    ['no bus', {}],
    ['a bus that is not there', { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/does/not/exist' }],
    ['an address of another kind', { DBUS_SESSION_BUS_ADDRESS: 'tcp:host=127.0.0.1,port=1' }],
  ])('%s: what is there is unknown', async (_, environment) => {
    const catalog = secretServiceCatalog(environment);
    expect(await catalog.presence('eck-1')).toBe('unknown');
    await expect(catalog.accounts()).rejects.toMatchObject({ code: 'keychain-absent' });
    catalog.close();
  });

  test('a bus that says nothing is waited for once, and not for long', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'kubectl eck-bus-'));
    cleanups.push(() => {
      rmSync(directory, { recursive: true, force: true });
    });
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(directory, 'bus'), resolve));
    cleanups.push(() => server.close());
    const catalog = secretServiceCatalog({
      DBUS_SESSION_BUS_ADDRESS: `unix:path=${encodeURI(directory)}/bus,guid=1`,
    });
    const begin = performance.now();
    expect(await Promise.all(['eck-1', 'eck-2'].map((name) => catalog.presence(name)))).toEqual([
      'unknown',
      'unknown',
    ]);
    expect(await catalog.presence('eck-3')).toBe('unknown');
    expect(performance.now() - begin).toBeLessThan(4000);
    catalog.close();
  });
});

describeWith([sessionBusRequirement], 'on a session bus that has no Secret Service', () => {
  test('none is started, and what is there is unknown', async () => {
    const bus = await startSessionBus();
    cleanups.push(() => bus.stop());
    const catalog = secretServiceCatalog(bus.environment);
    cleanups.push(() => {
      catalog.close();
    });
    expect(await catalog.presence('eck-1')).toBe('unknown');
  });
});

describeWith([secretServiceRequirement], 'with a Secret Service', () => {
  test('tells what is there, also when it is locked, and leaves it locked', async () => {
    // A prompt would never be answered, so one that is made shows as a call that hangs.
    const service = await startSecretService({ prompts: 'unanswered' });
    cleanups.push(() => service.stop());
    const { environment } = service;
    const store = await RemoteStore.start({ choice: 'keychain', environment });
    cleanups.push(() => store.stop());
    await store.save('eck-1@default/chain', Uint8Array.of(1));
    const look = async (account: string) => {
      const catalog = secretServiceCatalog(environment);
      try {
        return { presence: await catalog.presence(account), accounts: await catalog.accounts() };
      } finally {
        catalog.close();
      }
    };
    const accounts = ['eck-1@default/chain'];
    expect(await look('eck-1@default/chain')).toEqual({ presence: 'there', accounts });
    expect(await look('eck-2@default/chain')).toEqual({ presence: 'absent', accounts });
    await service.lock();
    expect(await look('eck-1@default/chain')).toEqual({ presence: 'locked', accounts });
    // What is not found in a locked keyring may be in it all the same.
    expect(await look('eck-2@default/chain')).toEqual({ presence: 'locked', accounts });
  });
});

function keychainOn(platform: NodeJS.Platform, { loadAddon }: ReturnType<typeof fakeAddon>) {
  return osKeychain({ platform, environment: {}, warn: () => undefined, loadAddon });
}

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../src/store/open.js';
import { type Store } from '../../src/store/store.js';
import { storeChoices, type StoreChoice } from '../../src/settings.js';
import { openKeychain } from '../../src/store/keychain.js';
import { kernelKeyringRequirement, startSessionKeyring } from '../support/kernel-keyring.js';
import { describeWith } from '../support/requirements.js';
import { secretServiceRequirement, startSecretService } from '../support/secret-service.js';
import { fakeAddon } from './fake-addon.js';
import { RemoteStore } from './remote-store.js';

const home = mkdtempSync(join(tmpdir(), 'kubectl-eck-'));
afterAll(() => {
  rmSync(home, { recursive: true });
});

function open(choice: StoreChoice, environment: NodeJS.ProcessEnv = {}): Store {
  const warn = () => undefined;
  return openStore(choice, { environment, platform: process.platform, homeDirectory: () => home, warn });
}

test.each(storeChoices)('openStore opens %s by its name', (choice) => {
  expect(open(choice).name).toBe(choice);
});

describe('file', () => {
  testStoreContract(() => Promise.resolve({ store: open('file') }));
});

test('none saves nothing', async () => {
  const store = open('none');
  expect(await store.save('a', Buffer.from('entry'))).toBe('none');
  expect(await store.read('a')).toBeUndefined();
  expect(await store.delete('a')).toBe(false);
  expect(await store.deleteAll()).toBe(0);
});

describe('a keychain with the limit of Windows', () => {
  testStoreContract(() => {
    const { loadAddon } = fakeAddon({ largestSecret: 2560 });
    const context = { environment: {}, platform: 'win32', warn: () => undefined, loadAddon } as const;
    return Promise.resolve({ store: openKeychain(context) });
  });
});

describeWith([secretServiceRequirement], 'the Secret Service', () => {
  testStoreContract(async () => {
    const service = await startSecretService();
    return { store: open('keychain', service.environment), close: () => service.stop() };
  });
});

describeWith([kernelKeyringRequirement], 'the kernel keyring', () => {
  // An ordinary user may hold 20,000 bytes in all.
  const largestEntry = process.getuid?.() === 0 ? 30_000 : 10_000;
  testStoreContract(async () => {
    const keyring = await startSessionKeyring();
    const store = new RemoteStore('kernel', keyring.command);
    return { store, close: () => store.stop().finally(() => keyring.stop()) };
  }, largestEntry);
});

/** A store, and what ends it. */
interface StoreUnderTest {
  readonly store: Store;
  close?(): Promise<unknown>;
}

/** The tests of what every store that saves something guarantees, with entries of up to `largestEntry` bytes. */
function testStoreContract(open: () => Promise<StoreUnderTest>, largestEntry = 30_000): void {
  let opened: StoreUnderTest;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(() => opened.close?.());

  /** Runs a test with a key of its own, and deletes what it saved. */
  async function withKey(work: (store: Store, key: string) => Promise<void>): Promise<void> {
    // The characters of cacheKeyText.
    const key = `test-${randomUUID()}@ens.aliyuncs.com/profile%3A%C3%A4`;
    try {
      await work(opened.store, key);
    } finally {
      await opened.store.delete(key);
    }
  }

  test('a key without an entry is absent', () =>
    withKey(async (store, key) => {
      expect(await store.read(key)).toBeUndefined();
      expect(await store.delete(key)).toBe(false);
    }));

  const entries: readonly [name: string, entry: Uint8Array][] = [
    ['no bytes', Buffer.alloc(0)],
    ['one byte', Buffer.of(0)],
    ['every byte, which is not UTF-8', Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))],
    ['3 kB', randomBytes(3_000)],
    [`${largestEntry / 1000} kB`, randomBytes(largestEntry)],
  ];
  test.each(entries)('an entry of %s is read as it was saved', (_, entry) =>
    withKey(async (store, key) => {
      expect(await store.save(key, entry)).toBe(store.name);
      expect(hex(await store.read(key))).toBe(hex(entry));
    }),
  );

  test('an entry replaces the one before, larger or smaller', () =>
    withKey(async (store, key) => {
      for (const entry of [randomBytes(3_000), randomBytes(largestEntry), randomBytes(100)]) {
        await store.save(key, entry);
        expect(hex(await store.read(key))).toBe(hex(entry));
      }
    }));

  test('a deleted entry is absent', () =>
    withKey(async (store, key) => {
      await store.save(key, randomBytes(100));
      expect(await store.delete(key)).toBe(true);
      expect(await store.read(key)).toBeUndefined();
      expect(await store.delete(key)).toBe(false);
    }));

  test('keys are independent', () =>
    withKey((store, one) =>
      withKey(async (_, other) => {
        await store.save(one, Buffer.from('one'));
        await store.save(other, Buffer.from('other'));
        await store.delete(other);
        expect(hex(await store.read(one))).toBe(hex(Buffer.from('one')));
      }),
    ));
}

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString('hex');
}

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../src/store/open-store.js';
import { storeChoices } from '../../src/settings.js';
import {
  kernelKeyringRequirement,
  startSessionKeyring,
  type SessionKeyring,
} from '../support/kernel-keyring.js';
import { RemoteStore, type RemoteStoreOptions } from '../support/remote-store.js';
import { describeWith } from '../support/requirements.js';
import {
  secretServiceRequirement,
  startSecretService,
  type SecretService,
} from '../support/secret-service.js';

const entry = Buffer.from('entry');

describe('openStore', () => {
  const home = mkdtempSync(join(tmpdir(), 'kubectl-eck-'));
  afterAll(() => {
    rmSync(home, { recursive: true });
  });
  const context = {
    environment: {},
    platform: process.platform,
    homeDirectory: () => home,
    warn: () => undefined,
  };

  test.each(storeChoices)('opens the store %s by its name', (choice) => {
    expect(openStore(choice, context).name).toBe(choice);
  });

  test("files lie in kubectl's cache directory", async () => {
    const store = openStore('file', context);
    expect(await store.save('a', entry)).toBe('file');
    expect(existsSync(join(home, '.kube/cache/kubectl-eck/credentials'))).toBe(true);
    expect(await store.read('a')).toEqual(entry);
    expect(await store.delete('a')).toBe(true);
  });

  test('none keeps nothing', async () => {
    const store = openStore('none', context);
    expect(await store.save('a', entry)).toBe('none');
    expect(await store.read('a')).toBeUndefined();
    expect(await store.delete('a')).toBe(false);
  });
});

const noBus = { DBUS_SESSION_BUS_ADDRESS: undefined, XDG_RUNTIME_DIR: undefined };

/** Runs a test with `auto` in a process of its own, and deletes what it kept. */
async function withAuto(
  options: Omit<RemoteStoreOptions, 'choice'>,
  work: (store: RemoteStore, account: string) => Promise<void>,
): Promise<void> {
  const store = await RemoteStore.start({ choice: 'auto', ...options });
  const account = `test-${randomUUID()}`;
  try {
    await work(store, account);
  } finally {
    await store.delete(account);
    await store.stop();
  }
}

describeWith([secretServiceRequirement, kernelKeyringRequirement], 'auto', () => {
  let service: SecretService;
  let keyring: SessionKeyring;
  beforeAll(async () => {
    service = await startSecretService();
    keyring = await startSessionKeyring();
  });
  afterAll(async () => {
    await keyring.stop();
    await service.stop();
  });

  test('is the Secret Service where there is one', () =>
    withAuto({ environment: service.environment, command: keyring.command }, async (store, account) => {
      expect(await store.save(account, entry)).toBe('keychain');
      expect(await store.read(account)).toEqual(entry);
      expect(store.failures).toEqual([]);
    }));

  test('is the kernel keyring where there is no Secret Service', () =>
    withAuto({ environment: noBus, command: keyring.command }, async (store, account) => {
      expect(await store.save(account, entry)).toBe('kernel');
      expect(await store.read(account)).toEqual(entry);
      expect(store.failures[0]).toMatchObject({ store: 'keychain', code: 'keychain-absent' });
    }));

  test('deletes what was kept in either', () =>
    withAuto({ environment: service.environment, command: keyring.command }, async (store, account) => {
      await store.save(account, entry);
      await withAuto({ environment: noBus, command: keyring.command }, async (kernelOnly) => {
        await kernelOnly.save(account, entry);
        expect(await store.delete(account)).toBe(true);
        expect(await kernelOnly.read(account)).toBeUndefined();
      });
      expect(await store.read(account)).toBeUndefined();
    }));

  test('is the kernel keyring where the Secret Service is locked', async () => {
    await service.lock();
    await withAuto({ environment: service.environment, command: keyring.command }, async (store, account) => {
      expect(await store.save(account, entry)).toBe('kernel');
      expect(await store.read(account)).toEqual(entry);
      expect(store.failures[0]).toMatchObject({ store: 'keychain', code: 'keychain-locked' });
    });
  });
});

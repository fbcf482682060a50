import { afterAll, describe, expect, test } from '@jest/globals';
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
import { testStoreContract } from './contract.js';
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

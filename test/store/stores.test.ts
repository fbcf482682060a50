import { describe } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileStore } from '../../src/store/file-store.js';
import { osKeychain } from '../../src/store/os-keychain.js';
import { kernelKeyringRequirement, startSessionKeyring } from '../support/kernel-keyring.js';
import { RemoteStore } from '../support/remote-store.js';
import { describeWith } from '../support/requirements.js';
import { secretServiceRequirement, startSecretService } from '../support/secret-service.js';
import { fakeAddon } from './fake-addon.js';
import { testStoreContract } from './store-contract.js';

describe('files', () => {
  testStoreContract(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'kubectl-eck-'));
    return {
      store: fileStore(join(directory, 'credentials')),
      close: () => rm(directory, { recursive: true }),
    };
  });
});

describe('a keychain with the limit of Windows', () => {
  testStoreContract(() => {
    const { loadAddon } = fakeAddon({ largestSecret: 2560 });
    const store = osKeychain({ environment: {}, platform: 'win32', warn: () => undefined, loadAddon });
    return Promise.resolve({ store });
  });
});

describeWith([secretServiceRequirement], 'the Secret Service', () => {
  testStoreContract(async () => {
    const service = await startSecretService();
    const store = await RemoteStore.start({ choice: 'keychain', environment: service.environment });
    return { store, close: () => store.stop().finally(() => service.stop()) };
  });
});

describeWith([kernelKeyringRequirement], 'the kernel keyring', () => {
  // What an ordinary user may keep in all is 20,000 bytes.
  const largestEntry = process.getuid?.() === 0 ? 30_000 : 10_000;
  testStoreContract(async () => {
    const keyring = await startSessionKeyring();
    const store = await RemoteStore.start({ choice: 'kernel', command: keyring.command });
    return { store, close: () => store.stop().finally(() => keyring.stop()) };
  }, largestEntry);
});

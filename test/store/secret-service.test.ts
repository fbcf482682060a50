import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { RemoteStore, type RemoteStoreOptions } from '../support/remote-store.js';
import { describeWith } from '../support/requirements.js';
import {
  secretServiceRequirement,
  sessionBusRequirement,
  startSecretService,
  startSessionBus,
  type SecretService,
} from '../support/secret-service.js';

const entry = randomBytes(3_000);
const opened: RemoteStore[] = [];

afterEach(async () => {
  for (const store of opened.splice(0)) await store.stop();
});

async function open(
  environment: RemoteStoreOptions['environment'],
  patience?: RemoteStoreOptions['patience'],
) {
  const store = await RemoteStore.start({
    choice: 'keychain',
    environment: { DBUS_SESSION_BUS_ADDRESS: undefined, XDG_RUNTIME_DIR: undefined, ...environment },
    ...(patience && { patience }),
  });
  opened.push(store);
  return store;
}

describeWith([secretServiceRequirement], 'an unlocked Secret Service', () => {
  let service: SecretService;
  beforeAll(async () => {
    service = await startSecretService();
  });
  afterAll(() => service.stop());

  test('gives an entry to another process', async () => {
    await (await open(service.environment)).save('a', entry);
    expect(await (await open(service.environment)).read('a')).toEqual(entry);
  });
});

describeWith([secretServiceRequirement], 'a locked Secret Service', () => {
  let service: SecretService;
  beforeAll(async () => {
    service = await startSecretService();
    const store = await open(service.environment);
    await store.save('a', entry);
    await service.lock();
  });
  afterAll(() => service.stop());

  test.each([
    ['reads', (store: RemoteStore) => store.read('a')],
    ['writes', (store: RemoteStore) => store.save('b', entry)],
    ['deletes', (store: RemoteStore) => store.delete('a')],
  ])('where nobody unlocks it, neither %s nor hangs', async (_, call) => {
    const store = await open(service.environment);
    await expect(call(store)).rejects.toMatchObject({ store: 'keychain', code: 'keychain-locked' });
    expect(await store.stop()).toBe(0);
  });
});

describeWith(
  [secretServiceRequirement],
  'a Secret Service whose question for the password stays open',
  () => {
    let service: SecretService;
    beforeAll(async () => {
      service = await startSecretService({ prompts: 'unanswered' });
      await (await open(service.environment)).save('a', entry);
      await service.lock();
    });
    afterAll(() => service.stop());

    test('is given up on, and its process still ends by itself', async () => {
      const store = await open(service.environment, { limitMs: 300, noticeAfterMs: 100 });
      await expect(store.read('a')).rejects.toMatchObject({ store: 'keychain', code: 'keychain-timeout' });
      expect(store.warnings).toEqual(['waiting for the keychain to be unlocked']);
      expect(await store.stop()).toBe(0);
    });
  },
);

describeWith([sessionBusRequirement], 'no Secret Service', () => {
  test('is told from a bus without one', async () => {
    const bus = await startSessionBus();
    try {
      const store = await open(bus.environment);
      await expect(store.read('a')).rejects.toMatchObject({ store: 'keychain', code: 'keychain-absent' });
    } finally {
      await bus.stop();
    }
  });

  test('is told from the address of a bus that is not there', async () => {
    const store = await open({ DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent/bus' });
    await expect(store.read('a')).rejects.toMatchObject({ store: 'keychain', code: 'keychain-absent' });
  });
});

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { kernelKeyring } from '../../src/store/kernel-keyring.js';
import {
  kernelKeyringRequirement,
  startSessionKeyring,
  type SessionKeyring,
} from '../support/kernel-keyring.js';
import { onPath } from '../support/on-path.js';
import { RemoteStore } from '../support/remote-store.js';
import { describeWith, type Requirement } from '../support/requirements.js';
import { fakeAddon } from './fake-addon.js';

describe('kernelKeyring', () => {
  test.each(['darwin', 'win32'] as const)('is absent under %s, and nothing is loaded', async (platform) => {
    const loadAddon = () => Promise.reject(new Error('loaded'));
    const store = kernelKeyring({ platform, loadAddon });
    const absent = { store: 'kernel', code: 'keychain-absent' };
    await expect(store.read('a')).rejects.toMatchObject(absent);
    await expect(store.save('a', Buffer.from('1'))).rejects.toMatchObject(absent);
    await expect(store.delete('a')).rejects.toMatchObject(absent);
  });

  test('a keyring that gives nothing back is tried with something that is no secret', async () => {
    const { loadAddon, secrets, calls } = refusing('get probe');
    const store = kernelKeyring({ platform: 'linux', loadAddon });
    await expect(store.save('a', Buffer.from('secret'))).rejects.toMatchObject({ code: 'keychain-refused' });
    expect([...secrets.values()].map(String)).toEqual(['\x01']);
    expect(calls).not.toContain('set a');
  });

  test('what was written is read back, and an entry that is not the one that was written is refused', async () => {
    const { loadAddon, secrets } = fakeAddon();
    const store = kernelKeyring({ platform: 'linux', loadAddon });
    const set = secrets.set.bind(secrets);
    secrets.set = (account, secret) => (account === 'a' ? secrets : set(account, secret));
    await expect(store.save('a', Buffer.from('1'))).rejects.toMatchObject({ code: 'keychain-refused' });
  });

  test('trying it leaves nothing behind', async () => {
    const { loadAddon, secrets } = fakeAddon();
    await kernelKeyring({ platform: 'linux', loadAddon }).save('a', Buffer.from('1'));
    expect([...secrets.keys()]).toEqual(['a']);
  });
});

/** A keychain that fails one kind of call as a kernel keyring does outside of a session. */
function refusing(call: string) {
  const fake = fakeAddon();
  fake.answer = () =>
    fake.calls.at(-1) === call
      ? Promise.reject(new Error("Couldn't access platform storage: AccessDenied"))
      : undefined;
  return fake;
}

describeWith([kernelKeyringRequirement], 'a real kernel keyring', () => {
  let keyring: SessionKeyring;
  const account = `test-${randomUUID()}`;
  beforeEach(async () => {
    keyring = await startSessionKeyring();
  });
  afterEach(() => keyring.stop());

  test('gives an entry to another process of the session', async () => {
    const one = await RemoteStore.start({ choice: 'kernel', command: keyring.command });
    const other = await RemoteStore.start({ choice: 'kernel', command: keyring.command });
    try {
      await one.save(account, Buffer.from('entry'));
      expect(await other.read(account)).toEqual(Buffer.from('entry'));
    } finally {
      await one.stop();
      await other.stop();
    }
  });

  test('a key that has expired or was revoked reads as absent, and is replaced', async () => {
    const store = await RemoteStore.start({ choice: 'kernel', command: keyring.command });
    try {
      for (const action of [
        'keyctl revoke $key',
        'keyctl timeout $key 1; while keyctl print $key; do :; done',
      ]) {
        await store.save(account, Buffer.from('old'));
        const script = `key=$(keyctl search @s user "keyring:${account}@kubectl-eck"); ${action}`;
        await keyring.run(['/bin/sh', '-c', script], process.env);
        expect(await store.read(account)).toBeUndefined();
        await store.save(account, Buffer.from('new'));
        expect(await store.read(account)).toEqual(Buffer.from('new'));
      }
    } finally {
      await store.stop();
    }
  });
});

/** root may hold 25 megabytes of keys, so it takes another user to fill a keyring. */
const ordinaryUser: Requirement = {
  name: 'setpriv, where it is root that runs the tests',
  available: process.getuid?.() !== 0 || onPath('setpriv'),
};

describeWith([kernelKeyringRequirement, ordinaryUser], 'a kernel keyring that is full', () => {
  test('refuses, and still has what it had', async () => {
    const asOrdinaryUser =
      process.getuid?.() === 0
        ? (['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups', 'keyctl', 'session', '-'] as const)
        : (['keyctl', 'session', '-'] as const);
    const store = await RemoteStore.start({
      choice: 'kernel',
      command: (argv) => [...asOrdinaryUser, ...argv],
    });
    try {
      await store.save(account, Buffer.from('small'));
      await expect(store.save(account, Buffer.alloc(30_000))).rejects.toMatchObject({
        store: 'kernel',
        code: 'keychain-refused',
        message: expect.stringContaining('full'),
      });
      expect(await store.read(account)).toEqual(Buffer.from('small'));
    } finally {
      await store.delete(account);
      await store.stop();
    }
  });
  const account = `test-${randomUUID()}`;
});

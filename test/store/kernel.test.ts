import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { openKernelKeyring } from '../../src/store/kernel.js';
import {
  kernelKeyringRequirement,
  startSessionKeyring,
  type SessionKeyring,
} from '../support/kernel-keyring.js';
import { onPath } from '../support/on-path.js';
import { describeWith, type Requirement } from '../support/requirements.js';
import { fakeAddon } from './fake-addon.js';
import { RemoteStore } from './remote-store.js';

describe('openKernelKeyring', () => {
  test.each(['darwin', 'win32'] as const)('is absent on %s, and nothing is loaded', async (platform) => {
    const store = openKernelKeyring({ platform }, () => Promise.reject(new Error('loaded')));
    const absent = { store: 'kernel', code: 'keychain-absent' };
    await expect(store.read('a')).rejects.toMatchObject(absent);
    await expect(store.save('a', Buffer.from('1'))).rejects.toMatchObject(absent);
    await expect(store.delete('a')).rejects.toMatchObject(absent);
  });

  test('a process that gets a session keyring of its own at the first access is refused', async () => {
    const addon = fakeAddon();
    const sessionKeyrings = () => (addon.calls.length === 0 ? ['1'] : ['1', '2']);
    const store = openKernelKeyring({ platform: 'linux' }, addon.loadAddon, sessionKeyrings);
    for (const call of [
      () => store.read('a'),
      () => store.save('a', Buffer.of(1)),
      () => store.delete('a'),
    ]) {
      const fix = expect.stringContaining('keyctl session -') as unknown;
      await expect(call()).rejects.toMatchObject({ code: 'keychain-refused', fix });
    }
    expect(addon.calls).toEqual(['get probe']);
  });

  test('an entry that cannot be read back is refused and deleted', async () => {
    const { loadAddon, secrets } = fakeAddon();
    const set = secrets.set.bind(secrets);
    secrets.set = (key) => set(key, Buffer.from('something else'));
    const store = openKernelKeyring({ platform: 'linux' }, loadAddon, () => []);
    await expect(store.save('a', Buffer.from('1'))).rejects.toMatchObject({ code: 'keychain-refused' });
    expect(secrets.size).toBe(0);
  });
});

const key = `test-${randomUUID()}`;

describeWith([kernelKeyringRequirement], 'a shell with a session keyring', () => {
  let keyring: SessionKeyring;
  beforeEach(async () => {
    keyring = await startSessionKeyring();
  });
  afterEach(() => keyring.stop());

  test('shares an entry between its processes', async () => {
    const one = new RemoteStore('kernel', keyring.command);
    const other = new RemoteStore('kernel', keyring.command);
    await one.save(key, Buffer.from('entry'));
    expect(await other.read(key)).toEqual(Buffer.from('entry'));
    for (const store of [one, other]) await store.stop();
  });

  test('a key that has expired or was revoked is absent, and is replaced', async () => {
    const store = new RemoteStore('kernel', keyring.command);
    for (const action of [
      'keyctl revoke $key',
      'keyctl timeout $key 1; while keyctl print $key; do :; done',
    ]) {
      await store.save(key, Buffer.from('old'));
      const script = `key=$(keyctl search @s user "keyring:${key}@kubectl-eck"); ${action}`;
      await keyring.run(['/bin/sh', '-c', script], process.env);
      expect(await store.read(key)).toBeUndefined();
      await store.save(key, Buffer.from('new'));
      expect(await store.read(key)).toEqual(Buffer.from('new'));
    }
    await store.stop();
  });
});

/** root may hold 25 MB of keys, and has the session keyring of the tests: another user has neither. */
const otherUser: Requirement = {
  name: 'setpriv and keyctl, run by root',
  available: process.getuid?.() === 0 && onPath('setpriv') && onPath('keyctl'),
};
const asOtherUser = ['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups'] as const;

describeWith([kernelKeyringRequirement, otherUser], 'another user', () => {
  test('without a session keyring is refused at every call, and nothing is left behind', async () => {
    for (const call of ['read', 'save', 'delete'] as const) {
      const store = new RemoteStore('kernel', (argv) => [...asOtherUser, ...argv]);
      const refused = { store: 'kernel', code: 'keychain-refused' };
      await expect(store[call](key, Buffer.from('entry'))).rejects.toMatchObject(refused);
      await store.stop();
    }
    const command = [...asOtherUser, 'cat', '/proc/keys'];
    const keys = execFileSync(command[0] ?? '', command.slice(1), { encoding: 'utf8' });
    expect(keys).not.toContain('kubectl-eck');
  });

  test('whose keyring is full is refused, and still has what it had', async () => {
    const store = new RemoteStore('kernel', (argv) => [...asOtherUser, 'keyctl', 'session', '-', ...argv]);
    await store.save(key, Buffer.from('small'));
    const full = { store: 'kernel', code: 'keychain-refused', message: 'the kernel keyring is full' };
    await expect(store.save(key, Buffer.alloc(30_000))).rejects.toMatchObject(full);
    expect(await store.read(key)).toEqual(Buffer.from('small'));
    await store.delete(key);
    await store.stop();
  });
});

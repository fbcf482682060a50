import { beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { StoreError } from '../../src/store/store.js';
import { openKernelKeyring } from '../../src/store/kernel.js';
import { kernelKeyringRequirement, startSessionKeyring, type SessionKeyring } from '../support/kernel-keyring.js';
import { onPath } from '../support/on-path.js';
import { describeWith, type Requirement } from '../support/requirements.js';
import { stopAfterTest } from '../support/stop-after-test.js';
import { fakeAddon } from './fake-addon.js';
import { RemoteStore } from './remote-store.js';

/** A session keyring in /proc/keys. */
const keyring = (serial: string) => `${serial} I--Q---     1 perm 3f030000     0     0 keyring   _ses: 2\n`;

describe('openKernelKeyring', () => {
  test.each(['darwin', 'win32'] as const)('is absent on %s, and nothing is loaded', async (platform) => {
    const store = openKernelKeyring(
      { platform },
      () => Promise.reject(new Error('loaded')),
      () => undefined,
    );
    const absent = { store: 'kernel', code: 'keychain-absent', fix: 'Choose another --store' };
    await expect(store.read('a')).rejects.toMatchObject(absent);
    await expect(store.save('a', Buffer.from('1'))).rejects.toMatchObject(absent);
    await expect(store.delete('a')).rejects.toMatchObject(absent);
  });

  test('a process that gets a session keyring of its own at the first access is refused', async () => {
    const addon = fakeAddon();
    const keys = () => (addon.calls.length === 0 ? keyring('1') : keyring('1') + keyring('2'));
    const store = openKernelKeyring({ platform: 'linux' }, addon.loadAddon, keys);
    for (const call of [() => store.read('a'), () => store.save('a', Buffer.of(1))]) {
      const fix = expect.stringContaining('keyctl session -') as unknown;
      await expect(call()).rejects.toMatchObject({ code: 'keychain-refused', fix });
    }
    expect(addon.calls).toEqual(['get a']);
    expect(await store.delete('a')).toBe(false);
  });

  test('what another process saved is served, also if another session begins meanwhile', async () => {
    const addon = fakeAddon();
    addon.secrets.set('a', Buffer.of(1, 7));
    const keys = () => (addon.calls.length === 0 ? keyring('1') : keyring('1') + keyring('2'));
    const store = openKernelKeyring({ platform: 'linux' }, addon.loadAddon, keys);
    expect(await store.read('a')).toEqual(Uint8Array.of(7));
    expect(await store.save('a', Buffer.of(8))).toBe('kernel');
    expect(addon.calls[0]).toBe('get a');
  });

  const keyOf = (description: string, flags = 'I--Q---', user = process.getuid?.()) =>
    `0b84e91a ${flags}     1 perm 3f010000 ${String(user).padStart(5)}     0 user      ${description}: 705\n`;
  test.each<[string, string | undefined, string]>([
    ['another session has it', keyOf('keyring:a@kubectl-eck'), 'keychain-unreachable'],
    ['it is invalidated', keyOf('keyring:a@kubectl-eck', 'I--Q--i'), ''],
    ['it is revoked', keyOf('keyring:a@kubectl-eck', 'IR-Q---'), ''],
    ['another user has one', keyOf('keyring:a@kubectl-eck', 'I--Q---', 4711), ''],
    ['another program has one', keyOf('keyring:a@kubectl'), ''],
    ['there is another one', keyOf('keyring:b@kubectl-eck'), ''],
    ['keys of other sessions are hidden', undefined, 'keychain-refused'],
  ])('a deletion without a session keyring, where %s', async (_, others, code) => {
    const addon = fakeAddon();
    const own = () => (addon.calls.length === 0 ? '' : keyring('2'));
    const refusing = () => Promise.reject(new StoreError('kernel', 'keychain-refused', 'no'));
    const store =
      others === undefined
        ? openKernelKeyring({ platform: 'linux' }, refusing, () => undefined)
        : openKernelKeyring({ platform: 'linux' }, addon.loadAddon, () => others + own());
    if (code === '') expect(await store.delete('a')).toBe(false);
    else await expect(store.delete('a')).rejects.toMatchObject({ code });
  });

  test('a deletion deletes the key of the session, and the one of the persistent keyring', async () => {
    const { loadAddon, secrets } = fakeAddon();
    const remove = secrets.delete.bind(secrets);
    secrets.set('a', Buffer.of(1, 1));
    let keys = 2;
    secrets.delete = (key) => (secrets.has(key) && (keys -= 1) > 0) || remove(key);
    expect(await openKernelKeyring({ platform: 'linux' }, loadAddon, () => '').delete('a')).toBe(true);
    expect(secrets.size).toBe(0);
  });

  test('an entry that cannot be read back is refused and deleted', async () => {
    const { loadAddon, secrets } = fakeAddon();
    const set = secrets.set.bind(secrets);
    secrets.set = (key) => set(key, Buffer.from('something else'));
    const store = openKernelKeyring({ platform: 'linux' }, loadAddon, () => '');
    await expect(store.save('a', Buffer.from('1'))).rejects.toMatchObject({ code: 'keychain-refused' });
    expect(secrets.size).toBe(0);
  });
});

const key = `test-${randomUUID()}`;

describeWith([kernelKeyringRequirement], 'a shell with a session keyring', () => {
  let keyring: SessionKeyring;
  beforeEach(async () => {
    keyring = stopAfterTest(await startSessionKeyring());
  });

  test('a key that has expired or was revoked is absent, and is replaced', async () => {
    const store = new RemoteStore('kernel', keyring.command);
    for (const action of ['keyctl revoke $key', 'keyctl timeout $key 1; while keyctl print $key; do :; done']) {
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
    for (const call of ['read', 'save'] as const) {
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
    const full = {
      store: 'kernel',
      code: 'keychain-full',
      message: expect.stringContaining('full') as unknown,
    };
    await expect(store.save(key, Buffer.alloc(30_000))).rejects.toMatchObject(full);
    expect(await store.read(key)).toEqual(Buffer.from('small'));
    await store.delete(key);
    await store.stop();
  });
});

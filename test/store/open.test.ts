import { describe, expect, test } from '@jest/globals';
import { existsSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { autoStore } from '../../src/store/open.js';
import { StoreError, type Store, type StoreErrorCode } from '../../src/store/store.js';
import { type StoreName } from '../../src/settings.js';
import { MemoryStore } from '../exec-credential/fixtures.js';
import { directory as home } from '../support/directory.js';

const entry = Buffer.from('entry');

function failing(name: StoreName, code: StoreErrorCode = 'keychain-refused'): Store & { calls: number } {
  const fail = () => {
    store.calls += 1;
    return Promise.reject(new StoreError(name, code, 'failed'));
  };
  const store = { name, calls: 0, read: fail, save: fail, delete: fail, deleteAll: fail };
  return store;
}

function auto(...stores: Store[]): Store {
  return autoStore(stores, { environment: {}, homeDirectory: () => home });
}

describe('auto', () => {
  test('saves in the first store that works, and reports the others', async () => {
    const [keychain, kernel] = [new MemoryStore('keychain'), new MemoryStore('kernel')];
    expect(await auto(keychain, kernel).save('a', entry)).toBe('keychain');
    expect(kernel.entries.size).toBe(0);
    const second = auto(failing('keychain'), kernel);
    expect(await second.save('a', entry)).toBe('kernel');
    expect(second.failures?.map(({ store }) => store)).toEqual(['keychain']);
  });

  test('reads from the first store that has an entry', async () => {
    const [keychain, kernel] = [new MemoryStore('keychain'), new MemoryStore('kernel')];
    expect(await auto(keychain, kernel).read('a')).toBeUndefined();
    kernel.entries.set('a', Buffer.from('saved while the keychain was locked'));
    expect(await auto(keychain, kernel).read('a')).toBe(kernel.entries.get('a'));
    keychain.entries.set('a', entry);
    expect(await auto(keychain, kernel).read('a')).toBe(entry);
  });

  test('deletes from every store', async () => {
    const [keychain, kernel] = [new MemoryStore('keychain'), new MemoryStore('kernel')];
    for (const store of [keychain, kernel]) for (const key of ['a', 'b', 'c']) store.entries.set(key, entry);
    expect(await auto(keychain, failing('kernel'), kernel).delete('a')).toBe(true);
    expect(await auto(keychain, failing('kernel'), kernel).deleteAll()).toBe(4);
    expect(keychain.entries.size + kernel.entries.size).toBe(0);
  });

  test('saves nothing if every store fails', async () => {
    const store = auto(failing('keychain'), failing('kernel'));
    expect(await store.save('a', entry)).toBe('none');
    expect(await store.read('a')).toBeUndefined();
    expect(await store.delete('a')).toBe(false);
    expect(await store.deleteAll()).toBe(0);
    expect(store.failures).toHaveLength(2);
  });

  test('throws any other error', async () => {
    const broken = new MemoryStore();
    broken.read = () => Promise.reject(new TypeError('defect'));
    await expect(auto(broken, new MemoryStore('kernel')).read('a')).rejects.toThrow(TypeError);
  });

  test('skips a keychain that timed out for a minute, and reports it each time', async () => {
    const keychain = failing('keychain', 'keychain-timeout');
    const mark = () => join(home, '.kube/cache/kubectl-eck/keychain-timeout');
    for (let round = 0; round < 3; round += 1) {
      const store = auto(keychain, new MemoryStore('kernel'));
      await store.read('a');
      expect(store.failures).toMatchObject([{ code: 'keychain-timeout' }]);
    }
    expect(keychain.calls).toBe(1);
    const minuteAgo = new Date(Date.now() - 61_000);
    utimesSync(mark(), minuteAgo, minuteAgo);
    await auto(keychain).read('a');
    expect(keychain.calls).toBe(2);
    expect(statSync(mark()).mtimeMs).toBeGreaterThan(minuteAgo.getTime() + 50_000);
  });

  test('leaves no mark for other failures', async () => {
    await auto(failing('keychain', 'keychain-locked')).read('a');
    expect(existsSync(join(home, '.kube'))).toBe(false);
  });
});

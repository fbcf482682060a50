import { beforeEach, describe, expect, test } from '@jest/globals';
import { autoStore } from '../../src/store/auto-store.js';
import { StoreError, type Store } from '../../src/store/store.js';
import { type StoreName } from '../../src/settings.js';

let failures: StoreError[];
beforeEach(() => {
  failures = [];
});

describe('a store that works', () => {
  test('is written, and the next one is not', async () => {
    const [keychain, kernel] = [working('keychain'), working('kernel')];
    expect(await auto(keychain, kernel).save('a', Buffer.from('1'))).toBe('keychain');
    expect(keychain.kept.has('a')).toBe(true);
    expect(kernel.kept.has('a')).toBe(false);
  });

  test('is read before the next one, which is asked where it has nothing', async () => {
    const [keychain, kernel] = [working('keychain'), working('kernel')];
    expect(await auto(keychain, kernel).read('a')).toBeUndefined();
    kernel.kept.set('a', Buffer.from('written while the keychain was locked'));
    expect(await auto(keychain, kernel).read('a')).toEqual(kernel.kept.get('a'));
    keychain.kept.set('a', Buffer.from('1'));
    expect(await auto(keychain, kernel).read('a')).toEqual(Buffer.from('1'));
    expect(failures).toEqual([]);
  });
});

describe('a store that fails', () => {
  test('is reported and passed over', async () => {
    const kernel = working('kernel');
    expect(await auto(failing('keychain'), kernel).save('a', Buffer.from('1'))).toBe('kernel');
    expect(await auto(failing('keychain'), kernel).read('a')).toEqual(Buffer.from('1'));
    expect(failures.map(({ store }) => store)).toEqual(['keychain', 'keychain']);
  });

  test('where all of them fail, nothing is kept, and each is reported', async () => {
    const store = auto(failing('keychain'), failing('kernel'));
    expect(await store.save('a', Buffer.from('1'))).toBe('none');
    expect(failures.map(({ store: name }) => name)).toEqual(['keychain', 'kernel']);
    expect(await store.read('a')).toBeUndefined();
    expect(await store.delete('a')).toBe(false);
  });

  test('a defect is not passed over', async () => {
    const broken: Store = { ...working('keychain'), read: () => Promise.reject(new TypeError('defect')) };
    await expect(auto(broken, working('kernel')).read('a')).rejects.toThrow(TypeError);
  });
});

describe('deleting', () => {
  test('takes an entry out of every store', async () => {
    const [keychain, kernel] = [working('keychain'), working('kernel')];
    for (const store of [keychain, kernel]) store.kept.set('a', Buffer.from('1'));
    expect(await auto(keychain, kernel).delete('a')).toBe(true);
    expect(keychain.kept.size + kernel.kept.size).toBe(0);
  });

  test('goes on where one fails, and reports it', async () => {
    const kernel = working('kernel');
    kernel.kept.set('a', Buffer.from('1'));
    expect(await auto(failing('keychain'), kernel).delete('a')).toBe(true);
    expect(failures).toHaveLength(1);
  });
});

function auto(...stores: Store[]): Store {
  return autoStore(stores, (failure) => failures.push(failure));
}

function working(name: StoreName): Store & { readonly kept: Map<string, Uint8Array> } {
  const kept = new Map<string, Uint8Array>();
  return {
    name,
    kept,
    read: (account) => Promise.resolve(kept.get(account)),
    save: (account, entry) => Promise.resolve((kept.set(account, entry), name)),
    delete: (account) => Promise.resolve(kept.delete(account)),
  };
}

function failing(name: StoreName): Store {
  const fail = () => Promise.reject(new StoreError(name, 'keychain-refused', 'refused'));
  return { name, read: fail, save: fail, delete: fail };
}

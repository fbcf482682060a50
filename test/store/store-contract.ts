import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import type { Store } from '../../src/store/store.js';

/** A store that is tested, and what ends it. */
export interface StoreUnderTest {
  readonly store: Store;
  close?(): Promise<unknown>;
}

/**
 * What every store that keeps something guarantees, as tests.
 *
 * @param largestEntry the most bytes that are tried
 */
export function testStoreContract(open: () => Promise<StoreUnderTest>, largestEntry = 30_000): void {
  let opened: StoreUnderTest;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(() => opened.close?.());

  /** Gives a test an account that nobody else uses, and leaves nothing behind under it. */
  async function withAccount(work: (store: Store, account: string) => Promise<void>): Promise<void> {
    // Characters as an account has them: see credentialKeyText.
    const account = `test-${randomUUID()}@ens.aliyuncs.com/profile%3A%C3%A4`;
    try {
      await work(opened.store, account);
    } finally {
      await opened.store.delete(account);
    }
  }

  test('nothing is kept under an account that was not written', () =>
    withAccount(async (store, account) => {
      expect(await store.read(account)).toBeUndefined();
      expect(await store.delete(account)).toBe(false);
    }));

  const entries: readonly [name: string, entry: Uint8Array][] = [
    ['no bytes', Buffer.alloc(0)],
    ['one byte', Buffer.of(0)],
    ['every byte there is, which is not UTF-8', Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))],
    ['3 kB', randomBytes(3_000)],
    [`${largestEntry / 1000} kB`, randomBytes(largestEntry)],
  ];
  test.each(entries)('an entry of %s is read as it was written', (_, entry) =>
    withAccount(async (store, account) => {
      expect(await store.save(account, entry)).toBe(store.name);
      expect(hex(await store.read(account))).toBe(hex(entry));
    }),
  );

  test('an entry takes the place of the one before, larger or smaller', () =>
    withAccount(async (store, account) => {
      for (const entry of [randomBytes(3_000), randomBytes(largestEntry), randomBytes(100)]) {
        await store.save(account, entry);
        expect(hex(await store.read(account))).toBe(hex(entry));
      }
    }));

  test('writing what is kept already changes nothing', () =>
    withAccount(async (store, account) => {
      const entry = randomBytes(100);
      await store.save(account, entry);
      expect(await store.save(account, entry)).toBe(store.name);
      expect(hex(await store.read(account))).toBe(hex(entry));
    }));

  test('a deleted entry is gone', () =>
    withAccount(async (store, account) => {
      await store.save(account, randomBytes(100));
      expect(await store.delete(account)).toBe(true);
      expect(await store.read(account)).toBeUndefined();
      expect(await store.delete(account)).toBe(false);
    }));

  test('an account does not see the entry of another', () =>
    withAccount((store, one) =>
      withAccount(async (_, other) => {
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

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import type { Store } from '../../src/store/store.js';

/** A store, and what ends it. */
export interface StoreUnderTest {
  readonly store: Store;
  close?(): Promise<unknown>;
}

/** The tests of what every store that saves something guarantees, with entries of up to `largestEntry` bytes. */
export function testStoreContract(open: () => Promise<StoreUnderTest>, largestEntry = 30_000): void {
  let opened: StoreUnderTest;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(() => opened.close?.());

  /** Runs a test with a key of its own, and deletes what it saved. */
  async function withKey(work: (store: Store, key: string) => Promise<void>): Promise<void> {
    // The characters of cacheKeyText.
    const key = `test-${randomUUID()}@ens.aliyuncs.com/profile%3A%C3%A4`;
    try {
      await work(opened.store, key);
    } finally {
      await opened.store.delete(key);
    }
  }

  test('a key without an entry is absent', () =>
    withKey(async (store, key) => {
      expect(await store.read(key)).toBeUndefined();
      expect(await store.delete(key)).toBe(false);
    }));

  const entries: readonly [name: string, entry: Uint8Array][] = [
    ['no bytes', Buffer.alloc(0)],
    ['one byte', Buffer.of(0)],
    ['every byte, which is not UTF-8', Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))],
    ['3 kB', randomBytes(3_000)],
    [`${largestEntry / 1000} kB`, randomBytes(largestEntry)],
  ];
  test.each(entries)('an entry of %s is read as it was saved', (_, entry) =>
    withKey(async (store, key) => {
      expect(await store.save(key, entry)).toBe(store.name);
      expect(hex(await store.read(key))).toBe(hex(entry));
    }),
  );

  test('an entry replaces the one before, larger or smaller', () =>
    withKey(async (store, key) => {
      for (const entry of [randomBytes(3_000), randomBytes(largestEntry), randomBytes(100)]) {
        await store.save(key, entry);
        expect(hex(await store.read(key))).toBe(hex(entry));
      }
    }));

  test('a deleted entry is absent', () =>
    withKey(async (store, key) => {
      await store.save(key, randomBytes(100));
      expect(await store.delete(key)).toBe(true);
      expect(await store.read(key)).toBeUndefined();
      expect(await store.delete(key)).toBe(false);
    }));

  test('keys are independent', () =>
    withKey((store, one) =>
      withKey(async (_, other) => {
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

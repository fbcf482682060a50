import { describe, expect, test } from '@jest/globals';
import { cacheKeyText } from '../../src/credential/cache-key.js';
import { decodeEntry, encodeEntry } from '../../src/credential/encoded-entry.js';
import { splitItems, type Items } from '../../src/store/store.js';

const limit = 50;
const key = cacheKeyText({ endpoint: { kind: 'default' }, identity: { kind: 'chain' }, clusterId: 'a' });

/** Items in memory that can stop working, as when a process is killed between two calls. */
class FakeItems implements Items {
  readonly saved = new Map<string, Uint8Array>();
  readonly calls: string[] = [];
  changes = 0;
  stopAfter = Infinity;

  read(name: string): Promise<Uint8Array | undefined> {
    this.calls.push(`read ${name}`);
    return Promise.resolve(this.saved.get(name));
  }
  save(name: string, item: Uint8Array): Promise<void> {
    this.calls.push(`save ${name}`);
    return this.#change(() => void this.saved.set(name, item));
  }
  delete(name: string): Promise<boolean> {
    this.calls.push(`delete ${name}`);
    return this.#change(() => this.saved.delete(name));
  }
  #change<T>(change: () => T): Promise<T> {
    if (this.changes >= this.stopAfter) return Promise.reject(new Error('killed'));
    this.changes++;
    return Promise.resolve(change());
  }
}

describe('an entry', () => {
  test.each([
    { length: 0, most: limit, items: [1] },
    { length: 49, most: limit, items: [50] },
    { length: 50, most: limit, items: [50, 1] },
    { length: 149, most: limit, items: [50, 50, 50] },
    { length: 3000, most: 2560, items: [2560, 441] },
    { length: 255 * limit - 1, most: limit, items: Array<number>(255).fill(50) },
    { length: 100_000, most: undefined, items: [100_001] },
  ])('of $length bytes with a limit of $most takes items of $items bytes', async ({ length, most, items }) => {
    const fake = new FakeItems();
    const entry = Buffer.alloc(length, 7);
    await splitItems(fake, most).save('a', entry);
    expect([...fake.saved.entries()].sort(byNumber).map(([, item]) => item.length)).toEqual(items);
    expect(await splitItems(fake, most).read('a')).toEqual(entry);
    const { changes } = fake;
    await splitItems(fake, most).save('a', entry);
    expect(fake.changes).toBe(changes);
  });

  test('that is too large is refused, and the old one stays', async () => {
    const entries = splitItems(new FakeItems(), limit);
    await entries.save('a', Buffer.of(1));
    const refused = { code: 'keychain-refused' };
    await expect(entries.save('a', Buffer.alloc(255 * limit))).rejects.toMatchObject(refused);
    expect(await entries.read('a')).toEqual(Buffer.of(1));
  });

  test.each([
    ['no bytes', { a: [] }],
    ['no number of items', { a: [0, 1, 2] }],
    ['a tail that is missing', { a: [3, 1], 'a#2': [1] }],
  ])('whose head has %s is absent', async (_, saved: Record<string, number[]>) => {
    const items = new FakeItems();
    for (const [name, item] of Object.entries(saved)) items.saved.set(name, Uint8Array.from(item));
    expect(await splitItems(items, limit).read('a')).toBeUndefined();
  });

  test('without a limit is read as one item, and saved as one', async () => {
    const items = new FakeItems();
    const entries = splitItems(items);
    await entries.save('a', Buffer.alloc(5000));
    await entries.read('a');
    await entries.delete('a');
    expect(items.calls).toEqual(['read a', 'save a', 'read a', 'delete a']);
  });
});

/** The certificate's lengths, for entries of two to five items. */
const sizes = [0, 50, 70, 120] as const;
const pairs = sizes.flatMap((from) => sizes.map((to) => ({ from, to })));

describe('a credential', () => {
  /** Stops a save of `to` bytes, or a deletion, after each of its changes. The next call works with what is left. */
  async function interrupt(from: number, to?: number): Promise<void> {
    const [old, entry, last] = [encode(from, 1), to === undefined ? undefined : encode(to, 2), encode(60, 3)];
    let finished = false;
    for (let stopAfter = 0; !finished; stopAfter++) {
      const items = new FakeItems();
      const entries = splitItems(items, limit);
      await entries.save('a', old);
      items.stopAfter = items.changes + stopAfter;
      const call = entry ? entries.save('a', entry) : entries.delete('a');
      finished = await call.then(
        () => true,
        () => false,
      );
      expect([undefined, old, entry]).toContainEqual(await read(items));

      items.stopAfter = Infinity;
      if (entry) {
        await entries.save('a', last);
        expect(await read(items)).toEqual(last);
      }
      await entries.delete('a');
      expect(items.saved.size).toBe(0);
    }
  }

  test.each(pairs)(
    'after any part of a save of $to bytes over $from there is the old one, the new one, or none',
    ({ from, to }) => interrupt(from, to),
  );

  test.each(sizes)('after any part of a deletion of %d bytes, another one takes the rest', (size) => interrupt(size));

  test.each([
    [0, 50],
    [50, 0],
    [50, 50],
    [50, 120],
    [120, 50],
  ])('during and after simultaneous saves of %d and %d bytes, is one of them or absent', async (one, two) => {
    const [old, first, second] = [encode(60, 3), encode(one, 1), encode(two, 2)];
    for (let turns = 0; turns < 2 ** 12; turns += 13) {
      const items = new FakeItems();
      await splitItems(items, limit).save('a', old);
      const saves = Promise.all([
        splitItems(delayed(items, turns), limit).save('a', first),
        splitItems(delayed(items, ~turns), limit).save('a', second),
      ]).then(() => true);
      while (!(await Promise.race([saves, new Promise(setImmediate)]))) {
        expect([undefined, old, first, second]).toContainEqual(await read(items));
      }
      expect([undefined, old, first, second]).toContainEqual(await read(items));
    }
  });
});

/** An entry whose certificate has this length. */
function encode(length: number, fill: number): Uint8Array {
  const date = new Date(fill);
  const privateKey = { label: 'PRIVATE KEY', der: Buffer.alloc(10, fill) } as const;
  const dates = { fetchedAt: date, notBefore: date, notAfter: date };
  return encodeEntry(key, { certificates: [Buffer.alloc(length, fill)], privateKey, ...dates });
}

/** The entry, if it can be decoded. */
async function read(items: Items): Promise<Uint8Array | undefined> {
  const entry = await splitItems(items, limit).read('a');
  return entry && decodeEntry(key, entry) && entry;
}

/** Delays each call whose bit in `turns` is set. */
function delayed(items: Items, turns: number): Items {
  const turn = async () => {
    const isDelayed = (turns & 1) === 1;
    turns >>= 1;
    if (isDelayed) await new Promise(setImmediate);
  };
  return {
    read: (name) => turn().then(() => items.read(name)),
    save: (name, item) => turn().then(() => items.save(name, item)),
    delete: (name) => turn().then(() => items.delete(name)),
  };
}

function byNumber([one]: [string, unknown], [other]: [string, unknown]): number {
  return Number(one.split('#')[1] ?? 1) - Number(other.split('#')[1] ?? 1);
}

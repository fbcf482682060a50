import { describe, expect, test } from '@jest/globals';
import { itemCount, joinItems, splitEntry, splitItems, type Items } from '../../src/store/split-items.js';

const generation = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const other = Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1);
/** Room for 7 bytes in a head with tails, and for 11 in a tail. */
const limit = 20;

describe('splitEntry and joinItems', () => {
  test.each([
    { length: 0, limit, items: [1] },
    { length: 19, limit, items: [20] },
    { length: 20, limit, items: [20, 20, 11] },
    { length: 29, limit, items: [20, 20, 20] },
    { length: 30, limit, items: [20, 20, 20, 10] },
    { length: 3000, limit: 2560, items: [2560, 462] },
    { length: 100_000, limit: Infinity, items: [100_001] },
  ])(
    '$length bytes with a limit of $limit become items of $items bytes',
    ({ length, limit: most, items }) => {
      const entry = bytes(length, 7);
      const [head, ...tails] = split(entry, most);
      expect([head, ...tails].map((item) => item.length)).toEqual(items);
      expect(itemCount(head)).toBe(items.length);
      expect(joinItems(head, tails)).toEqual(entry);
    },
  );

  test('an entry for more than 255 items is not split', () => {
    expect(splitEntry(bytes(7 + 254 * 11), limit, () => generation)).toHaveLength(255);
    expect(splitEntry(bytes(7 + 254 * 11 + 1), limit, () => generation)).toBeUndefined();
  });

  const [head, second, third] = split(bytes(29, 1)) as [Uint8Array, Uint8Array, Uint8Array];
  const [, otherSecond] = split(bytes(29, 2), limit, other) as [Uint8Array, Uint8Array];
  test.each<[string, Uint8Array, Uint8Array[]]>([
    ['nothing', new Uint8Array(), []],
    ['bytes that are not a head', Uint8Array.of(0, 1, 2), []],
    ['a head that was cut off', head.subarray(0, 12), [second, third]],
    ['a head without its tails', head, []],
    ['one tail too few', head, [second]],
    ['one tail too many', head, [second, third, third]],
    ['tails in another order, of other lengths', head, [third.subarray(0, 15), second]],
    ['a tail of another save', head, [otherSecond, third]],
    ['a head in place of a tail', head, [head, third]],
    ['a tail in place of the head', second, [second, third]],
    ['a tail that was cut off', head, [second, third.subarray(0, 12)]],
    ['an empty tail', head, [new Uint8Array(), third]],
  ])('%s is no entry', (_, brokenHead, brokenTails) => {
    expect(joinItems(brokenHead, brokenTails)).toBeUndefined();
  });
});

/** Items in memory that can stop working, as when a process is killed between two calls. */
class FakeItems implements Items {
  readonly saved = new Map<string, Uint8Array>();
  changes = 0;
  stopAfter = Infinity;

  read(name: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.saved.get(name));
  }
  save(name: string, item: Uint8Array): Promise<void> {
    return this.#change(() => void this.saved.set(name, item));
  }
  delete(name: string): Promise<boolean> {
    return this.#change(() => this.saved.delete(name));
  }
  #change<T>(change: () => T): Promise<T> {
    if (this.changes >= this.stopAfter) return Promise.reject(new Error('killed'));
    this.changes++;
    return Promise.resolve(change());
  }
}

const sizes = [0, 19, 20, 40, 60] as const;
const pairs = sizes.flatMap((from) => sizes.map((to) => ({ from, to })));

describe('splitItems', () => {
  test.each(sizes)('saving the same %d bytes again changes nothing', async (size) => {
    const items = new FakeItems();
    await over(items).save('a', bytes(size));
    const { changes } = items;
    await over(items).save('a', bytes(size));
    expect(items.changes).toBe(changes);
  });

  /** Stops a save of `to` bytes, or a deletion, after each of its changes. The next call works with what is left. */
  async function interrupt(from: number, to?: number): Promise<void> {
    const [old, entry] = [bytes(from, 1), to === undefined ? undefined : bytes(to, 2)];
    let finished = false;
    for (let stopAfter = 0; !finished; stopAfter++) {
      const items = new FakeItems();
      await over(items).save('a', old);
      items.stopAfter = items.changes + stopAfter;
      const call = entry ? over(items).save('a', entry) : over(items).delete('a');
      finished = await call.then(
        () => true,
        () => false,
      );
      expect([undefined, old, entry]).toContainEqual(await over(items).read('a'));

      items.stopAfter = Infinity;
      if (entry) {
        await over(items).save('a', bytes(25, 3));
        expect(await over(items).read('a')).toEqual(bytes(25, 3));
      }
      await over(items).delete('a');
      expect(items.saved.size).toBe(0);
    }
  }

  test.each(pairs)(
    'after any part of a save of $to bytes over $from there is the old entry, the new one, or none',
    ({ from, to }) => interrupt(from, to),
  );

  test.each(sizes)('after any part of a deletion of %d bytes, another one takes the rest', (size) =>
    interrupt(size),
  );

  test.each([
    [19, 40],
    [40, 19],
    [40, 40],
    [40, 60],
    [60, 40],
  ])(
    'during and after simultaneous saves of %d and %d bytes, an entry is one of them or absent',
    async (one, two) => {
      const allowed = [undefined, bytes(29, 0), bytes(one, 1), bytes(two, 2)];
      for (let turns = 0; turns < 2 ** 12; turns += 13) {
        const items = new FakeItems();
        await over(items).save('a', bytes(29, 0));
        const saves = Promise.all([
          over(delayed(items, turns), generation).save('a', bytes(one, 1)),
          over(delayed(items, ~turns), other).save('a', bytes(two, 2)),
        ]).then(() => true);
        while (!(await Promise.race([saves, new Promise(setImmediate)]))) {
          expect(allowed).toContainEqual(await over(items).read('a'));
        }
        expect(allowed).toContainEqual(await over(items).read('a'));
      }
    },
  );

  test('without a limit one item is read, and one saved', async () => {
    const items = new FakeItems();
    const calls: string[] = [];
    const entries = splitItems({
      read: (name) => (calls.push(`read ${name}`), items.read(name)),
      save: (name, item) => (calls.push(`save ${name}`), items.save(name, item)),
      delete: (name) => (calls.push(`delete ${name}`), items.delete(name)),
    });
    await entries.save('a', bytes(5000));
    await entries.read('a');
    await entries.delete('a');
    expect(calls).toEqual(['read a', 'save a', 'read a', 'delete a']);
  });

  test('an entry that is too large is refused, and the old one stays', async () => {
    const items = new FakeItems();
    await over(items).save('a', bytes(40, 1));
    await expect(over(items).save('a', bytes(3000, 2))).rejects.toMatchObject({ code: 'keychain-refused' });
    expect(await over(items).read('a')).toEqual(bytes(40, 1));
  });
});

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

function over(items: Items, drawn?: Uint8Array): Items {
  let count = 0;
  const newGeneration = () => drawn ?? Uint8Array.of(count++, ...crypto.getRandomValues(new Uint8Array(7)));
  return splitItems(items, limit, newGeneration);
}

function split(entry: Uint8Array, most = limit, drawn = generation): [Uint8Array, ...Uint8Array[]] {
  const items = splitEntry(entry, most, () => drawn);
  if (items === undefined) throw new Error('too large');
  return items;
}

function bytes(length: number, fill = 0): Uint8Array {
  return Buffer.alloc(length, fill);
}

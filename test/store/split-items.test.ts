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

  test('an entry that fits one item draws no generation', () => {
    const draw = () => {
      throw new Error('drawn');
    };
    expect(splitEntry(bytes(19), limit, draw)).toHaveLength(1);
  });

  const [head, second, third] = split(bytes(29, 1)) as [Uint8Array, Uint8Array, Uint8Array];
  const [, otherSecond] = split(bytes(29, 2), limit, other) as [Uint8Array, Uint8Array];
  test.each<[string, Uint8Array, Uint8Array[]]>([
    ['nothing', new Uint8Array(), []],
    ['bytes that are no head', Uint8Array.of(0, 1, 2), []],
    ['a head that was cut off', head.subarray(0, 12), [second, third]],
    ['a head without its tails', head, []],
    ['one tail too few', head, [second]],
    ['one tail too many', head, [second, third, third]],
    ['tails in another order, of other lengths', head, [third.subarray(0, 15), second]],
    ['a tail of another write', head, [otherSecond, third]],
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
  readonly kept = new Map<string, Uint8Array>();
  changes = 0;
  stopAfter = Infinity;

  read(name: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.kept.get(name));
  }
  write(name: string, item: Uint8Array): Promise<void> {
    return this.#change(() => void this.kept.set(name, item));
  }
  delete(name: string): Promise<boolean> {
    return this.#change(() => this.kept.delete(name));
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
  test.each(pairs)(
    'an entry of $to bytes replaces one of $from, with nothing left over',
    async ({ from, to }) => {
      const items = new FakeItems();
      const entries = over(items);
      await entries.write('a', bytes(from, 1));
      await entries.write('a', bytes(to, 2));
      expect(await entries.read('a')).toEqual(bytes(to, 2));
      expect(items.kept.size).toBe(split(bytes(to)).length);
      expect(await entries.delete('a')).toBe(true);
      expect(items.kept.size).toBe(0);
    },
  );

  test('items are named after the entry', async () => {
    const items = new FakeItems();
    await over(items).write('a', bytes(29));
    expect([...items.kept.keys()].sort()).toEqual(['a', 'a#2', 'a#3']);
  });

  test.each(sizes)('writing the same %d bytes again changes nothing', async (size) => {
    const items = new FakeItems();
    await over(items).write('a', bytes(size));
    const { changes } = items;
    await over(items).write('a', bytes(size));
    expect(items.changes).toBe(changes);
  });

  test.each(pairs)(
    'after any part of a write of $to bytes over $from, there is the old entry, the new one, or none',
    async ({ from, to }) => {
      for (let stopAfter = 0; ; stopAfter++) {
        const items = new FakeItems();
        await over(items).write('a', bytes(from, 1));
        items.stopAfter = items.changes + stopAfter;
        const finished = await completes(over(items).write('a', bytes(to, 2)));
        expect([undefined, bytes(from, 1), bytes(to, 2)]).toContainEqual(await over(items).read('a'));

        // Whatever was left lying there, the next one copes with it.
        items.stopAfter = Infinity;
        await over(items).write('a', bytes(25, 3));
        expect(await over(items).read('a')).toEqual(bytes(25, 3));
        await over(items).delete('a');
        expect(items.kept.size).toBe(0);
        if (finished) return;
      }
    },
  );

  test.each(sizes)('after any part of a deletion of %d bytes, another one takes the rest', async (size) => {
    for (let stopAfter = 0; ; stopAfter++) {
      const items = new FakeItems();
      await over(items).write('a', bytes(size, 1));
      items.stopAfter = items.changes + stopAfter;
      const finished = await completes(over(items).delete('a'));
      expect([undefined, bytes(size, 1)]).toContainEqual(await over(items).read('a'));
      items.stopAfter = Infinity;
      await over(items).delete('a');
      expect(items.kept.size).toBe(0);
      if (finished) return;
    }
  });

  const writers = [
    [19, 40],
    [40, 19],
    [40, 40],
    [40, 60],
    [60, 40],
  ] as const;
  test.each(writers)(
    'however writes of %d and %d bytes meet, what is read was written by one',
    async (one, two) => {
      for (const order of interleavings(8)) {
        const items = new FakeItems();
        await over(items).write('a', bytes(29, 0));
        const allowed = [undefined, bytes(29, 0), bytes(one, 1), bytes(two, 2)];

        const stepper = new Stepper(items);
        const writes = [
          over(stepper.for(0), generation).write('a', bytes(one, 1)),
          over(stepper.for(1), other).write('a', bytes(two, 2)),
        ];
        for (const writer of order) {
          await stepper.step(writer);
          expect(allowed).toContainEqual(await over(items).read('a'));
        }
        stepper.finish();
        await Promise.all(writes);
        expect(allowed).toContainEqual(await over(items).read('a'));
      }
    },
  );

  test('a reader that is overtaken by a writer reads no mixture', async () => {
    for (let overtakenAfter = 0; overtakenAfter < 4; overtakenAfter++) {
      const items = new FakeItems();
      await over(items).write('a', bytes(40, 1));
      let reads = 0;
      const overtaken: Items = {
        read: async (name) => {
          if (reads++ === overtakenAfter) await over(items, other).write('a', bytes(40, 2));
          return items.read(name);
        },
        write: (name, item) => items.write(name, item),
        delete: (name) => items.delete(name),
      };
      expect([undefined, bytes(40, 1), bytes(40, 2)]).toContainEqual(await over(overtaken).read('a'));
    }
  });

  test('where there is no limit, one item is read, and one written', async () => {
    const items = new FakeItems();
    const calls: string[] = [];
    const watched: Items = {
      read: (name) => (calls.push(`read ${name}`), items.read(name)),
      write: (name, item) => (calls.push(`write ${name}`), items.write(name, item)),
      delete: (name) => (calls.push(`delete ${name}`), items.delete(name)),
    };
    const entries = splitItems(watched, { store: 'keychain', limit: Infinity });
    await entries.write('a', bytes(5000));
    await entries.read('a');
    await entries.delete('a');
    expect(calls).toEqual(['read a', 'write a', 'read a', 'delete a']);
  });

  test('an entry that is too large is refused, and the old one stays', async () => {
    const items = new FakeItems();
    await over(items).write('a', bytes(40, 1));
    await expect(over(items).write('a', bytes(3000, 2))).rejects.toMatchObject({ code: 'keychain-refused' });
    expect(await over(items).read('a')).toEqual(bytes(40, 1));
  });

  test('generations are drawn at random', async () => {
    const drawn = new Set<string>();
    for (let round = 0; round < 20; round++) {
      const items = new FakeItems();
      await splitItems(items, { store: 'keychain', limit }).write('a', bytes(29));
      drawn.add(Buffer.from(items.kept.get('a#2') ?? []).toString('hex', 1, 9));
    }
    expect(drawn.size).toBe(20);
  });
});

/** Lets the calls of several writers through one at a time, in an order that the test chooses. */
class Stepper {
  readonly #gates = new Map<number, (() => void)[]>();
  #open = false;

  constructor(readonly items: Items) {}

  for(writer: number): Items {
    const gated =
      <A extends unknown[], T>(call: (...args: A) => Promise<T>) =>
      async (...args: A): Promise<T> => {
        if (!this.#open) {
          await new Promise<void>((resolve) => {
            this.#gates.set(writer, [...(this.#gates.get(writer) ?? []), resolve]);
          });
        }
        return call(...args);
      };
    return {
      read: gated((name: string) => this.items.read(name)),
      write: gated((name: string, item: Uint8Array) => this.items.write(name, item)),
      delete: gated((name: string) => this.items.delete(name)),
    };
  }

  /** Lets one call of a writer through, if there is one. */
  async step(writer: number): Promise<void> {
    this.#gates.get(writer)?.shift()?.();
    await new Promise(setImmediate);
  }

  finish(): void {
    this.#open = true;
    for (const gates of this.#gates.values()) for (const open of gates) open();
  }
}

/** Every order in which two writers can take `steps` steps. */
function* interleavings(steps: number): Generator<number[]> {
  for (let bits = 0; bits < 2 ** steps; bits++) {
    yield Array.from({ length: steps }, (_, step) => (bits >> step) & 1);
  }
}

function over(items: Items, drawn?: Uint8Array): Items {
  let count = 0;
  const newGeneration = () => drawn ?? Uint8Array.of(count++, ...crypto.getRandomValues(new Uint8Array(7)));
  return splitItems(items, { store: 'keychain', limit, newGeneration });
}

function split(entry: Uint8Array, most = limit, drawn = generation): [Uint8Array, ...Uint8Array[]] {
  const items = splitEntry(entry, most, () => drawn);
  if (items === undefined) throw new Error('too large');
  return items;
}

function bytes(length: number, fill = 0): Uint8Array {
  return Buffer.alloc(length, fill);
}

async function completes(call: Promise<unknown>): Promise<boolean> {
  return call.then(
    () => true,
    () => false,
  );
}

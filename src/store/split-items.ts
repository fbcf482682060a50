import { StoreError } from './store.js';
import { type StoreName } from '../settings.js';

/** Named pieces of bytes in a keychain: what a store keeps its entries in. */
export interface Items {
  read(name: string): Promise<Uint8Array | undefined>;
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** @returns whether there was such an item */
  delete(name: string): Promise<boolean>;
}

/*
 * How an entry lies in items. The first item, the head, has the entry's own name and begins with the number of items:
 *
 *     u8 1                                               bytes     the whole entry
 *     u8 n, 2 to 255   8 bytes generation   u32 length   bytes     the first of n parts
 *
 * The others, the tails, are named `<name>#2` to `<name>#n`:
 *
 *     u8 0             8 bytes generation                bytes     a further part
 *
 * The generation is drawn anew at every write and the length is the whole entry's, so parts of different writes are
 * never taken for one entry. A write ends with the head: until then the old head stands, either alone, and is still
 * the old entry, or with tails that are no longer its own, and reads as absent.
 */
const generationLength = 8;
const headHeaderLength = 1 + generationLength + 4;
const tailHeaderLength = 1 + generationLength;
const mostItems = 255;

/**
 * Packs an entry into items of at most `limit` bytes each, the head first.
 *
 * @param newGeneration draws 8 bytes that no other write has
 * @returns `undefined` where the entry is too large for 255 items
 */
export function splitEntry(
  entry: Uint8Array,
  limit: number,
  newGeneration: () => Uint8Array,
): [head: Uint8Array, ...tails: Uint8Array[]] | undefined {
  if (entry.length + 1 <= limit) return [concat(Uint8Array.of(1), entry)];
  const firstLength = limit - headHeaderLength;
  const furtherLength = limit - tailHeaderLength;
  const count = 1 + Math.ceil((entry.length - firstLength) / furtherLength);
  if (firstLength < 0 || count > mostItems) return undefined;

  const generation = newGeneration();
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, entry.length);
  const head = concat(Uint8Array.of(count), generation, length, entry.subarray(0, firstLength));
  const tails: Uint8Array[] = [];
  for (let start = firstLength; start < entry.length; start += furtherLength) {
    tails.push(concat(Uint8Array.of(0), generation, entry.subarray(start, start + furtherLength)));
  }
  return [head, ...tails];
}

/** The number of items that a head stands for; 0 where it is not a head. */
export function itemCount(head: Uint8Array | undefined): number {
  return head?.[0] ?? 0;
}

/**
 * Puts together what {@link splitEntry} packed.
 *
 * @returns `undefined` where an item is missing, is no item, or comes from another write
 */
export function joinItems(head: Uint8Array, tails: readonly Uint8Array[]): Uint8Array | undefined {
  const count = itemCount(head);
  if (count === 0) return undefined;
  if (count === 1) return head.subarray(1);
  if (head.length < headHeaderLength || tails.length !== count - 1) return undefined;

  const generation = head.subarray(1, 1 + generationLength);
  const parts = [head.subarray(headHeaderLength)];
  for (const tail of tails) {
    if (tail[0] !== 0 || !sameBytes(tail.subarray(1, tailHeaderLength), generation)) return undefined;
    parts.push(tail.subarray(tailHeaderLength));
  }
  const entry = concat(...parts);
  const length = new DataView(head.buffer, head.byteOffset).getUint32(1 + generationLength);
  return entry.length === length ? entry : undefined;
}

/**
 * Entries in a keychain whose items hold at most `limit` bytes: each in one item where it fits, else in several.
 *
 * However writes are interrupted or meet, an entry reads as it was written by one of them, or as absent. Writing the
 * entry that is there writes nothing. Without a limit no tail is ever looked for.
 *
 * @throws StoreError `keychain-refused` for an entry that does not fit
 */
export function splitItems(
  items: Items,
  {
    store,
    limit,
    newGeneration = randomGeneration,
  }: {
    readonly store: StoreName;
    readonly limit: number;
    readonly newGeneration?: () => Uint8Array;
  },
): Items {
  async function readEntry(name: string, head: Uint8Array): Promise<Uint8Array | undefined> {
    const tails: Uint8Array[] = [];
    for (let number = 2; number <= itemCount(head); number++) {
      const tail = await items.read(tailName(name, number));
      if (tail === undefined) return undefined;
      tails.push(tail);
    }
    return joinItems(head, tails);
  }

  /**
   * Removes the tails from `first` on: those that the last head knew of, and those that an interrupted write left
   * behind them. From the last one down, so that being interrupted here leaves no gap for the next one to stop at.
   */
  async function removeTails(name: string, first: number, known: number): Promise<void> {
    if (limit === Infinity) return;
    let last = Math.max(first - 1, known);
    while (last < mostItems && (await items.read(tailName(name, last + 1))) !== undefined) last++;
    for (let number = last; number >= first; number--) await items.delete(tailName(name, number));
  }

  return {
    async read(name) {
      const head = await items.read(name);
      return head && readEntry(name, head);
    },

    async write(name, entry) {
      const parts = splitEntry(entry, limit, newGeneration);
      if (parts === undefined) {
        throw new StoreError(
          store,
          'keychain-refused',
          `a credential of ${entry.length} bytes is too large for the keychain; keep it in a file with --store file`,
        );
      }
      const oldHead = await items.read(name);
      const old = oldHead && (await readEntry(name, oldHead));
      if (old !== undefined && sameBytes(old, entry)) return;

      const [head, ...tails] = parts;
      for (const [index, tail] of tails.entries()) await items.write(tailName(name, index + 2), tail);
      await items.write(name, head);
      await removeTails(name, parts.length + 1, itemCount(oldHead));
    },

    async delete(name) {
      const known = limit === Infinity ? 1 : itemCount(await items.read(name));
      const deleted = await items.delete(name);
      await removeTails(name, 2, known);
      return deleted;
    },
  };
}

/** Whether two pieces of bytes are the same. */
export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function tailName(name: string, number: number): string {
  return `${name}#${number}`;
}

function randomGeneration(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(generationLength));
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}

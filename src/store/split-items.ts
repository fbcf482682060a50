import { StoreError } from './store.js';

/** Named bytes in a keychain. */
export interface Items {
  read(name: string): Promise<Uint8Array | undefined>;
  save(name: string, bytes: Uint8Array): Promise<void>;
  /** @returns whether there was such an item */
  delete(name: string): Promise<boolean>;
}

/*
 * The items of an entry: the head has the entry's name, the tails are named `<name>#2` to `<name>#n`.
 *
 *     head of one item   u8 1                                               bytes   the whole entry
 *     head of n items    u8 n, 2 to 255   8 bytes generation   u32 length   bytes   the first part
 *     tail               u8 0             8 bytes generation                bytes   a further part
 *
 * Every save has its own generation, and the length is the whole entry's, so parts of different saves are never joined.
 * The head is saved last: until then the old head is either still the old entry or does not fit its tails.
 */
const generationLength = 8;
const tailHeaderLength = 1 + generationLength;
const headHeaderLength = tailHeaderLength + 4;
const mostItems = 255;

/** Packs an entry into items of at most `limit` bytes, the head first; `undefined` if that takes more than 255. */
export function splitEntry(
  entry: Uint8Array,
  limit: number,
  newGeneration: () => Uint8Array,
): [head: Uint8Array, ...tails: Uint8Array[]] | undefined {
  if (entry.length + 1 <= limit) return [Buffer.concat([Uint8Array.of(1), entry])];
  const firstLength = limit - headHeaderLength;
  const furtherLength = limit - tailHeaderLength;
  const count = 1 + Math.ceil((entry.length - firstLength) / furtherLength);
  if (firstLength < 0 || count > mostItems) return undefined;

  const generation = newGeneration();
  const length = Buffer.alloc(4);
  length.writeUInt32BE(entry.length);
  const head = Buffer.concat([Uint8Array.of(count), generation, length, entry.subarray(0, firstLength)]);
  const tails = Array.from({ length: count - 1 }, (_, index) => {
    const start = firstLength + index * furtherLength;
    return Buffer.concat([Uint8Array.of(0), generation, entry.subarray(start, start + furtherLength)]);
  });
  return [head, ...tails];
}

/** The number of items that a head stands for; 0 if it is not a head. */
export function itemCount(head: Uint8Array | undefined): number {
  return head?.[0] ?? 0;
}

/** Joins what {@link splitEntry} packed; `undefined` if an item is missing, invalid, or from another save. */
export function joinItems(head: Uint8Array, tails: readonly Uint8Array[]): Uint8Array | undefined {
  const count = itemCount(head);
  if (count === 1) return head.subarray(1);
  if (count === 0 || head.length < headHeaderLength || tails.length !== count - 1) return undefined;

  const tailHeader = Buffer.concat([Uint8Array.of(0), head.subarray(1, tailHeaderLength)]);
  if (!tails.every((tail) => sameBytes(tail.subarray(0, tailHeaderLength), tailHeader))) return undefined;
  const parts = tails.map((tail) => tail.subarray(tailHeaderLength));
  const entry = Buffer.concat([head.subarray(headHeaderLength), ...parts]);
  const length = new DataView(head.buffer, head.byteOffset).getUint32(tailHeaderLength);
  return entry.length === length ? entry : undefined;
}

/**
 * Entries in items that hold at most `limit` bytes: one item if the entry fits, several otherwise. After interrupted
 * or simultaneous saves an entry reads as one of them or as absent. Without a limit no tail is ever looked for.
 *
 * @throws StoreError `keychain-refused` for an entry that does not fit
 */
export function splitItems(
  items: Items,
  limit = Infinity,
  newGeneration = (): Uint8Array => crypto.getRandomValues(new Uint8Array(generationLength)),
): Items {
  async function join(name: string, head: Uint8Array | undefined): Promise<Uint8Array | undefined> {
    const tails: Uint8Array[] = [];
    for (let number = 2; number <= itemCount(head); number++) {
      const tail = await items.read(`${name}#${number}`);
      if (tail === undefined) return undefined;
      tails.push(tail);
    }
    return head && joinItems(head, tails);
  }

  /** Deletes from the last tail down: an interruption then leaves no gap where the next deletion would stop. */
  async function deleteTails(name: string, first: number, known: number): Promise<void> {
    if (limit === Infinity) return;
    let last = Math.max(first - 1, known);
    while (last < mostItems && (await items.read(`${name}#${last + 1}`)) !== undefined) last++;
    for (let number = last; number >= first; number--) await items.delete(`${name}#${number}`);
  }

  return {
    read: async (name) => join(name, await items.read(name)),

    async save(name, entry) {
      const parts = splitEntry(entry, limit, newGeneration);
      if (parts === undefined) {
        const message = `a credential of ${entry.length} bytes is too large for the keychain`;
        throw new StoreError('keychain', 'keychain-refused', message, { fix: 'use --store file' });
      }
      const oldHead = await items.read(name);
      const old = await join(name, oldHead);
      if (old !== undefined && sameBytes(old, entry)) return;

      const [head, ...tails] = parts;
      for (const [index, tail] of tails.entries()) await items.save(`${name}#${index + 2}`, tail);
      await items.save(name, head);
      await deleteTails(name, parts.length + 1, itemCount(oldHead));
    },

    async delete(name) {
      const known = limit === Infinity ? 1 : itemCount(await items.read(name));
      const deleted = await items.delete(name);
      await deleteTails(name, 2, known);
      return deleted;
    },
  };
}

export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

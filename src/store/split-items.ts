import { StoreError } from './store.js';

/** Named bytes in a keychain. */
export interface Items {
  read(name: string): Promise<Uint8Array | undefined>;
  save(name: string, bytes: Uint8Array): Promise<void>;
  /** @returns whether there was such an item */
  delete(name: string): Promise<boolean>;
}

const mostItems = 255;

/**
 * Entries in items that hold at most `limit` bytes. The head has the entry's name, and holds the number of items as one
 * byte, then the first part; the tails are named `<name>#2` to `<name>#n`. Parts of different saves do not pass the
 * checksum of an entry. Without a limit no tail is ever looked for.
 *
 * @throws StoreError `keychain-refused` for an entry that does not fit
 */
export function splitItems(items: Items, limit?: number): Items {
  async function join(name: string, head: Uint8Array | undefined): Promise<Uint8Array | undefined> {
    if (!head?.[0]) return undefined;
    const parts = [head.subarray(1)];
    for (let number = 2; number <= head[0]; number++) {
      const tail = await items.read(`${name}#${number}`);
      if (tail === undefined) return undefined;
      parts.push(tail);
    }
    return Buffer.concat(parts);
  }

  /** Deletes from the last tail down: an interruption then leaves no gap where the next deletion would stop. */
  async function deleteTails(name: string, first: number, head: Uint8Array | undefined): Promise<void> {
    if (limit === undefined) return;
    let last = Math.max(first - 1, head?.[0] ?? 0);
    while (last < mostItems && (await items.read(`${name}#${last + 1}`)) !== undefined) last++;
    for (let number = last; number >= first; number--) await items.delete(`${name}#${number}`);
  }

  return {
    read: async (name) => join(name, await items.read(name)),

    async save(name, entry) {
      const size = limit ?? entry.length + 1;
      const count = Math.ceil((entry.length + 1) / size);
      if (count > mostItems) {
        const message = `a credential of ${entry.length} bytes is too large for the keychain`;
        throw new StoreError('keychain', 'keychain-refused', message, 'use --store file');
      }
      const oldHead = await items.read(name);
      const old = await join(name, oldHead);
      if (old !== undefined && sameBytes(old, entry)) return;

      const bytes = Buffer.concat([Uint8Array.of(count), entry]);
      const part = (number: number) => bytes.subarray((number - 1) * size, number * size);
      // The head last: with the old one, the new tails do not pass the checksum.
      for (let number = 2; number <= count; number++) await items.save(`${name}#${number}`, part(number));
      await items.save(name, part(1));
      await deleteTails(name, count + 1, oldHead);
    },

    async delete(name) {
      const head = limit === undefined ? undefined : await items.read(name);
      const deleted = await items.delete(name);
      await deleteTails(name, 2, head);
      return deleted;
    },
  };
}

export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

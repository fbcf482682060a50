import { EckError, type ErrorCode } from '../errors.js';
import type { StoreChoice, StoreName } from '../settings.js';

/** Holds entries by key. @throws StoreError from every method that the store cannot do */
export interface Store {
  readonly name: StoreChoice;
  /** Why stores that the last call tried before could not be used; for `auto`. */
  readonly failures?: readonly StoreError[];
  /** After an interrupted save, the bytes may not pass the checksum of an entry. */
  read(key: string): Promise<Uint8Array | undefined>;
  /** Saves only a change: some keychains ask or sync at every write. @returns the store that has it; `none` if none */
  save(key: string, entry: Uint8Array): Promise<StoreName>;
  /** @returns whether there was an entry */
  delete(key: string): Promise<boolean>;
  /** Deletes every entry that the store can list. @returns how many; 0 if it cannot list */
  deleteAll(): Promise<number>;
}

export type StoreErrorCode = Extract<ErrorCode, `keychain-${string}`>;

export class StoreError extends EckError {
  declare readonly code: StoreErrorCode;

  constructor(
    readonly store: StoreName,
    code: StoreErrorCode,
    message: string,
    fix?: string,
    cause?: unknown,
  ) {
    super(code, message, { fix, cause });
  }
}

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
 * checksum of an entry. Without a limit no tail is ever looked for. @throws StoreError if an entry does not fit
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
        throw new StoreError('keychain', 'keychain-refused', message, 'Use --store file');
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

import { EckError, type ErrorCode } from '../errors.js';
import type { StoreChoice, StoreName } from '../settings.js';

/**
 * Holds entries by key. After an interrupted save, `read` may return bytes that do not pass the checksum of an entry.
 *
 * @throws StoreError from every method if the store cannot do what it was asked
 */
export interface Store {
  readonly name: StoreChoice;
  /** Why stores that the last call tried before could not be used; for `auto`. */
  readonly failures?: readonly StoreError[];
  read(key: string): Promise<Uint8Array | undefined>;
  /**
   * Saves nothing if the key has the same entry, because some keychains ask or sync at every write.
   *
   * @returns the store that has the entry now; `none` if no store could save it
   */
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

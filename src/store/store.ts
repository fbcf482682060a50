import { EckError, type ErrorCode } from '../errors.js';
import type { StoreChoice, StoreName } from '../settings.js';

/**
 * Holds entries by key. `read` never returns a part of an entry or a mixture of two.
 *
 * @throws StoreError from every method if the store cannot do what it was asked
 */
export interface Store {
  readonly name: StoreChoice;
  read(key: string): Promise<Uint8Array | undefined>;
  /**
   * Replaces what the key has. Writes nothing if the same entry is saved already, because some keychains ask or sync
   * at every write.
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

/** A store cannot do what it was asked. */
export class StoreError extends EckError {
  declare readonly code: StoreErrorCode;

  constructor(
    readonly store: StoreName,
    code: StoreErrorCode,
    message: string,
    options?: { readonly fix?: string; readonly cause?: unknown },
  ) {
    super(code, message, options);
  }
}

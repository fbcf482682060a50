import type { StoreChoice, StoreName } from '../settings.js';
import type { ErrorCode } from '../errors.js';
import { EckError } from '../errors.js';

/**
 * Keeps entries under account names. What an entry holds is none of a store's business.
 *
 * Every call either does what it says, or throws a {@link StoreError} that says why the store cannot. `read` never
 * returns a part of an entry, or a mixture of two: a half-written one reads as absent.
 */
export interface Store {
  readonly name: StoreChoice;
  /** The entry kept under this account, or `undefined` where there is none. */
  read(account: string): Promise<Uint8Array | undefined>;
  /**
   * Keeps `entry` under this account, in place of what was there. Nothing is written where the same entry is kept
   * already: some keychains audit, sync or ask at every write.
   *
   * @returns where it is kept now; `none` where it is not kept
   */
  save(account: string, entry: Uint8Array): Promise<StoreName>;
  /** Forgets what is kept under this account. @returns whether there was anything */
  delete(account: string): Promise<boolean>;
}

/** Why a store cannot be used. Each is a normal state of a machine, and has a remedy of its own. */
export type StoreErrorCode = Extract<
  ErrorCode,
  'keychain-locked' | 'keychain-absent' | 'keychain-refused' | 'keychain-timeout'
>;

/** A store that cannot do what it was asked, and why. */
export class StoreError extends EckError {
  declare readonly code: StoreErrorCode;

  constructor(
    readonly store: StoreName,
    code: StoreErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
  }
}

import { messageOf } from '../errors.js';
import { StoreError, type StoreErrorCode } from './store.js';

/** The stores that the addon speaks to. */
export type AddonStore = 'keychain' | 'kernel';

/** A failure that the addon reports, recognised by its words, since it gives no code. */
interface KnownFailure {
  readonly words: RegExp;
  readonly code: StoreErrorCode;
  /** What happened and what to do, given the addon's own words. */
  readonly message: (words: string) => string;
}

const orFile = 'or keep credentials in files with --store file';

/**
 * The words are those of @napi-rs/keyring 2.1 and of what it wraps: keyring-core, dbus-secret-service and libdbus on
 * Linux, security-framework (SecCopyErrorMessageString) on macOS, the Credential Manager's codes on Windows. macOS
 * speaks the person's language; what is not recognised for that reason is `keychain-refused`, with its words.
 */
const keychainFailures: readonly KnownFailure[] = [
  {
    words: /prompt was dismissed|\blocked\b/i,
    code: 'keychain-locked',
    message: () =>
      `the keychain is locked, and was not unlocked; unlock it in your desktop session, ${orFile}`,
  },
  {
    words: /interaction is not allowed|no UI possible/i,
    code: 'keychain-locked',
    message: () =>
      `the keychain is locked, and cannot ask from here; run "security unlock-keychain", ${orFile}`,
  },
  {
    words: /did not receive a reply|timed out|timeout/i,
    code: 'keychain-timeout',
    message: () => `the Secret Service does not answer; restart your keychain program, ${orFile}`,
  },
  {
    words: /no result found/i,
    code: 'keychain-absent',
    message: () =>
      `the Secret Service has no default keyring to write to; create one in your keychain program, ${orFile}`,
  },
  {
    words: /DBus|D-Bus/i,
    code: 'keychain-absent',
    message: (words) => `there is no Secret Service here (${words}); start a keychain program, ${orFile}`,
  },
  {
    words: /no keychain is available|keychain could not be found|not a valid keychain/i,
    code: 'keychain-absent',
    message: (words) => `there is no keychain here (${words}); create one in Keychain Access, ${orFile}`,
  },
  {
    words: /ERROR_NO_SUCH_LOGON_SESSION/,
    code: 'keychain-absent',
    message: () => `this logon session has no Credential Manager; sign in with a password, ${orFile}`,
  },
  {
    words: /matched by \d+ credentials/i,
    code: 'keychain-refused',
    message: () =>
      `the keychain holds several items for this credential; delete those of kubectl-eck in your keychain program, ${orFile}`,
  },
];

const kernelFailures: readonly KnownFailure[] = [
  {
    words: /AccessDenied/,
    code: 'keychain-refused',
    message: () =>
      'the kernel keyring does not give back what is written to it, since this process has no session keyring; start ' +
      `your shell with "keyctl session -", ${orFile}`,
  },
  {
    words: /QuotaExceeded/,
    code: 'keychain-refused',
    message: () =>
      `the kernel keyring is full (the limits are in /proc/sys/kernel/keys); remove keys with "keyctl", ${orFile}`,
  },
  {
    words: /PermissionDenied/,
    code: 'keychain-refused',
    message: () => `the kernel keyring is not allowed here, as in many containers; ${orFile.slice(3)}`,
  },
  {
    // ENOSYS: a kernel without keyrings, or a sandbox that plays one.
    words: /Unknown\(38\)|OperationNotSupported/,
    code: 'keychain-absent',
    message: () => `this kernel has no keyrings; ${orFile.slice(3)}`,
  },
];

/**
 * The error that a person gets for what the addon threw: told apart by its code, in one line, with what to do next.
 * The addon's words never hold a secret.
 */
export function storeFailure(store: AddonStore, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const words = messageOf(error).replace(/^(?:Platform failure|Couldn't access platform storage): /, '');
  const known = (store === 'keychain' ? keychainFailures : kernelFailures).find((failure) =>
    failure.words.test(words),
  );
  const name = store === 'keychain' ? 'the keychain' : 'the kernel keyring';
  return new StoreError(
    store,
    known?.code ?? 'keychain-refused',
    known?.message(words) ?? `${name} refuses (${words}); keep credentials in files with --store file`,
    { cause: error },
  );
}

import { describe, expect, test } from '@jest/globals';
import { storeFailure, type AddonStore } from '../../src/store/failure.js';
import { StoreError, type StoreErrorCode } from '../../src/store/store.js';

// What @napi-rs/keyring 2.1.2 was seen to say on Linux; the macOS and Windows words are from the sources that it wraps.
const seen: readonly [AddonStore, StoreErrorCode, words: string][] = [
  [
    'keychain',
    'keychain-absent',
    'Platform failure: DBus error: Using X11 for dbus-daemon autolaunch was disabled at compile time, set your DBUS_SESSION_BUS_ADDRESS instead',
  ],
  [
    'keychain',
    'keychain-absent',
    'Platform failure: DBus error: Failed to connect to socket /run/user/1000/bus: No such file or directory',
  ],
  ['keychain', 'keychain-absent', 'Platform failure: DBus error: Address does not contain a colon'],
  [
    'keychain',
    'keychain-absent',
    'Platform failure: DBus error: The name org.freedesktop.secrets was not provided by any .service files',
  ],
  [
    'keychain',
    'keychain-absent',
    'Platform failure: DBus error: Process org.freedesktop.secrets exited with status 1',
  ],
  [
    'keychain',
    'keychain-absent',
    'Platform failure: DBus error: Message recipient disconnected from message bus without replying',
  ],
  ['keychain', 'keychain-absent', "Couldn't access platform storage: Secret Service: no result found"],
  [
    'keychain',
    'keychain-locked',
    "Couldn't access platform storage: Secret Service: unlock prompt was dismissed",
  ],
  ['keychain', 'keychain-locked', "Couldn't access platform storage: Secret Service: object locked"],
  ['keychain', 'keychain-locked', 'Platform failure: DBus error: Cannot get secret of a locked object'],
  [
    'keychain',
    'keychain-timeout',
    'Platform failure: DBus error: Did not receive a reply. Possible causes include: the remote application did not send a reply, the message bus security policy blocked the reply, the reply timeout expired, or the network connection was broken.',
  ],
  [
    'keychain',
    'keychain-refused',
    'Entry is matched by 2 credentials: [Entry { inner: Wrapper { path: Path("/org/freedesktop/secrets/collection/login/1\0") } }]',
  ],
  ['keychain', 'keychain-locked', 'Platform failure: User interaction is not allowed.'],
  ['keychain', 'keychain-refused', 'Platform failure: User canceled the operation.'],
  [
    'keychain',
    'keychain-refused',
    'Platform failure: The user name or passphrase you entered is not correct.',
  ],
  [
    'keychain',
    'keychain-absent',
    "Couldn't access platform storage: The specified keychain could not be found.",
  ],
  ['keychain', 'keychain-absent', "Couldn't access platform storage: Windows ERROR_NO_SUCH_LOGON_SESSION"],
  ['keychain', 'keychain-refused', 'Platform failure: Windows error code 5'],
  ['kernel', 'keychain-refused', "Couldn't access platform storage: AccessDenied"],
  ['kernel', 'keychain-refused', 'Platform failure: QuotaExceeded'],
  ['kernel', 'keychain-refused', "Couldn't access platform storage: PermissionDenied"],
  ['kernel', 'keychain-absent', "Couldn't access platform storage: Unknown(38)"],
  ['kernel', 'keychain-absent', "Couldn't access platform storage: OperationNotSupported"],
  ['kernel', 'keychain-refused', "Value of 'password' is invalid: rejected by the platform"],
];

describe('storeFailure', () => {
  test.each(seen)('%s: %s is told from "%s"', (store, code, words) => {
    const failure = storeFailure(store, new Error(words));
    expect(failure).toBeInstanceOf(StoreError);
    expect(failure).toMatchObject({ store, code });
    // One line, with what to do next.
    expect(failure.message).toMatch(/^[^\n\0]+; .*--store file/);
  });

  test("a person does not have to read the addon's phrases around the system's words", () => {
    const { message } = storeFailure('keychain', new Error('Platform failure: Windows error code 5'));
    expect(message).toBe(
      'the keychain refuses (Windows error code 5); keep credentials in files with --store file',
    );
  });

  test('what is a StoreError already stays as it is', () => {
    const failure = new StoreError('keychain', 'keychain-absent', 'no addon');
    expect(storeFailure('keychain', failure)).toBe(failure);
  });
});

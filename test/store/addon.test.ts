import { describe, expect, test } from '@jest/globals';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { loadAddon, storeFailure, type AddonStore, type KeyringAddon } from '../../src/store/addon.js';
import type { StoreErrorCode } from '../../src/store/store.js';
import { repository } from '../support/sandbox.js';

test('under Node.js the addon is the npm package', async () => {
  const npmPackage = createRequire(join(repository, 'package.json'))('@napi-rs/keyring') as KeyringAddon;
  expect((await loadAddon('keychain')).AsyncEntry).toBe(npmPackage.AsyncEntry);
});

// The words of @napi-rs/keyring 2.1.2: those of Linux were seen, those of macOS and Windows are from its sources.
const [platform, access] = ['Platform failure: ', "Couldn't access platform storage: "];
const failures: readonly [AddonStore, StoreErrorCode, words: string][] = [
  ['keychain', 'keychain-locked', `${platform}User interaction is not allowed.`],
  ['keychain', 'keychain-refused', `${platform}User canceled the operation.`],
  ['keychain', 'keychain-refused', `${platform}The user name or passphrase you entered is not correct.`],
  ['keychain', 'keychain-absent', `${access}The specified keychain could not be found.`],
  ['keychain', 'keychain-absent', `${access}Windows ERROR_NO_SUCH_LOGON_SESSION`],
  ['keychain', 'keychain-refused', `${platform}Windows error code 5`],
  ['kernel', 'keychain-refused', `${access}AccessDenied`],
  ['kernel', 'keychain-full', `${platform}QuotaExceeded`],
  ['kernel', 'keychain-refused', `${access}PermissionDenied`],
  ['kernel', 'keychain-absent', `${access}Unknown(38)`],
  ['kernel', 'keychain-absent', `${access}OperationNotSupported`],
  ['kernel', 'keychain-refused', "Value of 'password' is invalid: rejected by the platform"],
];

describe('storeFailure', () => {
  test.each(failures)('%s: %s for "%s", on one line and with a fix', (store, code, words) => {
    const failure = storeFailure(store, new Error(words));
    expect(failure).toMatchObject({ store, code });
    expect(failure.message).toMatch(/^[^\n]+$/);
    expect(failure.fix).toMatch(/^[A-Z][^\n]+$/);
  });

  test("does not show the addon's phrases around the system's words", () => {
    const { message } = storeFailure('keychain', new Error('Platform failure: Windows error code 5'));
    expect(message).toBe('the keychain refused (Windows error code 5)');
  });
});

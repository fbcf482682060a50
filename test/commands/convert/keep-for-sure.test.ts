import { beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keepForSure } from '../../../src/commands/convert/keep-for-sure.js';
import { checkClientCredential } from '../../../src/credential/check.js';
import type { ClientCredential } from '../../../src/credential/client-credential.js';
import { cacheKeyText, type CacheKey } from '../../../src/credential/cache-key.js';
import type { Store } from '../../../src/store/store.js';
import { CredentialRecords } from '../../../src/exec-credential/records.js';
import { FakeWorld, MemoryStore } from '../../exec-credential/fixtures.js';
import { CertificateAuthority } from '../../support/certificate-authority.js';

const key: CacheKey = {
  endpoint: { kind: 'default' },
  identity: { kind: 'profile', name: 'work' },
  clusterId: 'eck-1',
};
const account = cacheKeyText(key);

let credential: ClientCredential;

beforeEach(async () => {
  const authority = await CertificateAuthority.create({ name: 'CA' });
  const { certificatePem, privateKeyPem } = await authority.issue({ commonName: 'someone' });
  credential = checkClientCredential({ certificate: certificatePem, privateKey: privateKeyPem }, new Date());
});

function keepIn(store: Store): Promise<unknown> {
  const world = new FakeWorld({}, mkdtempSync(join(tmpdir(), 'kubectl-eck-keep-')));
  return keepForSure(key, credential, { store, records: new CredentialRecords(account, world) });
}

test('a credential is kept where it can be read back', async () => {
  const store = new MemoryStore();
  expect(await keepIn(store)).toBe('keychain');
  expect(store.kept(account)?.privateKey).toEqual(credential.privateKey);
});

test.each<[string, Partial<Store>]>([
  ['keeps nothing', { save: () => Promise.resolve('none') }],
  ['has forgotten it', { read: () => Promise.resolve(undefined) }],
  ['gives back something else', { read: () => Promise.resolve(new Uint8Array([1])) }],
])('it is an error where the store %s', async (_, fault) => {
  const store = Object.assign(new MemoryStore(), fault);
  await expect(keepIn(store)).rejects.toMatchObject({ code: 'keychain-absent' });
});

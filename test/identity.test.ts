import { expect, test } from '@jest/globals';
import {
  cliVariables,
  identityFromSettings,
  identityKey,
  identityOfVariables,
  identityText,
  withRole,
  type Identity,
} from '../src/identity.js';
import type { Environment } from '../src/world.js';

const accessKey = { ALIBABA_CLOUD_ACCESS_KEY_ID: 'LTAI5t', ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'a secret' };
const oidc = {
  ALIBABA_CLOUD_ROLE_ARN: 'acs:ram::1:role/pod',
  ALIBABA_CLOUD_OIDC_PROVIDER_ARN: 'acs:ram::1:oidc-provider/ack',
  ALIBABA_CLOUD_OIDC_TOKEN_FILE: '/var/run/token',
};
const noSecret = { ALIBABA_CLOUD_ACCESS_KEY_SECRET: '' };
const noRole = { ALIBABA_CLOUD_ROLE_ARN: '' };
const named = { ALIBABA_CLOUD_PROFILE: 'work' };
const role = 'acs:ram::1:role/edge';
const chain: Identity = { kind: 'chain' };
const profile = (name: string): Identity => ({ kind: 'profile', name });
const isAccessKey: Identity = { kind: 'access-key', accessKeyId: 'LTAI5t' };
const isOidc: Identity = { kind: 'oidc', roleArn: 'acs:ram::1:role/pod' };

test.each<[string, string | undefined, Environment, Identity]>([
  ['the flag', 'home', { ...accessKey, ...oidc, ...named }, profile('home')],
  ['the AccessKey', undefined, { ...accessKey, ...oidc, ...named }, isAccessKey],
  ['the OIDC role', undefined, { ...oidc, ...named }, isOidc],
  ['the chain for a profile, which a file may lack', undefined, named, chain],
  ['the chain', undefined, {}, chain],
  ['the chain without a secret', undefined, { ALIBABA_CLOUD_ACCESS_KEY_ID: 'LTAI5t' }, chain],
  ['the chain with an empty secret', undefined, { ...accessKey, ...noSecret }, chain],
  ['the chain without an id', undefined, { ...accessKey, ALIBABA_CLOUD_ACCESS_KEY_ID: '' }, chain],
  ['the role without a secret', undefined, { ...accessKey, ...oidc, ...noSecret }, isOidc],
  ['the chain without a provider', undefined, { ...oidc, ALIBABA_CLOUD_OIDC_PROVIDER_ARN: '' }, chain],
  ['the chain without a token', undefined, { ...oidc, ALIBABA_CLOUD_OIDC_TOKEN_FILE: undefined }, chain],
  ['the chain without a role', undefined, { ...oidc, ...noRole }, chain],
  ['the chain with an empty profile', undefined, { ALIBABA_CLOUD_PROFILE: '' }, chain],
  ['the same for another token', undefined, { ...accessKey, ALIBABA_CLOUD_SECURITY_TOKEN: 'x' }, isAccessKey],
])('the identity is that of %s', (_, typed, environment, identity) => {
  expect(identityFromSettings({ profile: typed, roleArn: undefined }, environment)).toEqual(identity);
  const assuming = { ...identity, assumedRole: role };
  expect(identityFromSettings({ profile: typed, roleArn: role }, environment)).toEqual(assuming);
});

test.each<[Identity, string]>([
  [profile('work'), 'profile:work'],
  [isAccessKey, 'access-key:LTAI5t'],
  [isOidc, 'oidc:acs:ram::1:role/pod'],
  [chain, 'chain'],
  [{ kind: 'ecs-role', role: '' }, 'ecs-role:'],
  [{ kind: 'credentials-uri', digest: '0123' }, 'credentials-uri:0123'],
  [{ kind: 'credentials-file', file: '/a:b c', profile: 'x' }, 'credentials-file:/a%3Ab%20c:x'],
  [withRole(profile('work'), role), 'profile:work as acs:ram::1:role/edge'],
  [profile(`x as ${role}`), 'profile:x%20as%20acs:ram::1:role/edge'],
])('the key of %j is %s', (identity, key) => {
  expect(identityKey(identity)).toBe(key);
});

test("the text of an identity names the variable if it is not the SDK's", () => {
  const environment = { ALICLOUD_ACCESS_KEY_ID: 'LTAI', ALICLOUD_ACCESS_KEY_SECRET: 'secret' };
  const identity = identityOfVariables(cliVariables, environment) ?? chain;
  expect(identityText(identity)).toBe('access-key:LTAI of ALICLOUD_ACCESS_KEY_ID');
  expect(identityText(withRole(isAccessKey, role))).toBe(`access-key:LTAI5t as ${role}`);
});

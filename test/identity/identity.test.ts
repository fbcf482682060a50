import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { identityFromSettings, identityKey, withRole, type Identity } from '../../src/identity.js';
import type { Environment } from '../../src/world.js';

const accessKey = {
  ALIBABA_CLOUD_ACCESS_KEY_ID: 'LTAI5tSomeone',
  ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'a secret',
};
const oidc = {
  ALIBABA_CLOUD_ROLE_ARN: 'acs:ram::1:role/pod',
  ALIBABA_CLOUD_OIDC_PROVIDER_ARN: 'acs:ram::1:oidc-provider/ack',
  ALIBABA_CLOUD_OIDC_TOKEN_FILE: '/var/run/token',
};
const named = { ALIBABA_CLOUD_PROFILE: 'work' };
const role = 'acs:ram::1:role/edge';

const isProfile = (name: string): Identity => ({ kind: 'profile', name });
const isAccessKey: Identity = { kind: 'access-key', accessKeyId: 'LTAI5tSomeone' };
const isOidc: Identity = { kind: 'oidc', roleArn: 'acs:ram::1:role/pod' };
const isChain: Identity = { kind: 'chain' };

describe('the identity of the settings', () => {
  test.each<[string, string | undefined, Environment, Identity]>([
    [
      'the profile of the flag, whatever the environment names',
      'home',
      { ...accessKey, ...oidc, ...named },
      isProfile('home'),
    ],
    [
      'the AccessKey before a role and a profile',
      undefined,
      { ...accessKey, ...oidc, ...named },
      isAccessKey,
    ],
    ['the OIDC role before a profile', undefined, { ...oidc, ...named }, isOidc],
    ['the profile of the environment', undefined, named, isProfile('work')],
    ['unknown where nothing is named', undefined, {}, isChain],
    [
      'not an AccessKey without its secret',
      undefined,
      { ...accessKey, ALIBABA_CLOUD_ACCESS_KEY_SECRET: undefined },
      isChain,
    ],
    [
      'not an AccessKey with an empty secret',
      undefined,
      { ...accessKey, ALIBABA_CLOUD_ACCESS_KEY_SECRET: '' },
      isChain,
    ],
    [
      'not an AccessKey without its id',
      undefined,
      { ...accessKey, ALIBABA_CLOUD_ACCESS_KEY_ID: '' },
      isChain,
    ],
    [
      'the role where the AccessKey has no secret',
      undefined,
      { ...accessKey, ...oidc, ALIBABA_CLOUD_ACCESS_KEY_SECRET: '' },
      isOidc,
    ],
    ['not a role without its provider', undefined, { ...oidc, ALIBABA_CLOUD_OIDC_PROVIDER_ARN: '' }, isChain],
    [
      'not a role without a token file',
      undefined,
      { ...oidc, ALIBABA_CLOUD_OIDC_TOKEN_FILE: undefined },
      isChain,
    ],
    ['not a role without a role', undefined, { ...oidc, ALIBABA_CLOUD_ROLE_ARN: '' }, isChain],
    [
      'the profile where the role is not whole',
      undefined,
      { ...oidc, ...named, ALIBABA_CLOUD_ROLE_ARN: '' },
      isProfile('work'),
    ],
    [
      'unknown where the profile of the environment is empty',
      undefined,
      { ALIBABA_CLOUD_PROFILE: '' },
      isChain,
    ],
  ])('is %s', (_, profile, environment, identity) => {
    expect(identityFromSettings({ profile, roleArn: undefined }, environment)).toEqual(identity);
  });

  test.each<[string | undefined, Environment, Identity]>([
    ['home', {}, isProfile('home')],
    [undefined, accessKey, isAccessKey],
    [undefined, oidc, isOidc],
    [undefined, {}, isChain],
  ])('has the role that is taken on, on top of it: %j %j', (profile, environment, identity) => {
    expect(identityFromSettings({ profile, roleArn: role }, environment)).toEqual({
      ...identity,
      assumedRole: role,
    });
  });

  test('is the same identity for another secret or token', () => {
    const other = {
      ...accessKey,
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'another secret',
      ALIBABA_CLOUD_SECURITY_TOKEN: 'a token',
    };
    expect(identityFromSettings({ profile: undefined, roleArn: undefined }, other)).toEqual(isAccessKey);
  });
});

describe('taking on a role', () => {
  test('leaves an identity as it is where there is no role', () => {
    expect(withRole(isAccessKey, undefined)).toEqual(isAccessKey);
  });

  test('adds the role', () => {
    expect(withRole(isAccessKey, role)).toEqual({ ...isAccessKey, assumedRole: role });
  });
});

describe("the identity's part of a key", () => {
  test.each<[Identity, string]>([
    [isProfile('work'), 'profile:work'],
    [isAccessKey, 'access-key:LTAI5tSomeone'],
    [isOidc, 'oidc:acs:ram::1:role/pod'],
    [isChain, 'chain'],
    [{ ...isProfile('work'), assumedRole: role }, 'profile:work as acs:ram::1:role/edge'],
  ])('of %j is %s', (identity, key) => {
    expect(identityKey(identity)).toBe(key);
  });

  test('is different for identities that look alike', () => {
    const identities: Identity[] = [
      isChain,
      isProfile('chain'),
      isProfile('x'),
      { kind: 'access-key', accessKeyId: 'x' },
      { kind: 'oidc', roleArn: 'x' },
      { kind: 'ecs-role', role: 'x' },
      { kind: 'ecs-role', role: '' },
      { kind: 'credentials-uri', digest: 'x' },
      { kind: 'credentials-file', file: 'x', profile: 'y' },
      { kind: 'credentials-file', file: 'x:y', profile: 'z' },
      { kind: 'credentials-file', file: 'x', profile: 'y:z' },
      { ...isProfile('x'), assumedRole: role },
      { ...isProfile('x'), assumedRole: `${role}2` },
      isProfile(`x as ${role}`),
      isProfile(`x%20as%20${role}`),
      { ...isChain, assumedRole: role },
    ];
    expect(new Set(identities.map(identityKey)).size).toBe(identities.length);
  });

  test('is different for any two identities', () => {
    // Texts in which the separators of a key are likely.
    const text = fc.array(fc.constantFrom('a', ':', ' ', ' as ', '%', '%20', '/', 'profile'), {
      maxLength: 4,
    });
    const word = text.map((parts) => parts.join(''));
    const base = fc.oneof(
      fc.record({ kind: fc.constant('profile' as const), name: word }),
      fc.record({ kind: fc.constant('access-key' as const), accessKeyId: word }),
      fc.record({ kind: fc.constant('oidc' as const), roleArn: word }),
      fc.record({ kind: fc.constant('chain' as const) }),
      fc.record({ kind: fc.constant('credentials-file' as const), file: word, profile: word }),
      fc.record({ kind: fc.constant('ecs-role' as const), role: word }),
    );
    const identity = fc
      .tuple(base, fc.option(word, { nil: undefined }))
      .map(([one, roleArn]) => withRole(one, roleArn));
    fc.assert(
      fc.property(identity, identity, (one, other) => {
        const isSame = JSON.stringify(one) === JSON.stringify(other);
        expect(identityKey(one) === identityKey(other)).toBe(isSame);
      }),
      { numRuns: 2000 },
    );
  });
});

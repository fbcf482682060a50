import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cacheKeyText, type CacheKey } from '../../src/credential/cache-key.js';
import { identityKey } from '../../src/identity.js';
import { endpointKey, parseEndpoint, type EndpointSetting } from '../../src/endpoint.js';

const key: CacheKey = {
  endpoint: { kind: 'default' },
  identity: { kind: 'chain' },
  clusterId: 'eck-0123abcd',
};

describe('what a credential is kept under', () => {
  test.each<[Partial<CacheKey>, string]>([
    [{}, 'eck-0123abcd@default/chain'],
    [{ endpoint: { kind: 'site', site: 'china' } }, 'eck-0123abcd@ens.aliyuncs.com/chain'],
    [{ endpoint: parseEndpoint('http://127.0.0.1:80/') }, 'eck-0123abcd@http%3A%2F%2F127.0.0.1/chain'],
    [{ identity: { kind: 'profile', name: 'work' } }, 'eck-0123abcd@default/profile%3Awork'],
    [
      { identity: { kind: 'profile', name: 'Zoë/工' } },
      'eck-0123abcd@default/profile%3AZo%C3%AB%2F%E5%B7%A5',
    ],
    [
      { identity: { kind: 'access-key', accessKeyId: 'LTAI', assumedRole: 'acs:ram::1:role/edge' } },
      'eck-0123abcd@default/access-key%3ALTAI%20as%20acs%3Aram%3A%3A1%3Arole%2Fedge',
    ],
  ])('for %j is %s', (change, text) => {
    expect(cacheKeyText({ ...key, ...change })).toBe(text);
  });

  test('is different for any two endpoints, identities and clusters', () => {
    const word = fc
      .array(fc.constantFrom('a', '@', '/', ':', '%', '%40', 'chain', 'default'), {
        minLength: 1,
        maxLength: 3,
      })
      .map((parts) => parts.join(''));
    const endpoint: fc.Arbitrary<EndpointSetting> = fc.constantFrom<EndpointSetting[]>(
      { kind: 'default' },
      { kind: 'site', site: 'china' },
      { kind: 'site', site: 'international' },
      parseEndpoint('a.example.com'),
      parseEndpoint('http://127.0.0.1'),
      parseEndpoint('127.0.0.1'),
    );
    const identity = fc.oneof(
      fc.constant({ kind: 'chain' as const }),
      word.map((name) => ({ kind: 'profile' as const, name })),
      word.map((accessKeyId) => ({ kind: 'access-key' as const, accessKeyId })),
    );
    const anyKey = fc.record({ endpoint, identity, clusterId: word });
    const parts = (one: CacheKey): string =>
      JSON.stringify([one.clusterId, endpointKey(one.endpoint), identityKey(one.identity)]);
    fc.assert(
      fc.property(anyKey, anyKey, (one, other) => {
        expect(cacheKeyText(one) === cacheKeyText(other)).toBe(parts(one) === parts(other));
      }),
      { numRuns: 2000 },
    );
  });

  test('has no character that a keychain, a shell or a terminal would stumble over', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        expect(cacheKeyText({ ...key, identity: { kind: 'profile', name } })).toMatch(
          /^[A-Za-z0-9@/%._~!*'()-]+$/,
        );
      }),
    );
  });
});

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cacheKeyText, type CacheKey } from '../../src/credential/cache-key.js';
import { endpointKey, parseEndpoint, type EndpointSetting } from '../../src/endpoint.js';
import { identityKey } from '../../src/identity.js';

const key: CacheKey = { endpoint: { kind: 'default' }, identity: { kind: 'chain' }, clusterId: 'eck-1' };
const profile = (name: string) => ({ kind: 'profile', name }) as const;

test.each<[Partial<CacheKey>, string]>([
  [{}, 'eck-1@default/chain'],
  [{ endpoint: { kind: 'site', site: 'china' } }, 'eck-1@ens.aliyuncs.com/chain'],
  [{ endpoint: parseEndpoint('http://127.0.0.1:80/') }, 'eck-1@http%3A%2F%2F127.0.0.1/chain'],
  [{ identity: profile('Zoë/工') }, 'eck-1@default/profile%3AZo%C3%AB%2F%E5%B7%A5'],
  [
    { identity: { kind: 'access-key', accessKeyId: 'LTAI', assumedRole: 'acs:ram::1:role/edge' } },
    'eck-1@default/access-key%3ALTAI%20as%20acs%3Aram%3A%3A1%3Arole%2Fedge',
  ],
])('the key of %j is %s', (change, text) => {
  expect(cacheKeyText({ ...key, ...change })).toBe(text);
});

test('any two keys differ, in printable ASCII', () => {
  const part = fc.constantFrom('a', '@', '/', ':', '%', '%40', 'chain', 'default', '\u001b', 'ü');
  const word = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(''));
  const endpoint = fc.constantFrom<EndpointSetting>(
    { kind: 'default' },
    { kind: 'site', site: 'china' },
    { kind: 'site', site: 'international' },
    ...['a.example.com', 'http://127.0.0.1', '127.0.0.1'].map((text) => parseEndpoint(text)),
  );
  const identity = fc.oneof(
    fc.constant({ kind: 'chain' as const }),
    word.map(profile),
    word.map((accessKeyId) => ({ kind: 'access-key' as const, accessKeyId })),
  );
  const anyKey: fc.Arbitrary<CacheKey> = fc.record({ endpoint, identity, clusterId: word });
  const parts = (one: CacheKey): string =>
    JSON.stringify([one.clusterId, endpointKey(one.endpoint), identityKey(one.identity)]);
  const property = fc.property(anyKey, anyKey, (one, other) => {
    expect(cacheKeyText(one)).toMatch(/^[A-Za-z0-9@/%._~!*'()-]+$/);
    expect(cacheKeyText(one) === cacheKeyText(other)).toBe(parts(one) === parts(other));
  });
  fc.assert(property, { numRuns: 2000 });
});

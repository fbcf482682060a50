import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cacheKeyText, type CacheKey } from '../../src/credential/cache-key.js';
import { parseEndpoint, type EndpointSetting } from '../../src/endpoint.js';
import { withRole, type Identity } from '../../src/identity.js';
import { holds } from '../fuzz/property.js';

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
  // Texts with the separators of a key.
  const part = fc.constantFrom('a', ':', ' ', ' as ', '%', '%20', '@', '/', 'profile', 'chain', '\u001b');
  const word = fc.array(part, { maxLength: 4 }).map((parts) => parts.join(''));
  const endpoint = fc.constantFrom<EndpointSetting>(
    { kind: 'default' },
    { kind: 'site', site: 'china' },
    { kind: 'site', site: 'international' },
    ...['a.example.com', 'http://127.0.0.1', '127.0.0.1'].map((text) => parseEndpoint(text)),
  );
  const base: fc.Arbitrary<Identity> = fc.oneof(
    fc.record({ kind: fc.constant('profile' as const), name: word }),
    fc.record({ kind: fc.constant('access-key' as const), accessKeyId: word }),
    fc.record({ kind: fc.constant('oidc' as const), roleArn: word }),
    fc.record({ kind: fc.constant('chain' as const) }),
    fc.record({ kind: fc.constant('credentials-file' as const), file: word, profile: word }),
    fc.record({ kind: fc.constant('ecs-role' as const), role: word }),
  );
  const role = fc.option(word, { nil: undefined });
  const identity = fc.tuple(base, role).map(([one, arn]) => withRole(one, arn));
  // Keys that differ in one part only occur often.
  const anyKey = fc.record({ endpoint, identity, clusterId: word });
  const change = fc.record({ endpoint, identity, clusterId: word }, { requiredKeys: [] });
  holds(fc.tuple(anyKey, change), ([one, changes]) => {
    const other = { ...one, ...changes };
    expect(cacheKeyText(one)).toMatch(/^[A-Za-z0-9@/%._~!*'()-]+$/);
    expect(cacheKeyText(one) === cacheKeyText(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
  });
});

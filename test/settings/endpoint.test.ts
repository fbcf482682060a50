import { describe, expect, test } from '@jest/globals';
import { EckError } from '../../src/errors.js';
import {
  endpointKey,
  otherSite,
  parseEndpoint,
  parseSite,
  resolveEndpoint,
  siteOfRegion,
  type EndpointSetting,
} from '../../src/endpoint.js';

describe('an endpoint', () => {
  test.each([
    ['ens.aliyuncs.com', 'ens.aliyuncs.com'],
    ['ENS.Aliyuncs.COM', 'ens.aliyuncs.com'],
    ['https://ens.aliyuncs.com', 'ens.aliyuncs.com'],
    ['HTTPS://ens.aliyuncs.com/', 'ens.aliyuncs.com'],
    ['ens.aliyuncs.com:443', 'ens.aliyuncs.com'],
    ['https://ens.aliyuncs.com:443', 'ens.aliyuncs.com'],
    ['ens.aliyuncs.com:8443', 'ens.aliyuncs.com:8443'],
    ['localhost:8443', 'localhost:8443'],
    ['192.0.2.1', '192.0.2.1'],
    ['[2001:DB8::1]:8443', '[2001:db8::1]:8443'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['http://127.0.0.1:80', 'http://127.0.0.1'],
    ['http://127.8.9.10', 'http://127.8.9.10'],
    ['http://127.1:8080', 'http://127.0.0.1:8080'],
    ['HTTP://LOCALHOST:8080/', 'http://localhost:8080'],
    ['http://[::1]:8080', 'http://[::1]:8080'],
    ['http://[0:0:0:0:0:0:0:1]:8080', 'http://[::1]:8080'],
  ])('%s is %s', (text, address) => {
    expect(parseEndpoint(text)).toEqual({ kind: 'address', address });
  });

  test.each([
    ['nothing', ''],
    ['a space', 'ens aliyuncs.com'],
    ['a port that is none', 'ens.aliyuncs.com:99999'],
    ['a path', 'ens.aliyuncs.com/api'],
    ['a path in a URL', 'https://ens.aliyuncs.com/api'],
    ['a query', 'https://ens.aliyuncs.com?x=1'],
    ['a fragment', 'https://ens.aliyuncs.com#x'],
    ['another protocol', 'ftp://ens.aliyuncs.com'],
    ['a file', 'file:///etc/passwd'],
    ['a script', 'javascript:alert(1)'],
    ['plain http', 'http://ens.aliyuncs.com'],
    ['plain http to a private network', 'http://10.0.0.1:8080'],
    ['plain http to every address of this machine', 'http://0.0.0.0:8080'],
    ['a name that begins like a loopback address', 'http://127.0.0.1.example.com'],
    ['a name that begins like localhost', 'http://localhost.example.com'],
    ['a name that ends like localhost', 'http://evil-localhost'],
    ['a loopback address as a user', 'http://127.0.0.1@example.com'],
    ['another IPv6 address', 'http://[::2]:8080'],
    ['a user', 'https://user@ens.aliyuncs.com'],
    ['a user and a password', 'https://user:password@ens.aliyuncs.com'],
  ])('cannot have %s', (_, text) => {
    expect(() => parseEndpoint(text)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining('--endpoint') }),
    );
  });

  test.each([
    'https://user:hunter2@ens.aliyuncs.com',
    'user:hunter2@ens.aliyuncs.com',
    'http://user:hunter2@ens.aliyuncs.com',
    'http://user:hunter2@127.0.0.1:8080',
    'ftp://user:hunter2@ens.aliyuncs.com',
    'https://user:hunter2@ens.aliyuncs.com:99999',
    'https://user:hunter2@ens.aliyuncs.com/api',
    'https://user:hunter2/@ens.aliyuncs.com',
    'https://user:hunter2@',
    'https://hunter2@ens.aliyuncs.com?a@b',
  ])('with a password is refused without the password: %s', (text) => {
    const message = messageFor(text);
    expect(message).not.toContain('hunter2');
    expect(message).toContain('--endpoint');
  });

  test.each([
    'ens\u001b[2J.aliyuncs.com',
    'ens\u009b2J',
    'http://e\u202ens',
    'a\nb c',
    `${'a'.repeat(10_000)}/b`,
  ])('that is refused is shown in one short line without control characters: %j', (text) => {
    const message = messageFor(text);
    // eslint-disable-next-line no-control-regex
    expect(message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
    expect(message.length).toBeLessThan(500);
  });
});

function messageFor(text: string): string {
  try {
    parseEndpoint(text);
  } catch (error) {
    if (error instanceof EckError) return error.message;
  }
  throw new Error('it was taken for an endpoint');
}

describe('a site', () => {
  test.each(['china', 'international'] as const)('can be %s', (site) => {
    expect(parseSite(site)).toBe(site);
  });

  test.each(['', 'China', 'china ', 'cn', 'constructor', 'all'])('cannot be %j', (text) => {
    expect(() => parseSite(text)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringMatching(/china.*international/) }),
    );
  });

  test.each([
    ['cn-hangzhou', 'china'],
    ['cn-hangzhou-58', 'china'],
    ['cn-hongkong', 'china'],
    ['ap-southeast-1', 'international'],
    ['eu-central-1', 'international'],
    ['us-west-1', 'international'],
    ['cnx-1', 'international'],
  ])('of the region %s is %s', (region, site) => {
    expect(siteOfRegion(region)).toBe(site);
  });
});

describe('the endpoint that is called', () => {
  test.each<[EndpointSetting, ReturnType<typeof resolveEndpoint>]>([
    [{ kind: 'default' }, { protocol: 'https', host: 'ens.aliyuncs.com' }],
    [
      { kind: 'site', site: 'china' },
      { protocol: 'https', host: 'ens.aliyuncs.com' },
    ],
    [
      { kind: 'site', site: 'international' },
      { protocol: 'https', host: 'ens.ap-southeast-1.aliyuncs.com' },
    ],
    [parseEndpoint('192.0.2.1:8443'), { protocol: 'https', host: '192.0.2.1:8443' }],
    [parseEndpoint('http://127.0.0.1:8080'), { protocol: 'http', host: '127.0.0.1:8080' }],
    // A host may be named like a protocol.
    [parseEndpoint('http.example.com'), { protocol: 'https', host: 'http.example.com' }],
  ])('for %j is %j', (setting, endpoint) => {
    expect(resolveEndpoint(setting)).toEqual(endpoint);
  });

  test.each<[EndpointSetting, ReturnType<typeof otherSite>]>([
    [{ kind: 'default' }, 'international'],
    [{ kind: 'site', site: 'china' }, 'international'],
    [{ kind: 'site', site: 'international' }, 'china'],
    [parseEndpoint('ens.aliyuncs.com'), 'international'],
    [parseEndpoint('ens.aliyuncs.com:8443'), undefined],
    [parseEndpoint('http://127.0.0.1'), undefined],
  ])('for %j has the other site %s', (setting, site) => {
    expect(otherSite(resolveEndpoint(setting))).toBe(site);
  });
});

describe("the endpoint's part of a key", () => {
  test.each([
    ['https://ENS.aliyuncs.com:443/', 'ens.aliyuncs.com'],
    ['http://localhost:80', 'http://LOCALHOST/'],
    ['http://127.1', 'http://127.0.0.1'],
  ])('is the same for %s and %s', (one, other) => {
    expect(endpointKey(parseEndpoint(one))).toBe(endpointKey(parseEndpoint(other)));
  });

  test('is the same for a site and for its address', () => {
    expect(endpointKey({ kind: 'site', site: 'china' })).toBe(endpointKey(parseEndpoint('ens.aliyuncs.com')));
  });

  test('is different for different endpoints, and for the one that is found out later', () => {
    const settings: EndpointSetting[] = [
      { kind: 'default' },
      { kind: 'site', site: 'china' },
      { kind: 'site', site: 'international' },
      parseEndpoint('ens.aliyuncs.com:8443'),
      parseEndpoint('127.0.0.1'),
      parseEndpoint('http://127.0.0.1'),
      parseEndpoint('http://127.0.0.1:443'),
      parseEndpoint('127.0.0.1:80'),
    ];
    expect(new Set(settings.map(endpointKey)).size).toBe(settings.length);
  });
});

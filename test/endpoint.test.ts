import { expect, test } from '@jest/globals';
import {
  endpointKey,
  otherSite,
  parseEndpoint,
  resolveEndpoint,
  siteOfRegion,
  type EndpointSetting,
} from '../src/endpoint.js';
import { outcomeOf } from './fuzz/property.js';

test.each([
  ['ens.aliyuncs.com', 'ens.aliyuncs.com'],
  ['ENS.Aliyuncs.COM', 'ens.aliyuncs.com'],
  ['HTTPS://ens.aliyuncs.com/', 'ens.aliyuncs.com'],
  ['https://ens.aliyuncs.com:443', 'ens.aliyuncs.com'],
  ['ens.aliyuncs.com:8443', 'ens.aliyuncs.com:8443'],
  ['localhost:8443', 'localhost:8443'],
  ['192.0.2.1', '192.0.2.1'],
  ['[2001:DB8::1]:8443', '[2001:db8::1]:8443'],
  ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
  ['http://127.0.0.1:80', 'http://127.0.0.1'],
  ['http://127.1:8080', 'http://127.0.0.1:8080'],
  ['HTTP://LOCALHOST:8080/', 'http://localhost:8080'],
  ['http://[0:0:0:0:0:0:0:1]:8080', 'http://[::1]:8080'],
])('the endpoint %s is %s', (text, address) => {
  expect(parseEndpoint(text)).toEqual({ kind: 'address', address });
});

test.each([
  ...['', 'ens aliyuncs.com', 'ens.aliyuncs.com:99999', 'ens.com/api', 'https://ens.com/api'],
  ...['https://ens.aliyuncs.com?x=1', 'https://ens.aliyuncs.com#x', 'ftp://ens.aliyuncs.com'],
  ...['file:///etc/passwd', 'javascript:alert(1)', 'http://ens.aliyuncs.com', 'http://10.0.0.1:8080'],
  ...['http://0.0.0.0:8080', 'http://127.0.0.1.example.com', 'http://localhost.example.com'],
  ...['http://evil-localhost', 'http://127.0.0.1@example.com', 'http://[::2]:8080'],
  ...['https://user@ens.com', 'https://user:hunter2@ens.com', 'user:hunter2@ens.com'],
  ...['http://user:hunter2@ens.aliyuncs.com', 'http://user:hunter2@127.0.0.1:8080', 'ftp://u:hunter2@ens'],
  ...['https://user:hunter2@ens.aliyuncs.com:99999', 'https://user:hunter2@ens.aliyuncs.com/api'],
  ...['https://user:hunter2/@ens.aliyuncs.com', 'https://user:hunter2@', 'https://hunter2@ens.com?a@b'],
  ...['ens\u001b[2J.aliyuncs.com', 'ens\u009b2J', 'http://e\u202ens', 'a\nb c', `${'a'.repeat(10_000)}/b`],
])('%j is not an endpoint, and no password is shown', (text) => {
  const { error } = outcomeOf(['usage'], () => parseEndpoint(text, 'KUBECTL_ECK_ENDPOINT'));
  const message = String(error?.message);
  expect(message).toMatch(/^KUBECTL_ECK_ENDPOINT /);
  expect(message).not.toContain('hunter2');
  expect(message.length).toBeLessThan(300);
});

test.each([
  ['cn-hangzhou', 'china'],
  ['cn-hongkong', 'china'],
  ['ap-southeast-1', 'international'],
  ['cnx-1', 'international'],
])('the site of the region %s is %s', (region, site) => {
  expect(siteOfRegion(region)).toBe(site);
});

test.each<[EndpointSetting, string, string, string | undefined]>([
  [{ kind: 'default' }, 'https', 'ens.aliyuncs.com', 'international'],
  [{ kind: 'site', site: 'china' }, 'https', 'ens.aliyuncs.com', 'international'],
  [{ kind: 'site', site: 'international' }, 'https', 'ens.ap-southeast-1.aliyuncs.com', 'china'],
  [parseEndpoint('ens.aliyuncs.com'), 'https', 'ens.aliyuncs.com', 'international'],
  [parseEndpoint('ens.aliyuncs.com:8443'), 'https', 'ens.aliyuncs.com:8443', undefined],
  [parseEndpoint('http://127.0.0.1:8080'), 'http', '127.0.0.1:8080', undefined],
  // A host may look like a protocol.
  [parseEndpoint('http.example.com'), 'https', 'http.example.com', undefined],
])('the setting %j is called at %s://%s, and has the other site %s', (setting, protocol, host, other) => {
  expect(resolveEndpoint(setting)).toEqual({ protocol, host });
  expect(otherSite(resolveEndpoint(setting))).toBe(other);
});

test('an endpoint has one key, whatever its spelling', () => {
  const keys = [
    ...['ens.aliyuncs.com', 'ens.aliyuncs.com:8443', '127.0.0.1', '127.0.0.1:80'],
    ...['http://127.0.0.1', 'http://127.0.0.1:443'],
  ];
  expect(keys.map((key) => endpointKey(parseEndpoint(key)))).toEqual(keys);
  expect(endpointKey(parseEndpoint('https://ENS.aliyuncs.com:443/'))).toBe('ens.aliyuncs.com');
  expect(endpointKey({ kind: 'site', site: 'china' })).toBe('ens.aliyuncs.com');
  expect(endpointKey({ kind: 'site', site: 'international' })).toBe('ens.ap-southeast-1.aliyuncs.com');
  expect(endpointKey({ kind: 'default' })).toBe('default');
});

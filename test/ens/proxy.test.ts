import { describe, expect, test } from '@jest/globals';
import { EckError } from '../../src/errors.js';
import { proxyFor, proxyName, type Destination } from '../../src/ens/proxy.js';

const ens: Destination = { protocol: 'https', hostname: 'ens.aliyuncs.com', port: 443 };
const proxy = 'http://proxy.example:8080';

describe('the proxy for a request', () => {
  const variables: [string, Record<string, string>, Destination, string | undefined][] = [
    ['is none where none is named', {}, ens, undefined],
    ['is that of HTTPS_PROXY for https', { HTTPS_PROXY: proxy }, ens, proxy],
    ['is that of https_proxy as well', { https_proxy: proxy }, ens, proxy],
    ['is not that of HTTP_PROXY for https', { HTTP_PROXY: proxy }, ens, undefined],
    ['is that of HTTP_PROXY for http', { HTTP_PROXY: proxy }, { ...ens, protocol: 'http', port: 80 }, proxy],
    ['is that of ALL_PROXY for want of another', { ALL_PROXY: proxy }, ens, proxy],
    [
      'is the particular one before the general one',
      { ALL_PROXY: 'http://a', HTTPS_PROXY: proxy },
      ens,
      proxy,
    ],
    [
      'is that of the upper case first, as in Go',
      { https_proxy: 'http://a', HTTPS_PROXY: proxy },
      ens,
      proxy,
    ],
    ['may be written without its scheme', { HTTPS_PROXY: 'proxy.example:8080' }, ens, proxy],
    ['may be empty, which is none', { HTTPS_PROXY: '', https_proxy: proxy }, ens, proxy],
    ['is never used for loopback', { HTTPS_PROXY: proxy }, { ...ens, hostname: '127.0.0.2' }, undefined],
    ['is never used for localhost', { HTTPS_PROXY: proxy }, { ...ens, hostname: 'localhost' }, undefined],
    ['is never used for ::1', { HTTPS_PROXY: proxy }, { ...ens, hostname: '::1' }, undefined],
    [
      'is never used for the metadata service',
      { HTTP_PROXY: proxy },
      { protocol: 'http', hostname: '100.100.100.200', port: 80 },
      undefined,
    ],
  ];

  test.each(variables)('%s', (_, environment, destination, expected) => {
    expect(proxyFor(destination, environment)?.origin).toBe(expected);
  });

  test.each(['http://', 'ftp://proxy.example', '::::'])('that is named by %s is wrong usage', (text) => {
    expect(() => proxyFor(ens, { HTTPS_PROXY: text })).toThrow(EckError);
  });

  test('is named without its user and password', () => {
    expect(proxyName(new URL('https://me:secret@proxy.example:8443'))).toBe('https://proxy.example:8443');
  });
});

describe('NO_PROXY', () => {
  const v4 = { ...ens, hostname: '10.1.2.3' };
  const v6 = { ...ens, hostname: 'fd00::1' };
  const rules: [string, Destination, boolean][] = [
    ['*', ens, true],
    ['ens.aliyuncs.com', ens, true],
    ['ENS.Aliyuncs.com', ens, true],
    ['aliyuncs.com', ens, true],
    ['.aliyuncs.com', ens, true],
    ['*.aliyuncs.com', ens, true],
    ['.ens.aliyuncs.com', ens, false],
    ['liyuncs.com', ens, false],
    ['com.aliyuncs', ens, false],
    ['ens.aliyuncs.com:443', ens, true],
    ['ens.aliyuncs.com:8443', ens, false],
    ['aliyuncs.com:443', ens, true],
    ['other.example, aliyuncs.com', ens, true],
    [' , ,', ens, false],
    ['', ens, false],
    ['10.1.2.3', v4, true],
    ['10.1.2.3:443', v4, true],
    ['10.1.2.3:80', v4, false],
    ['10.0.0.0/8', v4, true],
    ['10.2.0.0/16', v4, false],
    ['10.0.0.0/33', v4, false],
    ['10.0.0.0/8', ens, false],
    ['1.2.3', v4, false],
    ['fd00::1', v6, true],
    ['[fd00::1]:443', v6, true],
    ['[fd00::1]:80', v6, false],
    ['fd00::/8', v6, true],
    ['fe80::/10', v6, false],
  ];

  test.each(rules)('of "%s" and %j: excepted is %s', (noProxy, destination, isExcepted) => {
    for (const variable of ['NO_PROXY', 'no_proxy']) {
      const found = proxyFor(destination, { HTTPS_PROXY: proxy, [variable]: noProxy });
      expect(found === undefined).toBe(isExcepted);
    }
  });
});

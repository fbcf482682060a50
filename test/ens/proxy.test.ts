import { describe, expect, test } from '@jest/globals';
import { agentFor, proxyFor, proxyName, tlsTrust } from '../../src/ens/proxy.js';

const ens = 'https://ens.aliyuncs.com';
const proxy = 'http://proxy.example:8080';
const other = 'http://other.example';

describe('the proxy for a request', () => {
  test.each<[string, Record<string, string>, string, string | undefined]>([
    ['none without a variable', {}, ens, undefined],
    ['HTTPS_PROXY for https', { HTTPS_PROXY: proxy }, ens, proxy],
    ['https_proxy too', { https_proxy: proxy }, ens, proxy],
    ['not HTTP_PROXY for https', { HTTP_PROXY: proxy }, ens, undefined],
    ['HTTP_PROXY for http', { HTTP_PROXY: proxy }, 'http://sts.aliyuncs.com', proxy],
    ['ALL_PROXY without the other', { ALL_PROXY: proxy }, ens, proxy],
    ['HTTPS_PROXY before ALL_PROXY', { ALL_PROXY: other, HTTPS_PROXY: proxy }, ens, proxy],
    ['upper case before lower case', { https_proxy: other, HTTPS_PROXY: proxy }, ens, proxy],
    ['a URL without its scheme', { HTTPS_PROXY: 'proxy.example:8080' }, ens, proxy],
    ['lower case if upper case is empty', { HTTPS_PROXY: '', https_proxy: proxy }, ens, proxy],
    ['none for loopback', { HTTPS_PROXY: proxy }, 'https://127.0.0.2', undefined],
    ['none for localhost', { HTTPS_PROXY: proxy }, 'https://localhost:1234', undefined],
    ['none for ::1', { HTTPS_PROXY: proxy }, 'https://[::1]', undefined],
    ['none for the metadata service', { HTTP_PROXY: proxy }, 'http://100.100.100.200', undefined],
  ])('is %s', (_, environment, url, expected) => {
    expect(proxyFor(new URL(url), environment)?.origin).toBe(expected);
  });

  test.each(['http://', 'ftp://me:secret@proxy.example', '::::'])('cannot be %s', (text) => {
    const error = expect.objectContaining({
      code: 'usage',
      message: 'HTTPS_PROXY is not the URL of a proxy',
    });
    expect(() => proxyFor(new URL(ens), { HTTPS_PROXY: text })).toThrow(error);
  });

  test('is named without its user and password', () => {
    expect(proxyName(new URL('https://me:secret@proxy.example:8443'))).toBe('https://proxy.example:8443');
  });

  test.each(['socks5', 'socks5h', 'socks'])('of %s resolves names itself', (scheme) => {
    const agent = agentFor(new URL(`${scheme}://me:p%40ss@proxy.example`), {});
    const proxied = { userId: 'me', password: 'p@ss', type: 5 };
    expect(agent).toMatchObject({ shouldLookup: false, proxy: proxied });
  });
});

test.each([
  ['/nonexistent.pem', /^\/nonexistent\.pem of SSL_CERT_FILE cannot be read \(ENOENT\)$/],
  ['/dev/null', /^\/dev\/null of SSL_CERT_FILE has no PEM certificate$/],
])('a file of certificates that is %s is an error of the network', (file, message) => {
  expect(() => tlsTrust({ SSL_CERT_FILE: file })).toThrow(
    expect.objectContaining({ code: 'network-untrusted', message: expect.stringMatching(message) }),
  );
});

describe('NO_PROXY', () => {
  const v4 = 'https://10.1.2.3';
  const v6 = 'https://[fd00::1]';
  const rules: [string, string, boolean][] = [
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

  test.each(rules)('of "%s" and %s: excepted is %s', (noProxy, url, isExcepted) => {
    for (const variable of ['NO_PROXY', 'no_proxy']) {
      const found = proxyFor(new URL(url), { HTTPS_PROXY: proxy, [variable]: noProxy });
      expect(found === undefined).toBe(isExcepted);
    }
  });
});

import tls from 'node:tls';
import { BlockList, isIP } from 'node:net';
import { EckError, printable } from '../errors.js';
import type { Environment } from '../world.js';
import type { Agent } from 'node:http';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { SocksProxyAgent } from 'socks-proxy-agent';
import { readFileSync } from 'node:fs';

/** Where a request goes. */
export interface Destination {
  readonly protocol: 'http' | 'https';
  /** Without brackets, also for an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
}

/** The kinds of proxy that are understood. */
const proxyProtocols = ['http:', 'https:', 'socks:', 'socks4:', 'socks4a:', 'socks5:', 'socks5h:'];

/**
 * The proxy for a request, as kubectl and other programs in Go read it from the environment: `HTTPS_PROXY` or
 * `HTTP_PROXY`, else `ALL_PROXY`, in upper or lower case, unless `NO_PROXY` says otherwise. The metadata service of ECS
 * and loopback addresses are never asked for through a proxy.
 *
 * @returns `undefined` where the request goes straight there
 * @throws EckError `usage` where the variable holds no URL of a proxy; its password is not in the message
 */
export function proxyFor(destination: Destination, environment: Environment): URL | undefined {
  const names = [destination.protocol === 'https' ? 'HTTPS_PROXY' : 'HTTP_PROXY', 'ALL_PROXY'];
  const variable = names.flatMap((name) => [name, name.toLowerCase()]).find((name) => environment[name]);
  const text = variable === undefined ? undefined : environment[variable];
  if (variable === undefined || !text) return undefined;
  if (isNeverProxied(destination.hostname)) return undefined;
  if (isExcepted(destination, environment['NO_PROXY'] || environment['no_proxy'] || '')) return undefined;

  const withScheme = /^[a-z0-9]+:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(withScheme)) throw new EckError('usage', `${variable} does not hold the URL of a proxy`);
  const proxy = new URL(withScheme);
  if (!proxyProtocols.includes(proxy.protocol)) {
    throw new EckError(
      'usage',
      `${variable} names a proxy of a kind that is not understood (${printable(proxy.protocol)}); ` +
        'use http://, https:// or socks5://',
    );
  }
  return proxy;
}

/** A proxy for messages: without its user and password. */
export function proxyName(proxy: URL): string {
  return `${proxy.protocol}//${proxy.host}`;
}

const metadataService = '100.100.100.200';

function isNeverProxied(hostname: string): boolean {
  return (
    hostname === metadataService || hostname === 'localhost' || hostname === '::1' || /^127\./.test(hostname)
  );
}

/**
 * Whether `NO_PROXY` excepts a destination: a list of `*`, host names (which stand for their subdomains too),
 * `.suffixes` (which stand for subdomains only), IP addresses, and CIDR blocks, each but the last with a port if it is
 * for that port alone. The rules are those of Go's golang.org/x/net/http/httpproxy.
 */
function isExcepted({ hostname, port }: Destination, noProxy: string): boolean {
  const host = hostname.toLowerCase().replace(/\.$/, '');
  return noProxy
    .split(',')
    .map((part) => part.trim().toLowerCase())
    .filter(Boolean)
    .some((pattern) => pattern === '*' || matches(pattern, host, port));
}

function matches(pattern: string, host: string, port: number): boolean {
  if (pattern.includes('/')) return isInBlock(pattern, host);
  const { name, onlyPort } = splitPort(pattern);
  if (onlyPort !== undefined && onlyPort !== port) return false;
  if (isIP(name) !== 0 || isIP(host) !== 0) return name === host;
  const suffix = name.replace(/^\*?\./, '.');
  return suffix.startsWith('.') ? host.endsWith(suffix) : host === suffix || host.endsWith(`.${suffix}`);
}

function splitPort(pattern: string): { name: string; onlyPort: number | undefined } {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(pattern) ?? /^([^:]+):(\d+)$/.exec(pattern);
  if (bracketed === null) return { name: pattern, onlyPort: undefined };
  return {
    name: bracketed[1] ?? '',
    onlyPort: bracketed[2] === undefined ? undefined : Number(bracketed[2]),
  };
}

function isInBlock(block: string, host: string): boolean {
  const [address = '', prefix = ''] = block.split('/');
  const family = isIP(address);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(prefix)) return false;
  const kind = family === 6 ? 'ipv6' : 'ipv4';
  if (Number(prefix) > (family === 6 ? 128 : 32)) return false;
  const list = new BlockList();
  list.addSubnet(address, Number(prefix), kind);
  return list.check(host, kind);
}

/**
 * The agent that makes connections through a proxy: by `CONNECT` through one that speaks HTTP, reached over TLS where
 * its URL says `https`, or by SOCKS.
 */
export function agentFor(proxy: URL, environment: Environment): Agent {
  if (proxy.protocol.startsWith('socks')) return new SocksProxyAgent(proxy);
  const trust = proxy.protocol === 'https:' ? { ca: trustedAuthorities(environment) } : {};
  return new HttpsProxyAgent(proxy, trust);
}

/** Later versions of Node.js and Bun tell what the operating system trusts. */
const { getCACertificates } = tls as typeof tls & {
  readonly getCACertificates?: (kind: 'default' | 'system') => string[];
};

/**
 * The certificate authorities to trust for a TLS connection, as PEM: those of the runtime, those that the operating
 * system trusts where the runtime tells, and those in the files that `NODE_EXTRA_CA_CERTS` and `SSL_CERT_FILE` name.
 *
 * @throws EckError `usage` where such a file cannot be read or holds no certificate
 */
export function trustedAuthorities(environment: Environment): string[] {
  const authorities = new Set(getCACertificates?.('default') ?? tls.rootCertificates);
  for (const certificate of systemAuthorities()) authorities.add(certificate);
  for (const variable of ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE']) {
    const file = environment[variable];
    if (file) for (const certificate of readBundle(variable, file)) authorities.add(certificate);
  }
  return [...authorities];
}

function systemAuthorities(): string[] {
  try {
    return getCACertificates?.('system') ?? [];
  } catch {
    return [];
  }
}

function readBundle(variable: string, file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new EckError('usage', `${variable} names ${printable(file)}, which cannot be read (${code})`);
  }
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g);
  if (certificates === null) {
    throw new EckError('usage', `${variable} names ${printable(file)}, which holds no PEM certificate`);
  }
  return certificates;
}

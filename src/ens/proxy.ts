import { readFileSync } from 'node:fs';
import type { Agent } from 'node:http';
import { BlockList, isIP } from 'node:net';
import tls from 'node:tls';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { SocksProxyAgent } from 'socks-proxy-agent';
import { EckError, printable, usageError } from '../errors.js';
import type { Environment } from '../world.js';

/** Where a request goes. */
export interface Destination {
  readonly protocol: 'http' | 'https';
  /** Without brackets, also for an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
}

const proxyProtocols = ['http:', 'https:', 'socks:', 'socks4:', 'socks4a:', 'socks5:', 'socks5h:'];

/**
 * The proxy for a request, by the rules of kubectl and other Go programs: `HTTPS_PROXY` or `HTTP_PROXY`, else
 * `ALL_PROXY`, in upper or lower case, unless `NO_PROXY` matches. The metadata service and loopback addresses never
 * use a proxy.
 *
 * @throws EckError `usage` if the variable is not the URL of a proxy; without its password
 */
export function proxyFor(destination: Destination, environment: Environment): URL | undefined {
  const names = [destination.protocol === 'https' ? 'HTTPS_PROXY' : 'HTTP_PROXY', 'ALL_PROXY'];
  const variable = names.flatMap((name) => [name, name.toLowerCase()]).find((name) => environment[name]);
  const text = variable && environment[variable];
  if (!variable || !text || isNeverProxied(destination.hostname)) return undefined;
  if (isExcepted(destination, environment['NO_PROXY'] || environment['no_proxy'] || '')) return undefined;
  const url = /^[a-z0-9]+:\/\//i.test(text) ? text : `http://${text}`;
  const proxy = URL.canParse(url) ? new URL(url) : undefined;
  if (proxy !== undefined && proxyProtocols.includes(proxy.protocol)) return proxy;
  throw usageError(`${variable} is not the URL of a proxy`, 'Use http://, https:// or socks5://HOST:PORT');
}

/** A proxy without its user and password, for messages. */
export function proxyName(proxy: URL): string {
  return `${proxy.protocol}//${proxy.host}`;
}

function isNeverProxied(hostname: string): boolean {
  return ['100.100.100.200', 'localhost', '::1'].includes(hostname) || hostname.startsWith('127.');
}

/**
 * Whether `NO_PROXY` matches: `*`, host names with their subdomains, `.suffixes`, IP addresses, and CIDR blocks, each
 * but the last with an optional port. The rules are those of golang.org/x/net/http/httpproxy.
 */
function isExcepted({ hostname, port }: Destination, noProxy: string): boolean {
  const host = hostname.toLowerCase().replace(/\.$/, '');
  const patterns = noProxy.split(',').map((part) => part.trim().toLowerCase());
  return patterns.some((pattern) => pattern === '*' || (pattern !== '' && matches(pattern, host, port)));
}

function matches(pattern: string, host: string, port: number): boolean {
  if (pattern.includes('/')) return isInBlock(pattern, host);
  // [IPv6] or [IPv6]:port, then name:port; anything else has no port.
  const withPort = /^\[([^\]]+)\](?::(\d+))?$/.exec(pattern) ?? /^([^:]+):(\d+)$/.exec(pattern);
  const [, name = pattern, onlyPort] = withPort ?? [];
  if (onlyPort !== undefined && Number(onlyPort) !== port) return false;
  if (isIP(name) !== 0 || isIP(host) !== 0) return name === host;
  const suffix = name.replace(/^\*?\./, '.');
  return suffix.startsWith('.') ? host.endsWith(suffix) : host === suffix || host.endsWith(`.${suffix}`);
}

function isInBlock(block: string, host: string): boolean {
  const [address = '', prefix = ''] = block.split('/');
  const family = isIP(address);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(prefix)) return false;
  if (Number(prefix) > (family === 6 ? 128 : 32)) return false;
  const kind = family === 6 ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  list.addSubnet(address, Number(prefix), kind);
  return list.check(host, kind);
}

/**
 * The agent that connects through a proxy: by `CONNECT` through http and https, or by SOCKS. A SOCKS5 proxy resolves
 * the host's name, as it does for kubectl.
 */
export function agentFor(proxy: URL, environment: Environment): Agent {
  if (proxy.protocol.startsWith('socks')) {
    return new SocksProxyAgent(proxy.href.replace(/^socks5:/, 'socks5h:'));
  }
  return new HttpsProxyAgent(proxy, proxy.protocol === 'https:' ? tlsTrust(environment) : {});
}

/** The TLS options of every connection. No environment variable turns verification off. */
export function tlsTrust(environment: Environment): { ca: string[]; rejectUnauthorized: true } {
  return { ca: trustedAuthorities(environment), rejectUnauthorized: true };
}

/** Later versions of Node.js and Bun list what the operating system trusts. */
const { getCACertificates } = tls as typeof tls & {
  readonly getCACertificates?: (kind: 'default' | 'system') => string[];
};

/**
 * The certificate authorities to trust, as PEM: those of the runtime and the operating system, and those in the files
 * of `NODE_EXTRA_CA_CERTS` and `SSL_CERT_FILE`.
 *
 * @throws EckError `network-untrusted` if such a file cannot be read or has no certificate
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
  const unusable = (why: string): EckError =>
    new EckError('network-untrusted', `${printable(file)} of ${variable} ${why}`, {
      fix: `Correct or unset ${variable}`,
    });
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch (error) {
    throw unusable(`cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
  }
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g);
  if (certificates === null) throw unusable('has no PEM certificate');
  return certificates;
}

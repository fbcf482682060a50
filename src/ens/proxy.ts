import { readFileSync } from 'node:fs';
import type { Agent } from 'node:http';
import { BlockList, isIP } from 'node:net';
import tls from 'node:tls';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { SocksProxyAgent } from 'socks-proxy-agent';
import { EckError, errorCode, ifPossible, printable, usageError } from '../errors.js';
import type { Environment } from '../world.js';

const proxyProtocols = ['http:', 'https:', 'socks:', 'socks4:', 'socks4a:', 'socks5:', 'socks5h:'];

/**
 * The proxy for a request, by the rules of kubectl and other Go programs. The metadata service and loopback addresses
 * never use one. @throws EckError `usage` if the variable is not the URL of a proxy; without its password
 */
export function proxyFor({ protocol, hostname, port }: URL, environment: Environment): URL | undefined {
  const names = [protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY', 'ALL_PROXY'];
  const variable = names.flatMap((name) => [name, name.toLowerCase()]).find((name) => environment[name]);
  const text = variable && environment[variable];
  const host = hostname.replace(/^\[|\]$|\.$/g, '');
  if (!text || /^(?:100\.100\.100\.200|localhost|::1|127\..*)$/.test(host)) return undefined;
  const exceptions = (environment['NO_PROXY'] || environment['no_proxy'] || '').toLowerCase().split(',');
  const itsPort = Number(port) || (protocol === 'https:' ? 443 : 80);
  if (exceptions.some((pattern) => isExcepted(host, itsPort, pattern.trim()))) return undefined;
  const url = /^[a-z0-9]+:\/\//i.test(text) ? text : `http://${text}`;
  const proxy = URL.canParse(url) ? new URL(url) : undefined;
  if (proxy !== undefined && proxyProtocols.includes(proxy.protocol)) return proxy;
  throw usageError(`${variable} is not the URL of a proxy`, 'Use http://, https:// or socks5://HOST:PORT');
}

/** A proxy without its user and password, for messages. */
export function proxyName(proxy: URL): string {
  return `${proxy.protocol}//${proxy.host}`;
}

/** Whether a part of `NO_PROXY` matches, by the rules of golang.org/x/net/http/httpproxy. */
function isExcepted(host: string, port: number, pattern: string): boolean {
  if (pattern === '*' || pattern === '') return pattern === '*';
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

/** The agent that connects through a proxy. A SOCKS5 proxy resolves the host's name, as it does for kubectl. */
export function agentFor(proxy: URL, environment: Environment): Agent {
  if (proxy.protocol.startsWith('socks')) {
    return new SocksProxyAgent(proxy.href.replace(/^socks5:/, 'socks5h:'));
  }
  return new HttpsProxyAgent(proxy, proxy.protocol === 'https:' ? tlsTrust(environment) : {});
}

/** Later versions of Node.js and Bun list what the operating system trusts. */
const { getCACertificates } = tls as typeof tls & {
  readonly getCACertificates?: (kind: 'default' | 'system') => string[];
};

/**
 * The TLS options of every connection: it is always verified, by the authorities of the runtime, the operating system
 * and two variables. @throws EckError `network-untrusted` if such a file cannot be read or has no certificate
 */
export function tlsTrust(environment: Environment): { ca: string[]; rejectUnauthorized: true } {
  const usual = getCACertificates?.('default') ?? tls.rootCertificates;
  const system = ifPossible(() => getCACertificates?.('system')) ?? [];
  const named = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'].flatMap((variable) => {
    const file = environment[variable];
    return file ? readBundle(variable, file) : [];
  });
  return { ca: [...new Set([...usual, ...system, ...named])], rejectUnauthorized: true };
}

function readBundle(variable: string, file: string): string[] {
  const fix = `Correct or unset ${variable}`;
  const unusable = (why: string) =>
    new EckError('network-untrusted', `${printable(file)} of ${variable} ${why}`, { fix });
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch (error) {
    throw unusable(`cannot be read (${errorCode(error)})`);
  }
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g);
  if (certificates === null) throw unusable('has no PEM certificate');
  return certificates;
}

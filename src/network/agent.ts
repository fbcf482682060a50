import type { Agent } from 'node:http';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { SocksProxyAgent } from 'socks-proxy-agent';
import type { Environment } from '../identity/identity.js';
import { trustedAuthorities } from './trust.js';

/**
 * The agent that makes connections through a proxy: by `CONNECT` through one that speaks HTTP, reached over TLS where
 * its URL says `https`, or by SOCKS.
 */
export function agentFor(proxy: URL, environment: Environment): Agent {
  if (proxy.protocol.startsWith('socks')) return new SocksProxyAgent(proxy);
  const trust = proxy.protocol === 'https:' ? { ca: trustedAuthorities(environment) } : {};
  return new HttpsProxyAgent(proxy, trust);
}

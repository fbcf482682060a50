import http from 'node:http';
import https from 'node:https';
import { proxyFor, proxyName } from '../../ens/proxy.js';
import { connectTimeoutMs, readTimeoutMs, withTransport, type TransportFacts } from '../../ens/transport.js';
import type { Endpoint } from '../../endpoint.js';
import type { Settings } from '../../settings.js';
import type { World } from '../../world.js';
import { ensError } from '../../ens/errors.js';

/** How an endpoint of ENS was reached. */
export interface EnsProbe {
  readonly host: string;
  /** From the beginning of the connection to the end of the answer. */
  readonly elapsedMs: number;
  /** The proxy that it was reached through, without its password. */
  readonly proxy: string | undefined;
  /** How far this machine's clock is ahead, to a second or so; `undefined` where the answer has no date. */
  readonly clockAheadMs: number | undefined;
}

const maxBodyBytes = 64 * 1024;

/**
 * Asks an endpoint of ENS something that needs no identity and no permission, so that the way there is known from who
 * may do what. ENS refuses it, and that is an answer.
 *
 * @throws EckError `ens-unavailable`, `proxy-refused`, `network-untrusted`
 */
export async function probeEns(endpoint: Endpoint, settings: Settings, world: World): Promise<EnsProbe> {
  const { environment } = world;
  const url = new URL(`${endpoint.protocol}://${endpoint.host}/?Format=JSON`);
  const facts: TransportFacts = {};
  const startedMs = performance.now();
  let body = '';
  let flaw: unknown;
  try {
    const totalMs = Math.min(settings.timeoutMs, connectTimeoutMs + readTimeoutMs);
    const rules = { connectTimeoutMs, readTimeoutMs, totalMs, maxBodyBytes, environment };
    body = await withTransport(rules, facts, () => get(url));
  } catch (error) {
    // A certificate file that cannot be read, or a proxy's URL that is none, is said in words of our own.
    if (facts.failure === undefined) throw error;
    flaw = error;
  }
  const elapsedMs = performance.now() - startedMs;
  const { status = 0, failure, date } = facts;
  if (flaw !== undefined || status >= 500 || !body.includes('RequestId')) {
    const message = failure?.message ?? `HTTP ${status}, and nothing that ENS would say`;
    const fault = { status, apiCode: '', message, ...(failure === undefined ? {} : { failure }) };
    throw ensError(fault, { ramAction: '', endpoint: endpoint.host, identity: '' }, world.now());
  }
  const proxy = proxyFor(
    {
      protocol: endpoint.protocol,
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(url.port) || (endpoint.protocol === 'https' ? 443 : 80),
    },
    environment,
  );
  return {
    host: endpoint.host,
    elapsedMs,
    proxy: proxy && proxyName(proxy),
    clockAheadMs: date && world.now().getTime() - date.getTime(),
  };
}

function get(url: URL): Promise<string> {
  return new Promise((resolve, reject) => {
    const library = url.protocol === 'https:' ? https : http;
    library
      .request(url, { headers: { accept: 'application/json' } }, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => (body += text));
        response.once('error', reject);
        response.once('end', () => {
          resolve(body);
        });
      })
      .on('error', reject)
      .end();
  });
}

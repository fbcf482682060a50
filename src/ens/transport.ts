import { AsyncLocalStorage } from 'node:async_hooks';
import http from 'node:http';
import https from 'node:https';
import { isIP, isIPv6 } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { urlToHttpOptions } from 'node:url';
import { errorCode } from '../errors.js';
import type { Environment } from '../world.js';
import { agentFor, proxyFor, proxyName, tlsTrust } from './proxy.js';

/** The limits of one request, within `--timeout`. */
export const connectTimeoutMs = 5_000;
export const readTimeoutMs = 10_000;

export interface TransportRules {
  /** From the start to the end, however the time is spent. */
  readonly totalMs: number;
  readonly maxBodyBytes: number;
  /** Names the proxy and the certificate authorities. */
  readonly environment: Environment;
  readonly connectTimeoutMs?: number;
  /** From the connection to the end of the response. */
  readonly readTimeoutMs?: number;
}

/** What the libraries do not return of the last request, and error messages need. */
export interface TransportFacts {
  status?: number;
  /** The server's clock. */
  date?: Date;
  retryAfter?: string;
  /** Why there was no whole response. */
  failure?: TransportFailure;
}

/** Why a request failed. `refused`: the host is not resolved, or refuses. `unreachable`: any other network failure. */
export class TransportFailure extends Error {
  constructor(
    readonly kind: 'refused' | 'unreachable' | 'untrusted' | 'proxy' | 'too-large',
    /** The library below the SDK appends the URL, secrets included, to `message`. */
    readonly reason: string,
    readonly fix?: string,
  ) {
    super(reason);
  }
}

const sessions = new AsyncLocalStorage<{ rules: TransportRules; facts: TransportFacts }>();

/**
 * Applies the limits, the proxy and the certificate authorities to every request that `call` makes through any library,
 * and fills in the facts, also if it fails. The SDK has none of these, so `request` of `http` and `https` does it.
 */
export function withTransport<T>(rules: TransportRules, facts: TransportFacts, call: () => Promise<T>): Promise<T> {
  return sessions.run({ rules, facts }, call);
}

guard(http, 'http:');
guard(https, 'https:');

function guard(library: { request: typeof http.request }, protocol: 'http:' | 'https:'): void {
  const request = library.request.bind(library) as (...args: unknown[]) => http.ClientRequest;
  library.request = (...args: unknown[]) => {
    const session = sessions.getStore();
    if (session === undefined) return request(...args);
    const { environment } = session.rules;
    const options = readOptions(args);
    const host = options.hostname ?? options.host ?? 'localhost';
    const url = new URL(`${protocol}//${isIPv6(host) ? `[${host}]` : host}:${options.port ?? ''}`);
    const proxy = proxyFor(url, environment);
    const made = request(
      {
        ...options,
        // The library's limit for silence would end a slow response as if the connection were slow.
        timeout: undefined,
        // A request for an API server has that cluster's CA bundle, which alone is trusted then.
        ...(protocol === 'https:' && (options.ca ? { rejectUnauthorized: true } : tlsTrust(environment))),
        ...(proxy && { agent: agentFor(proxy, environment) }),
        ...(proxy && isIP(host) !== 0 && !options.servername && verifyAddress(host)),
      },
      ...args.filter((arg) => typeof arg === 'function'),
    );
    // A small compressed response can stand for a huge one, which the size limit would not see.
    if (!made.headersSent) made.setHeader('accept-encoding', 'identity');
    watch(made, url.hostname, proxy, session.rules, session.facts);
    return made;
  };
}

/** Behind a proxy, the name of an address would be that of the proxy, since SNI has no addresses. */
function verifyAddress(host: string): https.RequestOptions {
  return { checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate) };
}

/** `request` takes a URL, options, or both. */
function readOptions(args: readonly unknown[]): https.RequestOptions {
  const all = args.map((arg) => (typeof arg === 'string' || arg instanceof URL ? urlToHttpOptions(new URL(arg)) : arg));
  return Object.assign({}, ...all) as https.RequestOptions;
}

function watch(
  request: http.ClientRequest,
  host: string,
  proxy: URL | undefined,
  rules: TransportRules,
  facts: TransportFacts,
): void {
  const where = proxy === undefined ? host : `${host} through the proxy ${proxyName(proxy)}`;
  const timers: NodeJS.Timeout[] = [];
  let hasFailed = false;
  const fail = (error: Error): void => {
    hasFailed = true;
    facts.failure ??= error instanceof TransportFailure ? error : connectionFailure(error, where);
  };
  const limit = (limitMs: number, what: string): NodeJS.Timeout => {
    const giveUp = (): void => {
      const seconds = Math.round(limitMs / 100) / 10;
      const error = new TransportFailure('unreachable', `${what} within ${seconds} s`);
      request.destroy(error);
      // While an agent is still connecting, a destroyed request emits no error.
      setImmediate(() => {
        if (!hasFailed) request.emit('error', error);
      });
    };
    const timer = setTimeout(giveUp, limitMs);
    timers.push(timer);
    return timer;
  };

  limit(rules.totalMs, `${where} did not answer`);
  const connecting = limit(rules.connectTimeoutMs ?? connectTimeoutMs, `no connection to ${where}`);
  const connected = (): void => {
    clearTimeout(connecting);
    limit(rules.readTimeoutMs ?? readTimeoutMs, `${where} did not answer`);
  };
  request.once('socket', (socket) => {
    if (socket.connecting) socket.once('connect', connected);
    else connected();
  });
  request.once('close', () => {
    timers.forEach(clearTimeout);
  });
  // Not once: an agent may fail a second time after it was given up.
  request.on('error', fail);
  // Without this, a proxy's refusal looks like a response of the server.
  request.once('proxyConnect', ({ statusCode = 0 }: { readonly statusCode?: number }) => {
    if (statusCode !== 200 && proxy !== undefined) request.destroy(proxyRefusal(proxy, statusCode));
  });
  request.once('response', (response) => {
    clearTimeout(connecting);
    // Compressed responses are not decompressed.
    delete response.headers['content-encoding'];
    const { date = '', 'retry-after': retryAfter } = response.headers;
    facts.status = response.statusCode ?? 0;
    if (!Number.isNaN(Date.parse(date))) facts.date = new Date(date);
    if (retryAfter !== undefined) facts.retryAfter = retryAfter;
    response.once('error', fail);
    limitBody(response, host, rules.maxBodyBytes);
  });
}

/** Counts in `emit`, since a listener for `data` would start the flow too early. */
function limitBody(response: http.IncomingMessage, host: string, maxBodyBytes: number): void {
  let received = 0;
  const emit = response.emit.bind(response) as (event: string, ...args: unknown[]) => boolean;
  response.emit = ((event: string, ...args: unknown[]) => {
    if (event === 'data') received += (args[0] as Uint8Array).length;
    if (received <= maxBodyBytes) return emit(event, ...args);
    const message = `the response of ${host} is larger than ${maxBodyBytes / 1024} KiB`;
    response.destroy(new TransportFailure('too-large', message));
    return event === 'data' || emit(event, ...args);
  }) as typeof response.emit;
}

/** Codes of Node.js, Bun and OpenSSL, in words. */
const connectionErrors: Readonly<Record<string, [TransportFailure['kind'], string]>> = {
  ECONNREFUSED: ['refused', 'the connection is refused'],
  ENOTFOUND: ['refused', 'its name cannot be resolved'],
  EAI_AGAIN: ['refused', 'its name cannot be resolved, since no name server answers'],
  ECONNRESET: ['unreachable', 'the connection broke'],
  EPIPE: ['unreachable', 'the connection broke'],
  ENETUNREACH: ['unreachable', 'there is no route to its network'],
  EHOSTUNREACH: ['unreachable', 'there is no route to it'],
  ETIMEDOUT: ['unreachable', 'the connection timed out'],
  CERT_HAS_EXPIRED: ['untrusted', "its certificate has expired, or this machine's clock is wrong"],
  CERT_NOT_YET_VALID: ['untrusted', "its certificate is not valid yet, or this machine's clock is wrong"],
  ERR_TLS_CERT_ALTNAME_INVALID: ['untrusted', 'its certificate is for another host'],
};

const unknownAuthority =
  /^(?:CERT_SIGNATURE_FAILURE|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_UNTRUSTED)/;

function connectionFailure(error: Error, where: string): TransportFailure {
  const code = errorCode(error);
  if (unknownAuthority.test(code)) {
    const reason = `${where}: its certificate is from an authority that this machine does not trust`;
    const fix = "Set NODE_EXTRA_CA_CERTS to a file with that authority's certificate";
    return new TransportFailure('untrusted', reason, fix);
  }
  const [kind, message] = connectionErrors[code] ?? ['unreachable', error.message];
  return new TransportFailure(kind, `${where}: ${message}`);
}

function proxyRefusal(proxy: URL, statusCode: number): TransportFailure {
  const reason = `the proxy ${proxyName(proxy)} refuses with status ${statusCode}`;
  const signIn = 'Set its user and password, such as HTTPS_PROXY=http://user:password@host:port';
  const goAround = 'Check the rules of the proxy, or go around it with NO_PROXY';
  return new TransportFailure('proxy', reason, statusCode === 407 ? signIn : goAround);
}

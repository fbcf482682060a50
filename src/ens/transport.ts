import http from 'node:http';
import https from 'node:https';
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Environment } from '../world.js';
import { agentFor, proxyFor, proxyName, type Destination, trustedAuthorities } from './proxy.js';

/** The limits of one request, inside of `--timeout`. */
export const connectTimeoutMs = 5_000;
export const readTimeoutMs = 10_000;

/** How every request is made inside of {@link withTransport}. */
export interface TransportRules {
  readonly connectTimeoutMs: number;
  /** From the connection to the end of the answer. */
  readonly readTimeoutMs: number;
  /** From the beginning to the end, however the time is spent. */
  readonly totalMs: number;
  readonly maxBodyBytes: number;
  /** Says which proxy to use, and which certificate authorities to trust. */
  readonly environment: Environment;
}

/** What the libraries do not hand on of the last request, and error messages need. */
export interface TransportFacts {
  /** The HTTP status of the answer. */
  status?: number;
  /** The server's clock. */
  date?: Date;
  retryAfter?: string;
  /** Why there was no answer, or no whole one. */
  failure?: TransportFailure;
}

/** A request that was given up. */
export class TransportError extends Error {
  override readonly name = 'TransportError';

  constructor(readonly failure: TransportFailure) {
    super(failure.message);
  }
}

interface Session {
  readonly rules: TransportRules;
  readonly facts: TransportFacts;
}

/** A timer that is longer fires at once. */
const longestTimerMs = 2 ** 31 - 1;

const sessions = new AsyncLocalStorage<Session>();

/**
 * Runs `call`, and sees to every HTTP request that it makes, through whatever library: that it keeps to the limits,
 * goes through the proxy that the environment names, and trusts the authorities that the person trusts.
 *
 * The SDK's own transport does none of this: it has no limit for a body, ends a slow answer by its limit for
 * connecting, keeps the headers of a refusal to itself, ignores its own proxy settings, and takes no agent. So all of
 * it stands where each library has to pass, whatever its version: at `request` of the platform's `http` and `https`.
 *
 * @param facts is filled in as answers arrive, also where the call fails
 */
export function withTransport<T>(
  rules: TransportRules,
  facts: TransportFacts,
  call: () => Promise<T>,
): Promise<T> {
  guard(http, 'http');
  guard(https, 'https');
  return sessions.run({ rules, facts }, call);
}

const guarded = new WeakSet<object>();

function guard(library: { request: typeof http.request }, protocol: Destination['protocol']): void {
  if (guarded.has(library)) return;
  guarded.add(library);
  const request = library.request.bind(library) as (options: https.RequestOptions) => http.ClientRequest;
  library.request = (...args: unknown[]) => {
    const session = sessions.getStore();
    if (session === undefined) return (request as (...all: unknown[]) => http.ClientRequest)(...args);
    const { options, onResponse } = readArguments(args);
    const route = routeOf(options, protocol, session.rules.environment);
    const made = request({
      ...options,
      // A limit for silence, which would end a slow answer as if it were a slow connection.
      timeout: undefined,
      ...(protocol === 'https' ? { ca: trustedAuthorities(session.rules.environment) } : {}),
      ...(route.agent === undefined ? {} : { agent: route.agent }),
    });
    if (onResponse !== undefined) made.once('response', onResponse);
    // A small compressed answer can stand for an enormous one, and the limit for its size would not see that.
    if (!made.headersSent) made.setHeader('accept-encoding', 'identity');
    return watch(made, route, session);
  };
}

type OnResponse = (response: http.IncomingMessage) => void;

/** The three forms that `request` takes: a URL, options, or both, and a listener after them. */
function readArguments(args: readonly unknown[]): { options: https.RequestOptions; onResponse?: OnResponse } {
  const [first, ...others] = args;
  const isUrl = typeof first === 'string' || first instanceof URL;
  const given = (isUrl ? others[0] : first) as https.RequestOptions | OnResponse | undefined;
  const listener = args.find((arg) => typeof arg === 'function') as OnResponse | undefined;
  const url = isUrl ? new URL(first) : undefined;
  return {
    options: {
      ...(url === undefined
        ? {}
        : { hostname: bare(url.hostname), port: url.port, path: url.pathname + url.search }),
      ...(typeof given === 'object' ? given : {}),
    },
    ...(listener === undefined ? {} : { onResponse: listener }),
  };
}

/** How a request gets to its destination. */
interface Route {
  readonly destination: Destination;
  readonly proxy: URL | undefined;
  readonly agent: http.Agent | undefined;
}

function routeOf(
  options: https.RequestOptions,
  protocol: Destination['protocol'],
  environment: Environment,
): Route {
  const destination: Destination = {
    protocol,
    hostname: bare(options.hostname ?? options.host ?? 'localhost'),
    port: Number(options.port) || (protocol === 'https' ? 443 : 80),
  };
  const proxy = proxyFor(destination, environment);
  return { destination, proxy, agent: proxy && agentFor(proxy, environment) };
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

function watch(request: http.ClientRequest, route: Route, { rules, facts }: Session): http.ClientRequest {
  const { totalMs, maxBodyBytes } = rules;
  const { destination, proxy } = route;
  const host = destination.hostname;
  const through = proxy === undefined ? '' : ` through the proxy ${proxyName(proxy)}`;
  const timers = new Set<NodeJS.Timeout>();
  const giveUp = (error: TransportError): void => {
    request.destroy(error);
    // While an agent is still making the connection, a request that is destroyed says nothing.
    setImmediate(() => {
      if (!hasFailed) request.emit('error', error);
    });
  };
  const giveUpAfter = (limitMs: number, what: string): NodeJS.Timeout => {
    const timer = setTimeout(
      () => {
        const message = `${what}${through} within ${Math.round(limitMs / 100) / 10} s`;
        giveUp(new TransportError({ kind: 'unreachable', message }));
      },
      Math.min(limitMs, longestTimerMs),
    );
    timers.add(timer);
    return timer;
  };
  let hasFailed = false;
  const fail = (error: Error): void => {
    hasFailed = true;
    facts.failure ??= error instanceof TransportError ? error.failure : connectionFailure(error, host, proxy);
  };

  giveUpAfter(totalMs, `${host} did not answer`);
  const connecting = giveUpAfter(rules.connectTimeoutMs, `no connection to ${host}`);
  const connected = (): void => {
    clearTimeout(connecting);
    giveUpAfter(rules.readTimeoutMs, `${host} did not answer`);
  };
  request.once('socket', (socket) => {
    if (socket.connecting) socket.once('connect', connected);
    else connected();
  });
  request.once('close', () => {
    for (const timer of timers) clearTimeout(timer);
  });
  // Not once: an agent that is given up may fail for itself later, which nobody listens for any more.
  request.on('error', fail);
  // What a proxy that refuses answers looks like an answer of the server otherwise.
  request.once('proxyConnect', ({ statusCode = 0 }: { readonly statusCode?: number }) => {
    if (statusCode !== 200 && proxy !== undefined) {
      request.destroy(new TransportError(new ProxyRefusal(proxy, statusCode)));
    }
  });

  request.once('response', (response) => {
    clearTimeout(connecting);
    facts.status = response.statusCode ?? 0;
    // What is compressed nevertheless is read as it is, so that nobody unpacks it.
    delete response.headers['content-encoding'];
    const date = new Date(response.headers.date ?? NaN);
    if (!Number.isNaN(date.getTime())) facts.date = date;
    if (response.headers['retry-after'] !== undefined) facts.retryAfter = response.headers['retry-after'];
    response.once('error', fail);
    let received = 0;
    // Counted where chunks are handed out, since a listener of its own would set the answer flowing too early.
    const emit = response.emit.bind(response) as (event: string, ...args: unknown[]) => boolean;
    response.emit = ((event: string, ...args: unknown[]) => {
      if (event === 'data') received += (args[0] as Uint8Array).length;
      if (received <= maxBodyBytes) return emit(event, ...args);
      const message = `the answer of ${host} is larger than ${maxBodyBytes / 1024} KiB`;
      response.destroy(new TransportError({ kind: 'too-large', message }));
      return event === 'data' || emit(event, ...args);
    }) as typeof response.emit;
  });
  return request;
}

/** Why a request came to nothing. */
export interface TransportFailure {
  /**
   * `unreachable`: what may be different the next time. `untrusted`: the server, or somebody in between, has a
   * certificate that is not trusted. `proxy`: the proxy refuses. `too-large`: the answer is larger than any could be.
   */
  readonly kind: 'unreachable' | 'untrusted' | 'proxy' | 'too-large';
  /** In a few words. */
  readonly message: string;
}

/** Codes of Node.js, Bun and OpenSSL, and what they mean to a person. */
const unreachable: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection is refused',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
  ENOTFOUND: 'its name is not known to the name servers',
  EAI_AGAIN: 'its name cannot be looked up, since no name server answers',
  ENETUNREACH: 'there is no route to its network',
  EHOSTUNREACH: 'there is no route to it',
  ETIMEDOUT: 'the connection timed out',
};

const untrusted = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_UNTRUSTED',
]);

const badCertificates: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired, or the clock of this machine is wrong',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet, or the clock of this machine is wrong',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
};

/** What went wrong with a connection: to which host, why, and what to do. */
export function connectionFailure(error: Error, host: string, proxy: URL | undefined): TransportFailure {
  const { code = '' } = error as NodeJS.ErrnoException;
  const where = proxy === undefined ? host : `${host} through the proxy ${proxyName(proxy)}`;
  if (untrusted.has(code)) {
    const message =
      `${where}: its certificate is from an authority that this machine does not trust, as behind a proxy that ` +
      "inspects connections; set NODE_EXTRA_CA_CERTS to a file with that authority's certificate";
    return { kind: 'untrusted', message };
  }
  const bad = badCertificates[code];
  if (bad !== undefined) return { kind: 'untrusted', message: `${where}: ${bad}` };
  return { kind: 'unreachable', message: `${where}: ${unreachable[code] ?? error.message}` };
}

/** A proxy that does not let a connection through. */
export class ProxyRefusal implements TransportFailure {
  readonly kind = 'proxy';
  readonly message: string;

  constructor(proxy: URL, statusCode: number) {
    const name = proxyName(proxy);
    const remedy =
      statusCode === 407
        ? 'it wants a user and a password: give them in the URL, such as HTTPS_PROXY=http://user:password@host:port'
        : 'look at its rules, or go around it with NO_PROXY';
    this.message = `the proxy ${name} refuses with status ${statusCode}; ${remedy}`;
  }
}

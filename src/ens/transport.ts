import { AsyncLocalStorage } from 'node:async_hooks';
import http from 'node:http';
import https from 'node:https';

/** Limits of every request that is made inside of {@link withTransport}. */
export interface TransportLimits {
  readonly connectTimeoutMs: number;
  /** From the connection to the end of the answer. */
  readonly readTimeoutMs: number;
  /** From the beginning to the end, however the time is spent. */
  readonly totalMs: number;
  readonly maxBodyBytes: number;
}

/** What the SDK does not hand on of the last answer, and error messages need. */
export interface TransportFacts {
  /** The HTTP status. */
  status?: number;
  /** The server's clock. */
  date?: Date;
  retryAfter?: string;
  /** Why there was no answer, or no whole one, in a few words. */
  failure?: string;
  isTooLarge?: boolean;
}

/** A request that was given up. `reason` tells why. */
export class TransportError extends Error {
  override readonly name = 'TransportError';

  constructor(
    readonly reason: 'connect-timeout' | 'read-timeout' | 'body-too-large',
    message: string,
  ) {
    super(message);
  }
}

interface Session {
  readonly limits: TransportLimits;
  readonly facts: TransportFacts;
}

const sessions = new AsyncLocalStorage<Session>();

/**
 * Runs `call`, and holds every HTTP request that it makes, through whatever library, to the limits.
 *
 * The SDK's own transport has no limit for a body, ends a slow answer by its limit for connecting, and keeps the
 * headers of a refusal to itself; and it takes no agent. So the limits stand where each library has to pass: at
 * `request` of the platform's `http` and `https`.
 *
 * @param facts is filled in as answers arrive, also where the call fails
 */
export function withTransport<T>(
  limits: TransportLimits,
  facts: TransportFacts,
  call: () => Promise<T>,
): Promise<T> {
  guard(http);
  guard(https);
  return sessions.run({ limits, facts }, call);
}

const guarded = new WeakSet<object>();

function guard(library: { request: typeof http.request }): void {
  if (guarded.has(library)) return;
  guarded.add(library);
  const request = library.request.bind(library) as (...args: unknown[]) => http.ClientRequest;
  library.request = (...args: unknown[]) => {
    const session = sessions.getStore();
    if (session === undefined) return request(...args);
    return watch(request(...withoutTimeout(args)), session);
  };
}

/** `timeout` of a request is a limit for silence, and would end a slow answer as if it were a slow connection. */
function withoutTimeout(args: unknown[]): unknown[] {
  return args.map((arg) =>
    typeof arg === 'object' && arg !== null && 'timeout' in arg ? { ...arg, timeout: undefined } : arg,
  );
}

function watch(request: http.ClientRequest, { limits, facts }: Session): http.ClientRequest {
  const { connectTimeoutMs, readTimeoutMs, totalMs, maxBodyBytes } = limits;
  const host = String(request.getHeader('host') ?? request.host);
  const timers = new Set<NodeJS.Timeout>();
  const giveUpAfter = (limitMs: number, reason: TransportError['reason'], what: string): NodeJS.Timeout => {
    const timer = setTimeout(() => {
      request.destroy(new TransportError(reason, `${what} within ${Math.round(limitMs / 100) / 10} s`));
    }, limitMs);
    timers.add(timer);
    return timer;
  };

  giveUpAfter(totalMs, 'read-timeout', `${host} did not answer`);
  const connecting = giveUpAfter(connectTimeoutMs, 'connect-timeout', `no connection to ${host}`);
  const connected = (): void => {
    clearTimeout(connecting);
    giveUpAfter(readTimeoutMs, 'read-timeout', `${host} did not answer`);
  };
  request.once('socket', (socket) => {
    if (socket.connecting) socket.once('connect', connected);
    else connected();
  });
  request.once('close', () => {
    for (const timer of timers) clearTimeout(timer);
  });
  request.once('error', (error) => {
    facts.failure ??= failureText(error);
  });

  request.once('response', (response) => {
    clearTimeout(connecting);
    facts.status = response.statusCode ?? 0;
    facts.date = new Date(String(response.headers.date));
    if (response.headers['retry-after'] !== undefined) facts.retryAfter = response.headers['retry-after'];
    response.once('error', (error: Error) => {
      facts.failure ??= failureText(error);
    });
    let received = 0;
    // Counted where chunks are handed out, since a listener of its own would set the answer flowing too early.
    const emit = response.emit.bind(response) as (event: string, ...args: unknown[]) => boolean;
    response.emit = ((event: string, ...args: unknown[]) => {
      if (event === 'data') received += (args[0] as Uint8Array).length;
      if (received <= maxBodyBytes) return emit(event, ...args);
      facts.isTooLarge = true;
      response.destroy(
        new TransportError(
          'body-too-large',
          `the answer of ${host} is larger than ${maxBodyBytes / 1024} KiB`,
        ),
      );
      return event === 'data' || emit(event, ...args);
    }) as typeof response.emit;
  });
  return request;
}

const failureTexts: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection is refused',
  ConnectionRefused: 'the connection is refused',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name cannot be looked up',
  ENETUNREACH: 'there is no route to the network',
  EHOSTUNREACH: 'there is no route to the host',
  ETIMEDOUT: 'the connection timed out',
};

/** What went wrong on the way, read before the libraries above add words of their own. */
function failureText(error: Error): string {
  if (error instanceof TransportError) return error.message;
  const { code } = error as NodeJS.ErrnoException;
  return (code === undefined ? undefined : failureTexts[code]) ?? error.message;
}

import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import type { IssuedCertificate } from './certificate-authority.js';
import { Loopback } from './loopback.js';

/** How a {@link ProxyServer} is set up. */
export interface ProxyOptions {
  /** Where `host:port` is led to: a port on 127.0.0.1. A name that is not in it cannot be reached. */
  readonly hosts: Readonly<Record<string, number>>;
  /** What it wants to be told before it lets anything through: `user:password`. */
  readonly credentials?: string;
  /** With one, the proxy itself is reached over TLS. */
  readonly certificate?: IssuedCertificate;
  /** Takes connections and requests, and never answers. */
  readonly hangs?: boolean;
}

/**
 * A proxy as companies have them: it makes connections for whoever asks with `CONNECT` (RFC 9110 section 9.3.6). It
 * leads names of the outside world to servers on this machine, so that no test leaves it.
 */
export class ProxyServer {
  readonly #options: ProxyOptions;
  readonly #loopback: Loopback;
  readonly #connects: string[] = [];

  private constructor(options: ProxyOptions) {
    this.#options = options;
    const { certificate } = options;
    const server =
      certificate === undefined
        ? createServer()
        : createTlsServer({ cert: certificate.certificatePem, key: certificate.privateKeyPem });
    server.on('connect', (request: IncomingMessage, socket: Socket) => {
      this.#connect(request, socket);
    });
    this.#loopback = new Loopback(server);
  }

  static async start(options: ProxyOptions): Promise<ProxyServer> {
    const proxy = new ProxyServer(options);
    await proxy.#loopback.open();
    return proxy;
  }

  /** `127.0.0.1:PORT`. */
  get host(): string {
    return `127.0.0.1:${this.#loopback.port}`;
  }

  /** What was asked for, as `host:port`, in order. */
  get connects(): readonly string[] {
    return this.#connects;
  }

  stop(): Promise<void> {
    return this.#loopback.close();
  }

  #connect(request: IncomingMessage, socket: Socket): void {
    const { hosts, credentials, hangs } = this.#options;
    const target = request.url ?? '';
    this.#connects.push(target);
    socket.on('error', () => undefined);
    if (hangs === true) return;
    const expected = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`;
    if (expected !== undefined && request.headers['proxy-authorization'] !== expected) {
      socket.end(
        'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n',
      );
      return;
    }
    const port = hosts[target];
    if (port === undefined) {
      socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    const upstream = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
  }
}

import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import type { IssuedCertificate } from './certificate-authority.js';
import { Loopback } from './loopback.js';

export interface ProxyOptions {
  /** The port on 127.0.0.1 for each `host:port` that can be reached. */
  readonly hosts: Readonly<Record<string, number>>;
  /** As `user:password`. */
  readonly credentials?: string;
  /** Makes the proxy itself use TLS. */
  readonly certificate?: IssuedCertificate;
  readonly hangs?: boolean;
}

/** An HTTP proxy for `CONNECT` (RFC 9110 section 9.3.6) that leads host names to servers on loopback. */
export class ProxyServer extends Loopback {
  /** Every `host:port` that was asked for, in order. */
  readonly connects: string[] = [];

  static start({ hosts, credentials, certificate, hangs }: ProxyOptions): Promise<ProxyServer> {
    const { certificatePem: cert, privateKeyPem: key } = certificate ?? {};
    const server = cert === undefined ? createServer() : createTlsServer({ cert, key });
    const proxy = new ProxyServer(server);
    const expected = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`;
    server.on('connect', ({ url = '', headers }: IncomingMessage, socket: Socket) => {
      proxy.connects.push(url);
      socket.on('error', () => undefined);
      const refuse = (status: string) => socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
      const port = hosts[url];
      if (hangs === true) return;
      if (expected && headers['proxy-authorization'] !== expected) {
        refuse('407 Proxy Authentication Required\r\nProxy-Authenticate: Basic');
      } else if (port === undefined) refuse('502 Bad Gateway');
      else tunnel(socket, port, 'HTTP/1.1 200 Connection established\r\n\r\n');
    });
    return proxy.opened();
  }
}

/** Joins a client with a port on 127.0.0.1, after a greeting. */
export function tunnel(client: Socket, port: number, greeting: string | Buffer): void {
  const upstream = connect(port, '127.0.0.1', () => {
    client.write(greeting);
    upstream.pipe(client).pipe(upstream);
  });
  upstream.on('error', () => client.destroy());
  client.on('close', () => upstream.destroy());
}

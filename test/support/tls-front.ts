import { request } from 'node:http';
import { createServer } from 'node:https';
import type { IssuedCertificate } from './certificate-authority.js';
import { Loopback } from './loopback.js';

/** Puts TLS in front of an HTTP server, as the real endpoint has it. */
export class TlsFront {
  readonly #loopback: Loopback;

  private constructor(loopback: Loopback) {
    this.#loopback = loopback;
  }

  /** @param target the URL of the server behind it */
  static async start(
    { certificatePem, privateKeyPem }: IssuedCertificate,
    target: string,
  ): Promise<TlsFront> {
    const server = createServer({ cert: certificatePem, key: privateKeyPem }, (incoming, response) => {
      const { method, url, headers } = incoming;
      const onwards = request(target + String(url), { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      onwards.on('error', () => response.destroy());
      incoming.pipe(onwards);
    });
    const front = new TlsFront(new Loopback(server));
    await front.#loopback.open();
    return front;
  }

  get port(): number {
    return this.#loopback.port;
  }

  stop(): Promise<void> {
    return this.#loopback.close();
  }
}

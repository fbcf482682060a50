import { request } from 'node:http';
import { createServer } from 'node:https';
import type { IssuedCertificate } from './certificate-authority.js';
import { Loopback } from './loopback.js';

/** TLS in front of an HTTP server. */
export class TlsFront extends Loopback {
  /** @param target the URL of the HTTP server */
  static start({ certificatePem, privateKeyPem }: IssuedCertificate, target: string): Promise<TlsFront> {
    const server = createServer({ cert: certificatePem, key: privateKeyPem }, (incoming, response) => {
      const { method, url = '/', headers } = incoming;
      const forwarded = request(target + url, { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      forwarded.on('error', () => response.destroy());
      incoming.pipe(forwarded);
    });
    return new TlsFront(server).opened();
  }
}

import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

/** Lets a server be reached on 127.0.0.1, and nowhere else, and takes it off the network at once. */
export class Loopback {
  readonly #server: HttpServer | HttpsServer;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  constructor(server: HttpServer | HttpsServer) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /** The port: a free one, chosen at the first `open`, and the same one from then on. */
  get port(): number {
    return this.#port;
  }

  async open(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Frees the port and breaks every connection. Does nothing where that is done already. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

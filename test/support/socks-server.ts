import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * A SOCKS5 proxy (RFC 1928) that lets everyone through, and leads names of the outside world to servers on this
 * machine.
 */
export class SocksServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #connects: string[] = [];

  /** @param hosts where `host:port` is led to: a port on 127.0.0.1 */
  private constructor(private readonly hosts: Readonly<Record<string, number>>) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      void this.#serve(socket);
    });
  }

  static async start(hosts: Readonly<Record<string, number>>): Promise<SocksServer> {
    const server = new SocksServer(hosts);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  /** `127.0.0.1:PORT`. */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What was asked for, as `host:port`, in order. */
  get connects(): readonly string[] {
    return this.#connects;
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  async #serve(socket: Socket): Promise<void> {
    await once(socket, 'data');
    socket.write(Buffer.of(5, 0));
    const [request] = (await once(socket, 'data')) as [Buffer];
    // VER, CMD 1 (CONNECT), RSV, ATYP 3 (a name), its length, the name, the port.
    const length = request.readUInt8(4);
    const target = `${request.toString('latin1', 5, 5 + length)}:${request.readUInt16BE(5 + length)}`;
    this.#connects.push(target);
    const port = request.readUInt8(3) === 3 ? this.hosts[target] : undefined;
    if (port === undefined) {
      socket.end(Buffer.of(5, 4, 0, 1, 0, 0, 0, 0, 0, 0));
      return;
    }
    const upstream = connect(port, '127.0.0.1', () => {
      socket.write(Buffer.of(5, 0, 0, 1, 127, 0, 0, 1, 0, 0));
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
  }
}

import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { Loopback } from './loopback.js';
import { tunnel } from './proxy-server.js';

/** A SOCKS5 proxy (RFC 1928) that leads host names to servers on loopback. */
export class SocksServer extends Loopback {
  /** Every `host:port` that was asked for, in order. */
  readonly connects: string[] = [];

  /** @param hosts the port on 127.0.0.1 for each `host:port` that can be reached */
  static start(hosts: Readonly<Record<string, number>>): Promise<SocksServer> {
    const server = createServer((socket) => void serve(socket, hosts, socks.connects));
    const socks = new SocksServer(server);
    return socks.opened();
  }
}

async function serve(socket: Socket, hosts: Readonly<Record<string, number>>, connects: string[]) {
  socket.on('error', () => undefined);
  await once(socket, 'data');
  socket.write(Buffer.of(5, 0));
  const [request] = (await once(socket, 'data')) as [Buffer];
  // VER, CMD, RSV, ATYP (3: a name), the name's length, the name, the port.
  const end = 5 + request.readUInt8(4);
  const target = `${request.toString('latin1', 5, end)}:${request.readUInt16BE(end)}`;
  connects.push(target);
  const port = request.readUInt8(3) === 3 ? hosts[target] : undefined;
  if (port === undefined) socket.end(Buffer.of(5, 4, 0, 1, 0, 0, 0, 0, 0, 0));
  else tunnel(socket, port, Buffer.of(5, 0, 0, 1, 127, 0, 0, 1, 0, 0));
}

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A session bus on a socket of its own that does with a connection what a test wants. */
export async function startFakeBus(onConnection: (socket: Socket) => void) {
  const directory = mkdtempSync(join(tmpdir(), 'kubectl-eck-bus-'));
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => undefined));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(join(directory, 'bus'), resolve));
  return {
    environment: { DBUS_SESSION_BUS_ADDRESS: `unix:path=${directory}/bus` },
    stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      rmSync(directory, { recursive: true });
    },
  };
}

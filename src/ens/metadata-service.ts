import { once } from 'node:events';
import { connect } from 'node:net';

/** Whether the metadata service of ECS is there: on an instance it is one hop away; elsewhere packets vanish. */
export async function isMetadataServiceThere(): Promise<boolean> {
  const socket = connect({ host: '100.100.100.200', port: 80 });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(400) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { Socket } from 'node:net';

const cloexec = 0o2000000;

/**
 * Ends this process's connections to the D-Bus session bus, so that a call to the Secret Service that waits for an
 * answer fails, and the question on the person's screen goes away with it.
 *
 * The addon offers no such thing: it waits for a prompt for up to a year, on a thread that Node.js waits for even in
 * `process.exit()`. But libdbus notices when its socket is shut down, at once or the next time it looks, which it
 * does once a second. Then it closes the socket, which is closed already: until the call has failed, nothing should
 * be opened that could get the socket's number.
 *
 * Linux only. What it finds are the Unix sockets that this process opened itself, since one that was inherited does not
 * have the close-on-exec flag, or it would not be here; and of these the ones that were opened after the keychain was
 * first asked, so that the pipes of a child process go on working.
 *
 * @param openBefore what was open before that, as /proc tells it, such as `socket:[4711]`
 */
export function hangUp(openBefore: ReadonlySet<string>): void {
  const unixSockets = new Set<string | undefined>(
    Array.from(
      readFileSync('/proc/net/unix', 'utf8').matchAll(/^\S+: \S+ \S+ \S+ \S+ \S+ +(\d+)/gm),
      ([, inode]) => inode,
    ),
  );
  // Whoever started this process may have given it sockets for these, of which Bun makes copies of its own.
  for (const name of ['0', '1', '2']) unixSockets.delete(inodeOf(name));
  for (const name of readdirSync('/proc/self/fd')) {
    const inode = inodeOf(name);
    if (!unixSockets.has(inode) || openBefore.has(`socket:[${inode}]`)) continue;
    if (isOwn(name)) shutDown(Number(name));
  }
}

function shutDown(descriptor: number): void {
  try {
    const socket = new Socket({ fd: descriptor, readable: false, writable: true });
    socket.on('error', () => undefined);
    socket.unref();
    socket.end();
  } catch {
    // Node.js does not hand out a second time what it uses itself. That is not the addon's connection, then.
  }
}

function inodeOf(descriptor: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${descriptor}`))?.[1];
  } catch {
    // The descriptor that the folder was read with is closed by now.
    return undefined;
  }
}

function isOwn(descriptor: string): boolean {
  const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1];
  return flags !== undefined && (parseInt(flags, 8) & cloexec) !== 0;
}

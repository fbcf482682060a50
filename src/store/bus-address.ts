import { lstatSync, realpathSync } from 'node:fs';
import { printable } from '../errors.js';
import type { Environment } from '../world.js';
import { StoreError } from './store.js';

/**
 * The socket of the D-Bus session bus: the first address of the list that is safe. An address can come from a user
 * kubeconfig, so transports that run a program or leave the machine are not used, nor are other users' sockets.
 *
 * @throws StoreError if there is none
 */
export function findSessionBus(environment: Environment): string {
  const runtimeDirectory = environment['XDG_RUNTIME_DIR'];
  const addresses = environment['DBUS_SESSION_BUS_ADDRESS'] || (runtimeDirectory ? 'unix:runtime=yes' : '');
  let problem: StoreError | undefined;
  for (const address of addresses.split(';').filter(Boolean)) {
    try {
      return checkSocket(socketPath(address, runtimeDirectory));
    } catch (error) {
      problem ??= error as StoreError;
    }
  }
  throw problem ?? absent('there is no D-Bus session bus, so there is no Secret Service');
}

/** The path in one address (D-Bus specification, "Server Addresses"). */
function socketPath(address: string, runtimeDirectory: string | undefined): string {
  const options = address.slice('unix:'.length).split(',');
  const optionOf = (name: string) =>
    options.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
  if (!address.startsWith('unix:')) {
    const fix = 'unset DBUS_SESSION_BUS_ADDRESS, or set it to unix:path=…';
    throw refused(`the D-Bus address ${printable(address, 60)} is not used: it is not a Unix socket`, fix);
  }
  if (optionOf('runtime') === 'yes' && runtimeDirectory) return `${runtimeDirectory}/bus`;
  const path = optionOf('path');
  if (path === undefined) {
    const fix = 'start the session bus with --address=unix:path=$XDG_RUNTIME_DIR/bus';
    throw refused(`the D-Bus address ${printable(address, 60)} is not used: nothing shows who owns it`, fix);
  }
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** @returns the socket's real path, if it is ours and no other user can replace it */
function checkSocket(path: string): string {
  // A leading NUL would be an abstract socket.
  if (!path.startsWith('/') || path.includes('\0')) throw notOurs(path, 'is not an absolute path');
  let real: string;
  try {
    real = realpathSync.native(path);
  } catch {
    throw absent(`there is no D-Bus session bus at ${printable(path)}`);
  }
  const user = process.getuid?.();
  const socket = lstatSync(real);
  const directory = lstatSync(real.slice(0, real.lastIndexOf('/')) || '/');
  if (!socket.isSocket()) throw notOurs(path, 'is not a socket');
  if (socket.uid !== user) throw notOurs(path, 'belongs to another user');
  const isSticky = (directory.mode & 0o1000) !== 0;
  const isOurs = directory.uid === user || directory.uid === 0;
  if (!isSticky && !isOurs) throw notOurs(path, "is in another user's directory");
  if (!isSticky && (directory.mode & 0o002) !== 0)
    throw notOurs(path, 'is in a directory open to every user');
  return real;
}

function notOurs(path: string, why: string): StoreError {
  const fix = 'run this as the user of the desktop session, or unset DBUS_SESSION_BUS_ADDRESS';
  return refused(`the D-Bus session bus ${printable(path)} is not ours: it ${why}`, fix);
}

function refused(message: string, fix: string): StoreError {
  return new StoreError('keychain', 'keychain-refused', message, { fix });
}

function absent(message: string): StoreError {
  const fix = 'run this in your desktop session, or choose --store kernel or --store file';
  return new StoreError('keychain', 'keychain-absent', message, { fix });
}

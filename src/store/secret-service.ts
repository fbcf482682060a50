import { lstatSync, realpathSync } from 'node:fs';
import { ifPossible, messageOf, printable } from '../errors.js';
import type { Environment } from '../world.js';
import { service } from './addon.js';
import { bus, BusConnection, DBusError } from './dbus.js';
import { StoreError, type Items } from './store.js';

const destination = 'org.freedesktop.secrets';
const servicePath = '/org/freedesktop/secrets';
const completed = `type='signal',sender='${destination}',interface='org.freedesktop.Secret.Prompt',member='Completed'`;

type Attributes = Readonly<Record<string, string>>;

/**
 * Items in the Secret Service (freedesktop.org Secret Service API 0.2), over one connection that must be closed. An
 * item is base64 text, because KWallet and KeePassXC save text.
 */
export class SecretService implements Items {
  readonly #bus: BusConnection;
  readonly #session: Promise<unknown>;

  /** @param onPrompt called when the keychain begins and ends to ask the person for a password */
  constructor(
    socketPath: string,
    private readonly onPrompt: (isOpen: boolean) => void,
  ) {
    this.#bus = new BusConnection(socketPath);
    const session = this.#call(servicePath, 'Service.OpenSession', 'vo', 'sv', ['plain', ['s', '']]);
    this.#session = session.then(([, path]) => path);
    this.#session.catch(() => undefined);
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    // Together, so that both go out in one write.
    const [session, [item]] = await Promise.all([this.#session, this.#find({ service, username: name })]);
    if (item === undefined) return undefined;
    const [secret] = await this.#call(item, 'Item.GetSecret', '(oayays)', 'o', [session]);
    const [, , text] = secret as [string, Buffer, Buffer];
    return Buffer.from(text.toString('latin1'), 'base64');
  }

  async save(name: string, bytes: Uint8Array): Promise<void> {
    const attributes = { service, username: name };
    const [item, ...others] = await this.#find(attributes, true);
    const text = Buffer.from(Buffer.from(bytes).toString('base64'));
    const secret = [await this.#session, [], text, 'text/plain'];
    // Not CreateItem with `replace`, whose prompt KeePassXC never completes.
    if (item === undefined) await this.#create(attributes, secret);
    else await this.#call(item, 'Item.SetSecret', '', '(oayays)', [secret]);
    await this.#delete(others, attributes);
  }

  async delete(name: string): Promise<boolean> {
    const attributes = { service, username: name };
    return (await this.#delete(await this.#find(attributes, true), attributes)) > 0;
  }

  async deleteAll(): Promise<number> {
    return this.#delete(await this.#find({ service }, true), { service });
  }

  /** Returns if the keychain is running, even if it is waiting for the person. */
  async ping(): Promise<void> {
    await this.#bus.call({ destination, path: servicePath, method: 'org.freedesktop.DBus.Peer.Ping' }, '');
  }

  /** Ends the connection. Not with Prompt.Dismiss, which makes GNOME Keyring crash. */
  close(): void {
    this.#bus.close();
  }

  #search(attributes: Attributes) {
    const body = [Object.entries(attributes)];
    const found = this.#call(servicePath, 'Service.SearchItems', 'aoao', 'a{ss}', body);
    return found as Promise<[unlocked: string[], locked: string[]]>;
  }

  /** The unlocked items with these attributes; if there are none, or `all` are needed, the locked ones are unlocked. */
  async #find(attributes: Attributes, all = false): Promise<string[]> {
    const [unlocked, locked] = await this.#search(attributes);
    if (locked.length === 0 || (unlocked.length > 0 && !all)) return unlocked;
    await this.#unlock(locked);
    return [...unlocked, ...locked];
  }

  async #create(attributes: Attributes, secret: readonly unknown[]): Promise<void> {
    const [path] = await this.#call(servicePath, 'Service.ReadAlias', 'o', 's', ['default']);
    const fix = 'Create one in your keychain program';
    if (path === '/') fail('absent', 'the keychain has no default keyring', fix);
    await this.#unlock([path]);
    const properties = [
      ['org.freedesktop.Secret.Item.Label', ['s', `${service}: ${attributes['username'] ?? ''}`]],
      ['org.freedesktop.Secret.Item.Attributes', ['a{ss}', Object.entries(attributes)]],
    ];
    const [types, body] = ['a{sv}(oayays)b', [properties, secret, false]];
    await this.#complete((await this.#call(path as string, 'Collection.CreateItem', 'oo', types, body))[1]);
  }

  async #delete(items: readonly string[], attributes: Attributes): Promise<number> {
    let count = 0;
    for (const item of items) {
      try {
        await this.#complete((await this.#call(item, 'Item.Delete', 'o'))[0]);
        count += 1;
      } catch (error) {
        // Another process may have deleted it, which the keychains report by different errors.
        if ((await this.#search(attributes)).flat().includes(item)) throw error;
      }
    }
    return count;
  }

  async #unlock(paths: readonly unknown[]): Promise<void> {
    await this.#complete((await this.#call(servicePath, 'Service.Unlock', 'aoo', 'ao', [paths]))[1]);
  }

  /** Shows a prompt, unless it is `/`, and waits until the person has answered it. */
  async #complete(prompt: unknown): Promise<void> {
    if (prompt === '/') return;
    const path = prompt as string;
    const match = { ...bus, method: 'org.freedesktop.DBus.AddMatch', types: 's', body: [completed] };
    this.onPrompt(true);
    const [[isDismissed]] = await Promise.all([
      this.#bus.wait(`${path} Completed`, 'b'),
      this.#bus.call(match, ''),
      this.#call(path, 'Prompt.Prompt', '', 's', ['']),
    ]).catch(failBecause);
    this.onPrompt(false);
    if (isDismissed === true) fail('locked', 'the keychain is locked and was not unlocked', unlock);
  }

  #call(path: string, method: string, answer: string, types = '', body: readonly unknown[] = []) {
    const call = { destination, path, method: `org.freedesktop.Secret.${method}`, types, body };
    return this.#bus.call(call, answer).catch(failBecause);
  }
}

/**
 * The socket of the D-Bus session bus: the first address of the list that is safe. An address can come from a user
 * kubeconfig, so transports that run a program or leave the machine are not used, nor are other users' sockets.
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
  if (problem) throw problem;
  return fail('absent', 'there is no D-Bus session bus, so there is no Secret Service', noBus);
}

/** The path in one address (D-Bus specification, "Server Addresses"). */
function socketPath(address: string, runtimeDirectory: string | undefined): string {
  const shown = () => `the D-Bus address ${printable(address, 60)} is not used`;
  const unset = 'Unset DBUS_SESSION_BUS_ADDRESS, or set it to unix:path=…';
  if (!address.startsWith('unix:')) fail('refused', `${shown()}: it is not a Unix socket`, unset);
  const options = address.slice('unix:'.length).split(',');
  if (options.includes('runtime=yes') && runtimeDirectory) return `${runtimeDirectory}/bus`;
  const path = options.find((option) => option.startsWith('path='))?.slice('path='.length);
  const fix = 'Start the session bus with --address=unix:path=$XDG_RUNTIME_DIR/bus';
  if (path === undefined) fail('refused', `${shown()}: nothing shows who owns it`, fix);
  return ifPossible(() => decodeURIComponent(path)) ?? path;
}

/** @returns the socket's real path, if it is ours and no other user can replace it */
function checkSocket(path: string): string {
  const failAsForeign = (why: string): never => {
    const fix = 'Run this as the user of the desktop session, or unset DBUS_SESSION_BUS_ADDRESS';
    return fail('refused', `the D-Bus session bus ${printable(path)} is not ours: it ${why}`, fix);
  };
  // A leading NUL would be an abstract socket.
  if (!path.startsWith('/') || path.includes('\0')) failAsForeign('is not an absolute path');
  const real = ifPossible(() => realpathSync.native(path));
  if (real === undefined) return fail('absent', `there is no D-Bus session bus at ${printable(path)}`, noBus);
  const user = process.getuid?.();
  const socket = lstatSync(real);
  const directory = lstatSync(real.slice(0, real.lastIndexOf('/')) || '/');
  if (!socket.isSocket()) failAsForeign('is not a socket');
  if (socket.uid !== user) failAsForeign('belongs to another user');
  const isSticky = (directory.mode & 0o1000) !== 0;
  const isOurs = directory.uid === user || directory.uid === 0;
  if (!isSticky && !isOurs) failAsForeign("is in another user's directory");
  if (!isSticky && (directory.mode & 0o002) !== 0) failAsForeign('is in a directory open to every user');
  return real;
}

const noBus = 'Run this in your desktop session, or choose --store kernel or --store file';
const unlock = 'Unlock it in your desktop session, then run the command again';

function failBecause(cause: unknown): never {
  if (cause instanceof StoreError) throw cause;
  const words = messageOf(cause);
  const name = cause instanceof DBusError ? cause.name : '';
  const fix = 'Start a keychain program such as GNOME Keyring, or choose --store kernel or --store file';
  if (name === '') fail('absent', `the D-Bus session bus cannot be used (${words})`, fix, cause);
  if (name.endsWith('.IsLocked')) fail('locked', 'the keychain is locked', unlock, cause);
  const isAbsent = /\.(ServiceUnknown|NameHasNoOwner|NoReply|Spawn\.\w+)$/.test(name);
  if (isAbsent) fail('absent', `the session bus has no Secret Service (${words})`, fix, cause);
  const toRetry = 'Open your keychain program and try again';
  return fail('refused', `the keychain refused (${words})`, toRetry, cause);
}

function fail(reason: 'locked' | 'absent' | 'refused', message: string, fix: string, cause?: unknown): never {
  throw new StoreError('keychain', `keychain-${reason}`, message, fix, cause);
}

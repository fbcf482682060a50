import { messageOf } from '../errors.js';
import { service } from './addon.js';
import { bus, BusConnection, DBusError } from './dbus.js';
import type { Items } from './split-items.js';
import { StoreError } from './store.js';

const destination = 'org.freedesktop.secrets';
const servicePath = '/org/freedesktop/secrets';
const completed = `type='signal',sender='${destination}',interface='org.freedesktop.Secret.Prompt',member='Completed'`;

type Attributes = Readonly<Record<string, string>>;

/**
 * Items in the Secret Service (freedesktop.org Secret Service API 0.2), over one connection that must be closed. An
 * item is base64 text, because KWallet and KeePassXC save text.
 *
 * @throws StoreError from every method
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
    await this.#deleteItems(others);
  }

  async delete(name: string): Promise<boolean> {
    return (await this.#deleteItems(await this.#find({ service, username: name }, true))) > 0;
  }

  /** Deletes every item of ours. @returns how many */
  async deleteAll(): Promise<number> {
    return this.#deleteItems(await this.#find({ service }, true));
  }

  /** Returns if the keychain is running, even if it is waiting for the person. */
  async ping(): Promise<void> {
    const peer = { interface: 'org.freedesktop.DBus.Peer', member: 'Ping' };
    await this.#bus.call({ destination, path: servicePath, ...peer }, '');
  }

  /** Ends the connection. Not with Prompt.Dismiss, which makes GNOME Keyring crash. */
  close(): void {
    this.#bus.close();
  }

  /** The unlocked items with these attributes; if there are none, or `all` are needed, the locked ones are unlocked. */
  async #find(attributes: Attributes, all = false): Promise<string[]> {
    const body = [Object.entries(attributes)];
    const found = await this.#call(servicePath, 'Service.SearchItems', 'aoao', 'a{ss}', body);
    const [unlocked, locked] = found as [string[], string[]];
    if (locked.length === 0 || (unlocked.length > 0 && !all)) return unlocked;
    await this.#unlock(locked);
    return [...unlocked, ...locked];
  }

  async #create(attributes: Attributes, secret: readonly unknown[]): Promise<void> {
    const [collection] = await this.#call(servicePath, 'Service.ReadAlias', 'o', 's', ['default']);
    const fix = 'create one in your keychain program';
    if (collection === '/') fail('absent', 'the keychain has no default keyring', fix);
    await this.#unlock([collection]);
    const properties = [
      ['org.freedesktop.Secret.Item.Label', ['s', `${service}: ${attributes['username'] ?? ''}`]],
      ['org.freedesktop.Secret.Item.Attributes', ['a{ss}', Object.entries(attributes)]],
    ];
    const body = [properties, secret, false];
    const path = collection as string;
    const created = await this.#call(path, 'Collection.CreateItem', 'oo', 'a{sv}(oayays)b', body);
    await this.#complete(created[1]);
  }

  async #deleteItems(items: readonly string[]): Promise<number> {
    for (const item of items) await this.#complete((await this.#call(item, 'Item.Delete', 'o'))[0]);
    return items.length;
  }

  async #unlock(paths: readonly unknown[]): Promise<void> {
    await this.#complete((await this.#call(servicePath, 'Service.Unlock', 'aoo', 'ao', [paths]))[1]);
  }

  /** Shows a prompt, unless it is `/`, and waits until the person has answered it. */
  async #complete(prompt: unknown): Promise<void> {
    if (prompt === '/') return;
    const path = prompt as string;
    this.onPrompt(true);
    const [[isDismissed]] = await Promise.all([
      this.#bus.signal(path, 'Completed', 'b'),
      this.#bus.call({ ...bus, member: 'AddMatch', types: 's', body: [completed] }, ''),
      this.#call(path, 'Prompt.Prompt', '', 's', ['']),
    ]).catch(failBecause);
    this.onPrompt(false);
    if (isDismissed === true) fail('locked', 'the keychain is locked and was not unlocked', unlock);
  }

  /** @param answer the types of the answer */
  #call(
    path: string,
    method: string,
    answer: string,
    types = '',
    body: readonly unknown[] = [],
  ): Promise<unknown[]> {
    const [name = '', member = ''] = method.split('.');
    const call = { destination, path, interface: `org.freedesktop.Secret.${name}`, member, types, body };
    return this.#bus.call(call, answer).catch(failBecause);
  }
}

const unlock = 'unlock it in your desktop session, then run the command again';
const start = 'start a keychain program such as GNOME Keyring, or choose --store kernel or --store file';

function failBecause(cause: unknown): never {
  if (cause instanceof StoreError) throw cause;
  const words = messageOf(cause);
  const name = cause instanceof DBusError ? cause.name : '';
  if (name === '') fail('absent', `the D-Bus session bus cannot be used (${words})`, start, cause);
  if (name.endsWith('.IsLocked')) fail('locked', 'the keychain is locked', unlock, cause);
  const isAbsent = /\.(ServiceUnknown|NameHasNoOwner|NoReply|Spawn\.\w+)$/.test(name);
  if (isAbsent) fail('absent', `the session bus has no Secret Service (${words})`, start, cause);
  return fail(
    'refused',
    `the keychain refused (${words})`,
    'open your keychain program and try again',
    cause,
  );
}

function fail(reason: 'locked' | 'absent' | 'refused', message: string, fix: string, cause?: unknown): never {
  throw new StoreError('keychain', `keychain-${reason}`, message, { fix, cause });
}

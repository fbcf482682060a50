import { printable } from '../errors.js';
import { decode, decodeMessage, encodeCall, fields, messageTypes } from './dbus-message.js';
import type { Message, MethodCall } from './dbus-message.js';

/** The most bytes in one message, and in all of a connection: secrets are small. */
const longestMessage = 1 << 20;
const mostBytes = 4 << 20;

/** The bus itself, as the object of a call. */
export const bus = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
} as const;

/** A call was answered with an error, whose `name` is one such as `org.freedesktop.DBus.Error.ServiceUnknown`. */
export class DBusError extends Error {}

interface Waiting {
  readonly types: string;
  readonly resolve: (values: unknown[]) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A connection to a bus. Calls that are made together go out in one write, the first ones with the sign-in. Once the
 * connection is lost or has sent something invalid, every call fails. It keeps no process alive.
 */
export class BusConnection {
  #stream: Stream | undefined;
  #failure: Error | undefined;
  #unsent: Uint8Array;
  #received = Buffer.of();
  #receivedBytes = 0;
  #isSignedIn = false;
  #serial = 0;
  /** By the serial number of a call, or the path and name of a signal. */
  readonly #waiting = new Map<unknown, Waiting>();

  constructor(socketPath: string) {
    const user = Buffer.from(String(process.getuid?.())).toString('hex');
    this.#unsent = Buffer.from(`\0AUTH EXTERNAL ${user}\r\nBEGIN\r\n`);
    void openStream(socketPath, this.#receive, this.#send, this.#fail).then((stream) => {
      this.#stream = stream;
      stream.unref();
      if (this.#failure) closeStream(stream);
      else this.#send();
    }, this.#fail);
    this.call({ ...bus, member: 'Hello' }, 's').catch(() => undefined);
  }

  /** @param types the signature that the answer must have */
  call(call: MethodCall, types: string): Promise<unknown[]> {
    this.#unsent = Buffer.concat([this.#unsent, encodeCall(++this.#serial, call)]);
    queueMicrotask(this.#send);
    return this.#wait(this.#serial, types);
  }

  /** Waits for a signal. @param types the signature that it must begin with */
  signal(path: string, member: string, types: string): Promise<unknown[]> {
    return this.#wait(`${path} ${member}`, types);
  }

  /** Ends the connection. */
  close(): void {
    this.#fail(new Error('the connection is closed'));
  }

  #wait(key: unknown, types: string): Promise<unknown[]> {
    return new Promise((resolve, reject) => {
      if (this.#failure) reject(this.#failure);
      else this.#waiting.set(key, { types, resolve, reject });
    });
  }

  readonly #send = (): void => {
    if (this.#stream === undefined || this.#failure || this.#unsent.length === 0) return;
    const sent = this.#stream.write(this.#unsent);
    // Bun sends what it can and returns how much; Node.js sends all.
    this.#unsent = this.#unsent.subarray(typeof sent === 'number' ? sent : Infinity);
  };

  readonly #fail = (cause: unknown): void => {
    this.#failure ??= cause instanceof Error ? cause : new Error('the bus closed the connection');
    if (this.#stream) closeStream(this.#stream);
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  };

  readonly #receive = (bytes: Buffer): void => {
    if (this.#failure) return;
    this.#received = Buffer.concat([this.#received, bytes]);
    this.#receivedBytes += bytes.length;
    try {
      if (this.#receivedBytes > mostBytes) throw new Error('the bus sent too much');
      if (!this.#isSignedIn && !this.#readSignIn()) return;
      for (let message; (message = decodeMessage(this.#received, longestMessage));) {
        this.#received = this.#received.subarray(message.length);
        this.#dispatch(message);
      }
    } catch (error) {
      this.#fail(error);
    }
  };

  /** @returns whether the answer to the sign-in is complete */
  #readSignIn(): boolean {
    const end = this.#received.indexOf('\r\n');
    const isOk = 'OK '.startsWith(this.#received.toString('latin1', 0, 3));
    if (!isOk || (end < 0 && this.#received.length > 100))
      throw new Error('the bus does not accept this user');
    if (end >= 0) this.#received = this.#received.subarray(end + 2);
    return (this.#isSignedIn = end >= 0);
  }

  #dispatch({ type, fields: values, body }: Message): void {
    const field = (code: number) => values.get(code) as string | undefined;
    const isSignal = type === messageTypes.signal;
    const key = isSignal
      ? `${field(fields.path) ?? ''} ${field(fields.member) ?? ''}`
      : field(fields.replyTo);
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    const types = field(fields.types) ?? '';
    if (type === messageTypes.error) {
      const text = types.startsWith('s') ? decode('s', body)[0] : '';
      const error = new DBusError(printable(text as string));
      waiting.reject(Object.assign(error, { name: printable(field(fields.error) ?? '') }));
    } else {
      const isExpected = isSignal ? types.startsWith(waiting.types) : types === waiting.types;
      if (!isExpected) throw new Error(`an answer has the types ${printable(types)}`);
      waiting.resolve(decode(waiting.types, body));
    }
    this.#waiting.delete(key);
  }
}

/** A socket of Bun or Node.js. */
interface Stream {
  write(bytes: Uint8Array): number | boolean;
  unref(): unknown;
  terminate?(): unknown;
  destroy?(): unknown;
}

/** At once: a bus that sends without end would otherwise still be read. */
function closeStream(stream: Stream): void {
  stream.terminate?.();
  stream.destroy?.();
}

declare const Bun: { connect(options: Record<string, unknown>): Promise<Stream> } | undefined;

/** @param drained called when the socket can be written again */
async function openStream(
  path: string,
  receive: (bytes: Buffer) => void,
  drained: () => void,
  fail: (cause: unknown) => void,
): Promise<Stream> {
  if (typeof Bun === 'undefined') {
    // Not in the executable, where importing it takes 2.5 ms.
    const { createConnection } = await import('node:net');
    return createConnection(path).on('data', receive).on('error', fail).on('close', fail);
  }
  const socket = {
    data: (_: Stream, bytes: Buffer) => {
      receive(bytes);
    },
    error: (_: Stream, error: unknown) => {
      fail(error);
    },
    drain: drained,
    close: fail,
  };
  return Bun.connect({ unix: path, socket });
}

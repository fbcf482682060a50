// D-Bus (D-Bus specification, "Message Protocol"): little-endian, and only the types that the Secret Service uses.
import { printable } from '../errors.js';

/** The most bytes that a bus may send: secrets are small. */
const mostBytes = 4 << 20;

/** The bus itself, as the object of a call. */
export const bus = { destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus' } as const;

/** A method call. `method` is its interface and name; `types` is the signature of `body`. */
export interface MethodCall {
  readonly destination: string;
  readonly path: string;
  readonly method: string;
  readonly types?: string;
  readonly body?: readonly unknown[];
}

/** A call was answered with an error, whose `name` is one such as `org.freedesktop.DBus.Error.ServiceUnknown`. */
export class DBusError extends Error {}

interface Waiting {
  readonly types: string;
  readonly resolve: (values: unknown[]) => void;
  readonly reject: (error: Error) => void;
}

/** A socket of Bun or Node.js. */
interface Stream {
  write(bytes: Uint8Array): number | boolean;
  unref(): unknown;
  terminate?(): unknown;
  destroy?(): unknown;
}

declare const Bun: { connect(options: Record<string, unknown>): Promise<Stream> } | undefined;

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
    this.#connect(socketPath).catch(this.#fail);
    this.call({ ...bus, method: 'org.freedesktop.DBus.Hello' }, 's').catch(() => undefined);
  }

  /** @param types how the signature of the answer begins */
  call(call: MethodCall, types: string): Promise<unknown[]> {
    this.#unsent = Buffer.concat([this.#unsent, encodeCall(++this.#serial, call)]);
    queueMicrotask(this.#send);
    return this.wait(this.#serial, types);
  }

  /** Waits for an answer or signal, by serial number or path and name. @param types how its signature begins */
  wait(key: number | string, types: string): Promise<unknown[]> {
    return new Promise((resolve, reject) => {
      if (this.#failure) reject(this.#failure);
      else this.#waiting.set(key, { types, resolve, reject });
    });
  }

  close(): void {
    this.#fail(new Error('the connection is closed'));
  }

  async #connect(path: string): Promise<void> {
    if (typeof Bun === 'undefined') {
      // Not in the executable, where importing it takes 2.5 ms.
      const { createConnection } = await import('node:net');
      const socket = createConnection(path).on('data', this.#receive);
      this.#stream = socket.on('error', this.#fail).on('close', this.#fail);
    } else {
      const data = (_: Stream, bytes: Buffer) => {
        this.#receive(bytes);
      };
      const socket = { data, drain: this.#send, error: this.#fail, close: this.#fail };
      this.#stream = await Bun.connect({ unix: path, socket });
    }
    this.#stream.unref();
    if (this.#failure) this.#fail(this.#failure);
    else this.#send();
  }

  readonly #send = (): void => {
    if (this.#stream === undefined || this.#failure || this.#unsent.length === 0) return;
    const sent = this.#stream.write(this.#unsent);
    // Bun sends what it can and returns how much; Node.js sends all.
    this.#unsent = this.#unsent.subarray(typeof sent === 'number' ? sent : Infinity);
  };

  readonly #fail = (cause: unknown): void => {
    this.#failure ??= cause instanceof Error ? cause : new Error('the bus closed the connection');
    // At once: a bus that sends without end would otherwise still be read.
    this.#stream?.terminate?.();
    this.#stream?.destroy?.();
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  };

  readonly #receive = (bytes: Buffer): void => {
    if (this.#failure) return;
    this.#received = Buffer.concat([this.#received, bytes]);
    this.#receivedBytes += bytes.length;
    try {
      if (this.#receivedBytes > mostBytes) throw new Error('the bus sent too much');
      if (!this.#isSignedIn) {
        const end = this.#received.indexOf('\r\n');
        if (end < 0 && this.#received.length < 100) return;
        this.#isSignedIn = end >= 0 && this.#received.toString('latin1', 0, 3) === 'OK ';
        if (!this.#isSignedIn) throw new Error('the bus does not accept this user');
        this.#received = this.#received.subarray(end + 2);
      }
      for (let message; (message = decodeMessage(this.#received));) {
        this.#received = this.#received.subarray(message.length);
        this.#dispatch(message);
      }
    } catch (error) {
      this.#fail(error);
    }
  };

  #dispatch({ type, fields, body }: NonNullable<ReturnType<typeof decodeMessage>>): void {
    const field = (code: number) => fields.get(code) as string | undefined;
    const signal = [field(fieldCodes.path), field(fieldCodes.member)].join(' ');
    const key = type === messageTypes.signal ? signal : field(fieldCodes.replyTo);
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    const types = field(fieldCodes.types) ?? '';
    if (type === messageTypes.error) {
      const [text] = types.startsWith('s') ? decode('s', body) : [''];
      const error = new DBusError(printable(text as string));
      waiting.reject(Object.assign(error, { name: printable(field(fieldCodes.error) ?? '') }));
    } else {
      if (!types.startsWith(waiting.types)) throw new Error(`an answer has the types ${printable(types)}`);
      waiting.resolve(decode(waiting.types, body));
    }
    this.#waiting.delete(key);
  }
}

const messageTypes = { error: 3, signal: 4 } as const;
const fieldCodes = { path: 1, interface: 2, member: 3, error: 4, replyTo: 5, destination: 6, types: 8 };
/** Where the header fields begin, after their length. */
const fieldsAt = 16;

// Header fields are not a case of `encode` and `decode`: a function that runs dozens of times starts the JIT compiler,
// which takes a millisecond and 4 MB.
export function encodeCall(serial: number, { types = '', body = [], method, ...to }: MethodCall): Buffer {
  const dot = method.lastIndexOf('.');
  let fields = '';
  for (const [code, type, text] of [
    [fieldCodes.path, 'o', to.path],
    [fieldCodes.interface, 's', method.slice(0, dot)],
    [fieldCodes.member, 's', method.slice(dot + 1)],
    [fieldCodes.destination, 's', to.destination],
    [fieldCodes.types, 'g', types],
  ] as const) {
    const length = type === 'g' ? [text.length] : [text.length & 255, text.length >>> 8, 0, 0];
    const start = String.fromCharCode(code, 1, type.charCodeAt(0), 0, ...length);
    fields = `${fields.padEnd((fields.length + 7) & -8, '\0')}${start}${text}\0`;
  }
  const encodedBody = encode(types, body);
  const header = `l\u0001\0\u0001${uint32(encodedBody.length)}${uint32(serial)}${uint32(fields.length)}${fields}`;
  return Buffer.concat([Buffer.from(padded(header), 'latin1'), encodedBody]);
}

/** Decodes the first message of `bytes`; `undefined` if it is incomplete. @throws if it is invalid or too long */
export function decodeMessage(bytes: Buffer) {
  if (bytes.length < fieldsAt) return undefined;
  if (bytes[0] !== 'l'.charCodeAt(0)) throw new Error('a message has another byte order');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const fieldsEnd = fieldsAt + view.getUint32(12, true);
  const bodyAt = fieldsEnd + (-fieldsEnd & 7);
  const length = bodyAt + view.getUint32(4, true);
  if (length > mostBytes) throw new Error('a message is too long');
  if (bytes.length < length) return undefined;
  const fields = new Map<number, string | number>();
  for (let at = fieldsAt; at < fieldsEnd; at += -at & 7) {
    const [code, type] = [view.getUint8(at), String.fromCharCode(view.getUint8(at + 2))];
    if (type === 'u') {
      fields.set(code, view.getUint32(at + 4, true));
      at += 8;
    } else {
      const start = at + (type === 'g' ? 5 : 8);
      const end = start + (type === 'g' ? view.getUint8(at + 4) : view.getUint32(at + 4, true));
      fields.set(code, bytes.toString('utf8', start, end));
      at = end + 1;
    }
  }
  return { type: bytes[1], fields, body: bytes.subarray(bodyAt, length), length };
}

/** Encodes one value for each type. A variant is a pair of its type and its value. */
export function encode(types: string, values: readonly unknown[]): Buffer {
  // One character a byte: strings are joined faster than buffers, and need no size.
  let bytes = '';
  const putAll = (signature: string, all: readonly unknown[]) => {
    for (const [index, type] of typesOf(signature).entries()) put(type, all[index]);
  };
  const put = (type: string, value: unknown): void => {
    const first = type.charAt(0);
    bytes = padded(bytes, alignmentOf(type));
    if (first === 'b') bytes += uint32(Number(value));
    else if (first === 'v') putAll(`g${(value as [string])[0]}`, value as unknown[]);
    else if (first === '(' || first === '{') putAll(type.slice(1, -1), value as unknown[]);
    else if (first === 'a') {
      const before = bytes;
      bytes = padded(`${before}${uint32(0)}`, alignmentOf(type.slice(1)));
      const start = bytes.length;
      if (type === 'ay') bytes += Buffer.from(value as Uint8Array).toString('latin1');
      else for (const one of value as readonly unknown[]) put(type.slice(1), one);
      bytes = `${before}${uint32(bytes.length - start)}${bytes.slice(before.length + 4)}`;
    } else {
      const text = Buffer.from(value as string).toString('latin1');
      bytes += `${first === 'g' ? String.fromCharCode(text.length) : uint32(text.length)}${text}\0`;
    }
  };
  putAll(types, values);
  return Buffer.from(bytes, 'latin1');
}

/** Four bytes, one character each. */
function uint32(value: number): string {
  return String.fromCharCode(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24);
}

function padded(bytes: string, alignment = 8): string {
  return bytes.padEnd((bytes.length + alignment - 1) & -alignment, '\0');
}

/** Decodes one value for each type; bytes that follow are ignored. @throws if the bytes are invalid */
export function decode(types: string, bytes: Buffer): unknown[] {
  let at = 0;
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new Error('a message ends too early');
    return bytes.subarray(at, (at += length));
  };
  const align = (type: string) => {
    at += -at & (alignmentOf(type) - 1);
  };
  const readUint32 = () => take(4).readUInt32LE();
  const text = (length: number) => take(length + 1).toString('utf8', 0, length);
  const value = (type: string): unknown => {
    align(type);
    const first = type.charAt(0);
    if (first === 'b') return readUint32() !== 0;
    if (first === 'g') return text(take(1).readUInt8());
    if (first === 'v') return typesOf(text(take(1).readUInt8())).map(value)[0];
    if (first === '(' || first === '{') return typesOf(type.slice(1, -1)).map(value);
    if (first !== 'a') return text(readUint32());
    const length = readUint32();
    if (type === 'ay') return take(length);
    align(type.slice(1));
    const end = at + length;
    const elements: unknown[] = [];
    while (at < end) elements.push(value(type.slice(1)));
    return elements;
  };
  return typesOf(types).map(value);
}

/** The complete types of a signature: `ao` and `s` of `aos`. @throws for a type that is not used here */
function typesOf(signature: string): string[] {
  const types: string[] = [];
  // Not by a regular expression, which takes longer to compile than all the rest.
  for (let start = 0, end = 0; end < signature.length; end += 1) {
    const first = signature.charAt(end);
    if (first === 'a') continue;
    if (first === '(') end = signature.indexOf(')', end + 2);
    else if (first === '{') end = signature.indexOf('}', end + 2);
    else if (!'bsogv'.includes(first) && signature.slice(end - 1, end + 1) !== 'ay') end = -1;
    if (end < 0) throw new Error(`a message has the types ${signature}`);
    types.push(signature.slice(start, end + 1));
    start = end + 1;
  }
  return types;
}

function alignmentOf(type: string): number {
  if ('ygv'.includes(type.charAt(0))) return 1;
  return '({'.includes(type.charAt(0)) ? 8 : 4;
}

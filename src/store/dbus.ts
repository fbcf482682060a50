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

const messageTypes = { call: 1, error: 3, signal: 4 } as const;
const fieldCodes = { path: 1, interface: 2, member: 3, error: 4, replyTo: 5, destination: 6, types: 8 };
const littleEndian = 'l'.charCodeAt(0);
const fieldsAt = 12;

export function encodeCall(serial: number, { types = '', body = [], method, ...to }: MethodCall): Buffer {
  const dot = method.lastIndexOf('.');
  const encodedBody = encode(types, body);
  const header = encode('yyyyuua(yv)', [
    ...[littleEndian, messageTypes.call, 0, 1, encodedBody.length, serial],
    [
      [fieldCodes.path, ['o', to.path]],
      [fieldCodes.interface, ['s', method.slice(0, dot)]],
      [fieldCodes.member, ['s', method.slice(dot + 1)]],
      [fieldCodes.destination, ['s', to.destination]],
      [fieldCodes.types, ['g', types]],
    ],
  ]);
  return Buffer.concat([header, Buffer.alloc(-header.length & 7), encodedBody]);
}

/** Decodes the first message of `bytes`; `undefined` if it is incomplete. @throws if it is invalid or too long */
export function decodeMessage(bytes: Buffer) {
  if (bytes.length < fieldsAt + 4) return undefined;
  if (bytes[0] !== littleEndian) throw new Error('a message has another byte order');
  const fieldsEnd = fieldsAt + 4 + bytes.readUInt32LE(fieldsAt);
  const bodyAt = fieldsEnd + (-fieldsEnd & 7);
  const length = bodyAt + bytes.readUInt32LE(4);
  if (length > mostBytes) throw new Error('a message is too long');
  if (bytes.length < length) return undefined;
  const [pairs] = decode('a(yv)', bytes.subarray(0, fieldsEnd), fieldsAt) as [[number, unknown][]];
  return { type: bytes[1], fields: new Map(pairs), body: bytes.subarray(bodyAt, length), length };
}

/** Encodes one value for each type. A variant is a pair of its type and its value. */
export function encode(types: string, values: readonly unknown[]): Buffer {
  // Not an array of numbers, with which a whole read takes 4 to 7 % more CPU time.
  let bytes = Buffer.alloc(512);
  let at = 0;
  const align = (type: string) => {
    at += -at & (alignmentOf(type) - 1);
  };
  const putBytes = (piece: Uint8Array | readonly number[]) => {
    if (at + piece.length > bytes.length) bytes = Buffer.concat([bytes, Buffer.alloc(at + piece.length)]);
    bytes.set(piece, at);
    at += piece.length;
  };
  const putUint32 = (value: number) => {
    putBytes([value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24]);
  };
  const putAll = (signature: string, all: readonly unknown[]) => {
    for (const [index, type] of typesOf(signature).entries()) put(type, all[index]);
  };
  const put = (type: string, value: unknown): void => {
    const first = type.charAt(0);
    align(type);
    if (first === 'b' || first === 'u') putUint32(Number(value));
    else if (first === 'y') putBytes([value as number]);
    else if (first === 'v') putAll(`g${(value as [string])[0]}`, value as unknown[]);
    else if (first === '(' || first === '{') putAll(type.slice(1, -1), value as unknown[]);
    else if (first === 'a') {
      const element = type.slice(1);
      putUint32(0);
      const lengthAt = at - 4;
      align(element);
      const start = at;
      if (element === 'y') putBytes(value as Uint8Array);
      else for (const one of value as readonly unknown[]) put(element, one);
      bytes.writeUInt32LE(at - start, lengthAt);
    } else {
      const text = Buffer.from(`${value as string}\0`);
      if (first === 'g') putBytes([text.length - 1]);
      else putUint32(text.length - 1);
      putBytes(text);
    }
  };
  putAll(types, values);
  putBytes([]);
  return bytes.subarray(0, at);
}

/** Decodes one value for each type; bytes that follow are ignored. @throws if the bytes are invalid */
export function decode(types: string, bytes: Buffer, start = 0): unknown[] {
  let at = start;
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new Error('a message ends too early');
    return bytes.subarray(at, (at += length));
  };
  const align = (type: string) => take(-at & (alignmentOf(type) - 1));
  const uint32 = () => take(4).readUInt32LE();
  const text = (length: number) => take(length + 1).toString('utf8', 0, length);
  const value = (type: string): unknown => {
    align(type);
    const first = type.charAt(0);
    if (first === 'y') return take(1)[0];
    if (first === 'u') return uint32();
    if (first === 'b') return uint32() !== 0;
    if (first === 'g') return text(take(1).readUInt8());
    if (first === 'v') return typesOf(text(take(1).readUInt8())).map(value)[0];
    if (first === '(' || first === '{') return typesOf(type.slice(1, -1)).map(value);
    if (first !== 'a') return text(uint32());
    const length = uint32();
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
    else if (!'ybusogv'.includes(first)) end = -1;
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

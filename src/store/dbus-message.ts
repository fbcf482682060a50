// The wire format of D-Bus (D-Bus specification, "Marshaling" and "Message Protocol"): little-endian, and only the
// types that the Secret Service uses.

/** A method call. `types` is the signature of `body`. */
export interface MethodCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly types?: string;
  readonly body?: readonly unknown[];
}

/** A received message. `length` is that of the whole message. */
export type Message = NonNullable<ReturnType<typeof decodeMessage>>;

export const messageTypes = { call: 1, reply: 2, error: 3, signal: 4 } as const;
/** The codes of header fields. */
export const fields = { path: 1, interface: 2, member: 3, error: 4, replyTo: 5, destination: 6, types: 8 };
const littleEndian = 'l'.charCodeAt(0);
const fieldsAt = 12;

export function encodeCall(serial: number, { types = '', body = [], ...call }: MethodCall): Buffer {
  const encodedBody = encode(types, body);
  const header = encode('yyyyuua(yv)', [
    ...[littleEndian, messageTypes.call, 0, 1, encodedBody.length, serial],
    [
      [fields.path, ['o', call.path]],
      [fields.interface, ['s', call.interface]],
      [fields.member, ['s', call.member]],
      [fields.destination, ['s', call.destination]],
      [fields.types, ['g', types]],
    ],
  ]);
  return Buffer.concat([header, Buffer.alloc(-header.length & 7), encodedBody]);
}

/** Decodes the first message of `bytes`; `undefined` if it is incomplete. @throws if it is invalid or too long */
export function decodeMessage(bytes: Buffer, longest: number) {
  if (bytes.length < fieldsAt + 4) return undefined;
  if (bytes[0] !== littleEndian) throw new Error('a message has another byte order');
  const fieldsEnd = fieldsAt + 4 + bytes.readUInt32LE(fieldsAt);
  const bodyAt = fieldsEnd + (-fieldsEnd & 7);
  const length = bodyAt + bytes.readUInt32LE(4);
  if (length > longest) throw new Error('a message is too long');
  if (bytes.length < length) return undefined;
  const [pairs] = decode('a(yv)', bytes.subarray(0, fieldsEnd), fieldsAt) as [[number, unknown][]];
  return { type: bytes[1] ?? 0, fields: new Map(pairs), body: bytes.subarray(bodyAt, length), length };
}

/** Encodes one value for each type. A variant is a pair of its type and its value. */
export function encode(types: string, values: readonly unknown[]): Buffer {
  let bytes = Buffer.alloc(512);
  let at = 0;
  const align = (alignment: number) => {
    at += -at & (alignment - 1);
  };
  const putBytes = (piece: Uint8Array | readonly number[]) => {
    if (at + piece.length > bytes.length) bytes = Buffer.concat([bytes, Buffer.alloc(at + piece.length)]);
    bytes.set(piece, at);
    at += piece.length;
  };
  const putUint32 = (value: number) => {
    align(4);
    putBytes([value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24]);
  };
  const putAll = (signature: string, all: readonly unknown[]) => {
    typesOf(signature).forEach((type, index) => {
      put(type, all[index]);
    });
  };
  const put = (type: string, value: unknown): void => {
    const first = type.charAt(0);
    if (first === 'b' || first === 'u') putUint32(Number(value));
    else if (first === 'y') putBytes([value as number]);
    else if (first === 'v') putAll(`g${(value as [string])[0]}`, value as unknown[]);
    else if (first === 'a') {
      const element = type.slice(1);
      putUint32(0);
      const lengthAt = at - 4;
      align(alignmentOf(element));
      const start = at;
      if (element === 'y') putBytes(value as Uint8Array);
      else for (const one of value as readonly unknown[]) put(element, one);
      bytes.writeUInt32LE(at - start, lengthAt);
    } else if (first === '(' || first === '{') {
      align(8);
      putAll(type.slice(1, -1), value as unknown[]);
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
  const uint32 = () => take(4).readUInt32LE();
  const text = (length: number) => take(length + 1).toString('utf8', 0, length);
  const array = (element: string): unknown => {
    const length = uint32();
    if (element === 'y') return take(length);
    take(-at & (alignmentOf(element) - 1));
    const end = at + length;
    const elements: unknown[] = [];
    while (at < end) elements.push(value(element));
    return elements;
  };
  const decoders: Record<string, (type: string) => unknown> = {
    y: () => take(1)[0],
    b: () => uint32() !== 0,
    u: uint32,
    s: () => text(uint32()),
    o: () => text(uint32()),
    g: () => text(take(1).readUInt8()),
    v: () => typesOf(text(take(1).readUInt8())).map(value)[0],
    a: (type) => array(type.slice(1)),
    '(': (type) => typesOf(type.slice(1, -1)).map(value),
    '{': (type) => typesOf(type.slice(1, -1)).map(value),
  };
  const value = (type: string): unknown => {
    take(-at & (alignmentOf(type) - 1));
    return decoders[type.charAt(0)]?.(type);
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

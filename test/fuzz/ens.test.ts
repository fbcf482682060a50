import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { StaticAKCredentialsProvider } from '@alicloud/credentials';
import fc from 'fast-check';
import { callOnce, type CallTarget } from '../../src/ens/client.js';
import { classifyFault, ensError, parseRetryAfter, type ApiFault } from '../../src/ens/errors.js';
import { backoffMs, withRetry } from '../../src/ens/retry.js';
import { Credential } from '../../src/ens/client.js';
import { printable } from '../../src/errors.js';
import { readIssuedKubeconfig } from '../../src/kubeconfig/issued.js';
import type { World } from '../../src/world.js';
import { createFixtures, type Fixtures } from './credentials.js';
import { checkError, expectNoWarnings, holds, holdsLater, outcomeOf, runs, Secrets } from './property.js';
import { anyText, anyValue, toJson } from './values.js';

const timeoutMs = 240_000;
const codes = [
  'ens-unauthenticated',
  'ens-not-allowed',
  'ens-cluster-not-found',
  'ens-clock-skew',
  'ens-throttled',
  'ens-unavailable',
  'ens-answer-invalid',
  'ens-refused',
] as const;
const accessKeySecret = 'an-access-key-secret-nobody-may-see';
const secrets = new Secrets();
secrets.add(accessKeySecret);

let fixtures: Fixtures;
let server: AnsweringServer;
expectNoWarnings();

beforeAll(async () => {
  fixtures = await createFixtures();
  server = await AnsweringServer.open();
}, timeoutMs);

afterAll(() => server.close());

const world: World = {
  environment: {},
  platform: 'linux',
  homeDirectory: () => '/nonexistent',
  now: () => new Date(),
  isTerminal: () => false,
  warn: () => undefined,
  debug: () => undefined,
};

test(
  'whatever ENS answers, an object comes back, or an error of ours',
  async () => {
    const outcomes = { answered: 0, refused: 0 };
    await holdsLater(answers, async (answer) => {
      server.answer = answer;
      try {
        const body = await callOnce(client(answer.isSilent ? 30 : 3000), call, world);
        if (typeof body !== 'object' || Array.isArray(body))
          throw new Error(`not an object: ${String(body)}`);
        outcomes.answered += 1;
        const { clusterId } = call;
        outcomeOf(
          ['issued-kubeconfig-invalid'],
          () => readIssuedKubeconfig(body['Config'], clusterId, fixtures.now),
          secrets,
        );
      } catch (error) {
        const { message } = checkError(error, codes, secrets);
        if (message.includes('[object')) throw new Error(`says nothing: ${message}`, { cause: error });
        outcomes.refused += 1;
      }
    });
    expect(Math.min(outcomes.answered, outcomes.refused)).toBeGreaterThan(runs / 50);
  },
  timeoutMs,
);

test(
  'any fault becomes one of the errors, with a time to wait that is one',
  () => {
    holds(fc.tuple(faults, anyText, fc.date({ noInvalidDate: true })), ([fault, identity, now]) => {
      const context = { ramAction: 'ens:X', endpoint: 'localhost', identity: printable(identity, 120) };
      const error = ensError(fault, context, now);
      if (error.code !== classifyFault(fault)) throw new Error('two classes for one fault');
      checkError(error, [...codes, 'proxy-refused', 'network-untrusted'], secrets);
      const { retryAfterMs } = error;
      if (retryAfterMs !== undefined && !(retryAfterMs >= 0 && retryAfterMs < Infinity)) {
        throw new Error(`wait for ${retryAfterMs} ms`);
      }
      const waitMs = backoffMs(1, 0.5, retryAfterMs);
      if (!(waitMs >= 0 && waitMs < Infinity)) throw new Error(`wait for ${waitMs} ms`);
    });
  },
  timeoutMs,
);

test(
  'any Retry-After is a time, or none',
  () => {
    holds(
      fc.tuple(fc.option(retryAfters, { nil: undefined }), fc.oneof(fc.date(), fc.constant(new Date(NaN)))),
      ([header, now]) => {
        const waitMs = parseRetryAfter(header, now);
        if (waitMs !== undefined && !(waitMs >= 0 && waitMs < Infinity))
          throw new Error(`wait for ${waitMs} ms`);
      },
    );
  },
  timeoutMs,
);

test(
  'attempts come to an end, whatever they fail with',
  async () => {
    await holdsLater(
      fc.tuple(fc.array(faults, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 60_000 })),
      async ([all, totalMs]) => {
        let clockMs = 0;
        let attempts = 0;
        const context = { ramAction: 'ens:X', endpoint: 'localhost', identity: 'x' };
        const attempt = (): Promise<never> => {
          const fault = all[attempts % all.length];
          if (fault === undefined || (attempts += 1) > 10_000) throw new Error('attempts without end');
          clockMs += 5;
          return Promise.reject(ensError(fault, context, new Date()));
        };
        const clock = {
          monotonicMs: () => clockMs,
          random: () => 0.5,
          sleep: (ms: number) => {
            clockMs += Number.isNaN(ms) ? 0 : ms;
            return Promise.resolve();
          },
        };
        await withRetry(attempt, { totalMs }, clock).catch((error: unknown) =>
          checkError(error, [...codes, 'proxy-refused', 'network-untrusted']),
        );
        if (clockMs > totalMs + 10) throw new Error(`took ${clockMs} ms of ${totalMs} ms`);
      },
    );
  },
  timeoutMs,
);

const call = {
  action: 'DescribeClusterUserKubeconfig',
  query: { ClusterId: 'eck-0123abcd', PrivateIpAddress: 'false' },
  clusterId: 'eck-0123abcd',
};

function client(patienceMs: number): CallTarget {
  const provider = StaticAKCredentialsProvider.builder()
    .withAccessKeyId('LTAIfuzz')
    .withAccessKeySecret(accessKeySecret)
    .build();
  return {
    signer: { credential: new Credential(null, provider), description: 'the AccessKey LTAIfuzz' },
    endpoint: { protocol: 'http', host: `127.0.0.1:${server.port}` },
    settings: { connectTimeoutMs: patienceMs, readTimeoutMs: patienceMs },
  };
}

/** What goes over the wire, and whether the connection is ended behind it. */
interface Answer {
  readonly bytes: Buffer;
  readonly isEnd: boolean;
  /** Whether nothing comes behind it, and the connection stays. */
  readonly isSilent: boolean;
}

/** A server that knows of HTTP only where a request ends, and answers with the bytes that it was told. */
class AnsweringServer {
  answer: Answer = { bytes: Buffer.alloc(0), isEnd: true, isSilent: false };
  readonly #sockets = new Set<Socket>();

  private constructor(readonly server: Server) {
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
      let received = '';
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1');
        if (!received.includes('\r\n\r\n')) return;
        received = '';
        const { bytes, isEnd } = this.answer;
        if (isEnd) socket.end(bytes);
        else socket.write(bytes);
      });
    });
  }

  static async open(): Promise<AnsweringServer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new AnsweringServer(server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

const apiCodes = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom<unknown>(
      ...[
        'InvalidAccessKeyId.NotFound',
        'SignatureDoesNotMatch',
        'Forbidden.RAM',
        'NoPermission',
        'Throttling.User',
      ],
      ...[
        'InvalidTimeStamp.Expired',
        'ServiceUnavailable',
        'InternalError',
        'InvalidClusterId',
        'ClusterNotFound',
      ],
      ...[
        'InvalidAction.NotFound',
        'constructor',
        '__proto__',
        '.',
        '...',
        'Forbidden\n',
        'forbidden',
        '404',
      ],
    ),
  },
  { weight: 1, arbitrary: anyValue },
);

const errorBodies = fc
  .dictionary(
    fc.constantFrom(
      'Code',
      'code',
      'Message',
      'message',
      'RequestId',
      'HostId',
      'Recommend',
      'statusCode',
      'data',
    ),
    fc.oneof(
      apiCodes,
      anyText.map((text): unknown => text),
      anyValue,
    ),
    { maxKeys: 6 },
  )
  .map((body): unknown => body);

const bodies: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 5, arbitrary: errorBodies.map((body) => Buffer.from(toJson(body))) },
  { weight: 2, arbitrary: anyValue.map((config) => Buffer.from(toJson({ Config: config, RequestId: 'x' }))) },
  { weight: 1, arbitrary: anyValue.map((value) => Buffer.from(toJson(value))) },
  { weight: 1, arbitrary: anyText.map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(
        '[',
        '{"a":',
        '{"Code":[',
        '"',
        '<html>',
        '\ufeff{}',
        '{"Config":"[[',
        '{"__proto__":{"Code":1}}',
      )
      .chain((piece) => fc.nat(200).map((times) => Buffer.from(piece.repeat(times)))),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(errorBodies, fc.nat(200))
      .map(([body, length]) => Buffer.from(toJson(body)).subarray(0, length)),
  },
);

const dates = fc.oneof(
  fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
  fc.constantFrom(
    '',
    'x',
    '0',
    'Thu, 01 Jan 1970 00:00:00 GMT',
    'Wed, 21 Oct 2099 07:28:00 GMT',
    '9'.repeat(30),
  ),
);

const retryAfters = fc.oneof(
  dates,
  anyText,
  fc.constantFrom(
    '0',
    '1',
    '-1',
    '1.5',
    '999999999',
    '9999999999',
    '1e3',
    ' 7 ',
    'NaN',
    'Infinity',
    '0x10',
    '٣',
  ),
);

const headerText = fc.oneof(dates, fc.string({ maxLength: 20 }), fc.constantFrom('\x01', 'é', 'a\tb'));

const headers = fc.array(
  fc.oneof(
    dates.map((date) => `Date: ${date}`),
    fc
      .oneof(dates, fc.constantFrom('0', '-1', '999999999', '1e3', 'x'))
      .map((text) => `Retry-After: ${text}`),
    fc
      .constantFrom('application/json', 'text/html; charset=utf-16', 'image/png', 'x', '')
      .map((type) => `Content-Type: ${type}`),
    fc.constantFrom('gzip', 'br', 'x').map((coding) => `Content-Encoding: ${coding}`),
    fc.constantFrom(
      'Location: http://127.0.0.1:1/',
      'Connection: close',
      'Set-Cookie: a=b',
      'Upgrade: x',
      'no colon',
    ),
    fc
      .tuple(fc.constantFrom('X-Acs-Request-Id', 'X', '__proto__', 'constructor'), headerText)
      .map((pair) => pair.join(': ')),
  ),
  { maxLength: 4 },
);

const statuses = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(200, 200, 200, 400, 403, 404, 429, 500, 503) },
  { weight: 1, arbitrary: fc.constantFrom(100, 101, 103, 204, 206, 301, 302, 304, 407, 599, 600, 999, 0, 1) },
  { weight: 1, arbitrary: fc.integer({ min: 200, max: 599 }) },
);

const answers: fc.Arbitrary<Answer> = fc
  .record({
    status: statuses,
    headers,
    body: bodies,
    length: fc.oneof(
      { weight: 12, arbitrary: fc.constant('right' as const) },
      { weight: 1, arbitrary: fc.constantFrom('none', 'short', 'long', 'odd', 'chunked', 'badChunk') },
    ),
    start: fc.oneof(
      { weight: 30, arbitrary: fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0') },
      { weight: 1, arbitrary: fc.constantFrom('HTTP/2.0', 'SSH-2.0', '', '\x16\x03\x01') },
    ),
    cut: fc.oneof({ weight: 20, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(300) }),
    rare: fc.nat(1500),
  })
  .map(({ status, headers: lines, body, length, start, cut, rare }) => {
    const framing = {
      right: [`Content-Length: ${body.length}`],
      none: [],
      short: [`Content-Length: ${Math.max(0, body.length - 3)}`],
      long: [`Content-Length: ${body.length + 9}`],
      odd: ['Content-Length: -1', 'Content-Length: x'],
      chunked: ['Transfer-Encoding: chunked'],
      badChunk: ['Transfer-Encoding: chunked'],
    }[length];
    const head = `${start} ${status} Said\r\n${[...lines, ...framing].join('\r\n')}\r\n\r\n`;
    const chunks =
      length === 'chunked'
        ? [`${body.length.toString(16)}\r\n`, body, '\r\n0\r\n\r\n']
        : length === 'badChunk'
          ? ['zz\r\n', body]
          : [body];
    // Once in a while, an answer that is larger than any could be, or none.
    if (rare === 1) chunks.push(Buffer.alloc(1_200_000, 0x20));
    const whole = Buffer.concat([head, ...chunks].map((part) => Buffer.from(part)));
    const bytes = cut === undefined ? whole : whole.subarray(0, cut);
    const isSilent = rare === 0;
    const isWhole =
      length === 'right' && cut === undefined && start === 'HTTP/1.1' && status >= 200 && rare > 1;
    return { bytes, isEnd: !isSilent && !isWhole, isSilent };
  });

const faults: fc.Arbitrary<ApiFault> = fc
  .record({
    status: fc.oneof(statuses, fc.integer(), fc.double()),
    apiCode: fc.oneof(
      anyText,
      apiCodes.filter((code): code is string => typeof code === 'string'),
    ),
    message: anyText,
    requestId: fc.option(anyText, { nil: undefined }),
    serverDate: fc.option(fc.oneof(fc.date(), fc.constant(new Date(NaN))), { nil: undefined }),
    retryAfter: fc.option(retryAfters, { nil: undefined }),
    failure: fc.option(
      fc.record({
        kind: fc.constantFrom('unreachable', 'untrusted', 'proxy', 'too-large'),
        message: anyText,
      }),
      { nil: undefined, freq: 2 },
    ),
  })
  .map(
    (fault) =>
      Object.fromEntries(
        Object.entries(fault).filter(([, value]) => value !== undefined),
      ) as unknown as ApiFault,
  );

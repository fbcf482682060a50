import { once } from 'node:events';
import http, { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { TransportFailure, withTransport, type TransportFacts, type TransportRules } from '../../src/ens/transport.js';
import { serve } from './fixtures.js';

/** So generous that only the limit that a test sets applies. */
const generous: TransportRules = {
  connectTimeoutMs: 30_000,
  readTimeoutMs: 30_000,
  totalMs: 60_000,
  maxBodyBytes: 1024 * 1024,
  environment: {},
};

afterEach(() => {
  jest.restoreAllMocks();
});

const silent: RequestListener = () => undefined;
const late: RequestListener = (_, response) => {
  setTimeout(() => response.end('late'), 150);
};

/** A response without end, in small parts after its start. */
const dripping =
  (start: string, part: string): RequestListener =>
  ({ socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\n${start}`);
    const timer = setInterval(() => socket.write(part), 5);
    socket.on('close', () => {
      clearInterval(timer);
    });
  };
const drippingHeader = dripping('', 'x-y: z\r\n');
const drippingBody = dripping('transfer-encoding: chunked\r\n\r\n', '1\r\na\r\n');

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
}

/** A request as a library makes it. */
async function get(url: string, options: http.RequestOptions = {}): Promise<Answer> {
  // Through the module's property, as the transport replaces it.
  const request = http.request(url, { agent: false, ...options });
  request.on('timeout', () => request.destroy(new Error('too much silence')));
  const closed = new Promise((resolve) => request.once('close', resolve));
  request.end();
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return { status: response.statusCode, body: await text(response) };
  } finally {
    // Without a socket, an agent was still connecting, and nothing is closed.
    if (request.socket !== null) await closed;
  }
}

/** A request inside the transport. */
async function getWithin(
  rules: Partial<TransportRules>,
  url: string,
  options?: http.RequestOptions,
): Promise<{ readonly facts: TransportFacts; readonly answer?: Answer; readonly error?: unknown }> {
  const facts: TransportFacts = {};
  try {
    return { facts, answer: await withTransport({ ...generous, ...rules }, facts, () => get(url, options)) };
  } catch (error) {
    return { facts, error };
  }
}

describe('a request within its limits', () => {
  test('is answered, with the facts of the response', async () => {
    const headers = { date: 'Sun, 01 Mar 2026 12:00:00 GMT', 'retry-after': '7' };
    const url = await serve((_, response) => response.writeHead(503, headers).end('try again'));
    const { facts, answer } = await getWithin({}, url);
    expect(answer).toEqual({ status: 503, body: 'try again' });
    expect(facts).toEqual({ status: 503, date: new Date('2026-03-01T12:00:00Z'), retryAfter: '7' });
  });

  test('has no date if the response has none', async () => {
    const url = await serve((_, response) => response.writeHead(200, { date: 'yesterday' }).end());
    expect((await getWithin({}, url)).facts).toEqual({ status: 200 });
  });

  test.each<[string, (url: URL, done: (response: IncomingMessage) => void) => http.ClientRequest]>([
    ['a URL', (url, done) => http.request(url.href, done)],
    ['a URL object', (url, done) => http.request(url, done)],
    ['a URL and options', (url, done) => http.request(url, { headers: { 'x-test': 'here' } }, done)],
    ['options', ({ hostname, port }, done) => http.request({ hostname, port, path: '/a?b=1' }, done)],
    ['a host', ({ hostname: host, port }, done) => http.request({ host, port, path: '/a?b=1' }, done)],
    ['an event', (url, done) => http.request(url).on('response', done)],
  ])('can be made with %s', async (_, make) => {
    const url = await serve(({ url: path, method }, response) => response.end(`${method ?? ''} ${path ?? ''}`));
    const body = await withTransport(generous, {}, async () => {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        make(new URL('a?b=1', url), resolve).on('error', reject).end();
      });
      return text(response);
    });
    expect(body).toBe('GET /a?b=1');
  });
});

describe('the limits of time', () => {
  const unresolved = { lookup: () => undefined };
  test.each<[string, Partial<TransportRules>, RequestListener, http.RequestOptions, string]>([
    ['for reading: silence', { readTimeoutMs: 50 }, silent, {}, '127.0.0.1 did not answer within 0.1 s'],
    ['for reading: a slow body', { readTimeoutMs: 200 }, drippingBody, {}, '127.0.0.1 did not answer'],
    ['for reading: a slow header', { readTimeoutMs: 200 }, drippingHeader, {}, '127.0.0.1 did not answer'],
    ['for everything', { totalMs: 50 }, silent, {}, '127.0.0.1 did not answer'],
    ['for connecting', { connectTimeoutMs: 50 }, silent, unresolved, 'no connection to localhost'],
  ])('end a request: %s', async (_, rules, listener, options, message) => {
    const url = await serve(listener);
    const of = options === unresolved ? url.replace('127.0.0.1', 'localhost') : url;
    const { facts, answer } = await getWithin(rules, of, options);
    expect(answer).toBeUndefined();
    expect(facts.failure).toMatchObject({ kind: 'unreachable', reason: expect.stringContaining(message) });
  });

  test('do not end a slow response, whatever silence the library allows', async () => {
    const { answer } = await getWithin({ connectTimeoutMs: 100 }, await serve(late), { timeout: 20 });
    expect(answer?.body).toBe('late');
  });
});

describe('the limit of size', () => {
  const maxBodyBytes = 10_000;
  const ways: [string, (response: ServerResponse, body: string) => void][] = [
    ['with its length', (response, body) => response.setHeader('content-length', body.length).end(body)],
    [
      'in chunks',
      (response, body) => {
        for (const chunk of body.match(/.{1,997}/g) ?? []) response.write(chunk);
        response.end();
      },
    ],
    [
      'until the connection closes',
      (response, body) => {
        response.setHeader('connection', 'close').setHeader('transfer-encoding', 'identity').end(body);
      },
    ],
  ];

  test.each(ways)('ends a larger response %s, and passes one just as large', async (_, send) => {
    for (const status of [200, 503]) {
      const url = await serve(({ url: path }, response) => {
        response.statusCode = status;
        send(response, 'a'.repeat(Number(path?.slice(1))));
      });
      const larger = await getWithin({ maxBodyBytes }, `${url}${maxBodyBytes + 1}`);
      expect(larger.error).toBeInstanceOf(TransportFailure);
      expect(larger.facts).toMatchObject({ status, failure: { kind: 'too-large' } });
      const { facts, answer } = await getWithin({ maxBodyBytes }, `${url}${maxBodyBytes}`);
      expect({ length: answer?.body.length, failure: facts.failure }).toEqual({ length: maxBodyBytes });
    }
  });

  test('ends a response without end soon after the limit', async () => {
    let sent = 0;
    const block = 'a'.repeat(64 * 1024);
    const url = await serve((_, response) => {
      const send = (): void => {
        while (!response.destroyed && response.write(block)) sent += block.length;
      };
      response.on('drain', send);
      send();
    });
    const { facts } = await getWithin({ maxBodyBytes: 2048 }, url);
    expect(facts.failure?.reason).toBe('the response of 127.0.0.1 is larger than 2 KiB');
    // The buffers of two sockets come on top.
    expect(sent).toBeLessThan(32 * 1024 * 1024);
  });
});

test.each<[string, RequestListener]>([
  ['breaks before the response', ({ socket }) => socket.destroy()],
  ['is reset', ({ socket }) => socket.resetAndDestroy()],
  ['breaks in the body', ({ socket }, response) => response.write('a', () => socket.destroy())],
  ['is not HTTP', ({ socket }) => socket.end('SSH-2.0-OpenSSH_9.6\r\n')],
])('a connection that %s is a failure', async (_, listener) => {
  const { facts, answer } = await getWithin({}, await serve(listener));
  expect({ answer, kind: facts.failure?.kind }).toEqual({ kind: 'unreachable' });
});

test('a host that refuses the connection or cannot be resolved is one', async () => {
  const reason = '127.0.0.1: the connection is refused';
  expect((await getWithin({}, 'http://127.0.0.1:9/')).facts.failure).toMatchObject({ kind: 'refused', reason });
  expect((await getWithin({}, 'http://ens.invalid/')).facts.failure?.kind).toBe('refused');
});

describe('requests outside of the transport', () => {
  test('have no limits and no proxy, before, beside and after those inside', async () => {
    const url = await serve(late);
    const rules = { readTimeoutMs: 30, environment: { HTTP_PROXY: 'http://127.0.0.1:9' } };
    const before = get(url);
    const [inside, beside] = await Promise.all([getWithin(rules, url), get(url)]);
    expect(inside.facts.failure).toBeDefined();
    for (const { body } of [await before, beside, await get(url)]) expect(body).toBe('late');
  });

  test("keep their library's limit for silence", async () => {
    const url = await serve(silent);
    await getWithin({ readTimeoutMs: 30 }, url);
    await expect(get(url, { timeout: 30 })).rejects.toThrow('too much silence');
  });
});

test('calls at the same time, and within each other, have their own limits and facts', async () => {
  const url = await serve(({ url: path }, response) => {
    const size = Number(path?.slice(1));
    setTimeout(() => response.writeHead(200 + size).end('a'.repeat(size)), 40 - size);
  });
  const sizes = [10, 20, 30, 40];
  const results = await Promise.all(
    sizes.map((size) => getWithin({ maxBodyBytes: size < 25 ? size : size - 1 }, `${url}${size}`)),
  );
  for (const [index, { facts }] of results.entries()) {
    const size = sizes[index] ?? 0;
    expect(facts).toMatchObject({ status: 200 + size });
    expect(facts.failure?.kind).toBe(size < 25 ? undefined : 'too-large');
  }
  const outer: TransportFacts = {};
  await withTransport(generous, outer, async () => {
    expect((await getWithin({ maxBodyBytes: 1 }, `${url}10`)).facts.failure?.kind).toBe('too-large');
    await get(`${url}20`);
  });
  expect(outer).toMatchObject({ status: 220 });
  expect(outer.failure).toBeUndefined();
});

import http, { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import https from 'node:https';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import {
  TransportError,
  withTransport,
  type TransportFacts,
  type TransportRules,
} from '../../src/ens/transport.js';
import { CertificateAuthority } from '../support/certificate-authority.js';
import { Loopback } from '../support/loopback.js';
import { ProxyServer } from '../support/proxy-server.js';

/** Generous, so that a test says which limit is to bite. */
const generous: TransportRules = {
  connectTimeoutMs: 30_000,
  readTimeoutMs: 30_000,
  totalMs: 60_000,
  maxBodyBytes: 1024 * 1024,
  environment: {},
};

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  jest.restoreAllMocks();
  for (const server of opened.splice(0)) await server.close();
});

/** Starts a server on loopback for one test. @returns its URL */
async function serve(listener: RequestListener): Promise<string> {
  const loopback = new Loopback(createServer(listener));
  await loopback.open();
  opened.push(loopback);
  return `http://127.0.0.1:${loopback.port}/`;
}

/** The URL of a server that is not there. */
async function closedUrl(): Promise<string> {
  const loopback = new Loopback(createServer());
  await loopback.open();
  await loopback.close();
  return `http://127.0.0.1:${loopback.port}/`;
}

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
}

/** A request as a library makes it, that reads the whole answer. */
async function get(url: string, options: http.RequestOptions = {}): Promise<Answer> {
  // Not by name from the module, which would be bound before the transport has anything to do with it.
  const request = http.request(url, { agent: false, ...options });
  request.on('timeout', () => request.destroy(new Error('too much silence')));
  const closed = new Promise((resolve) => request.once('close', resolve));
  request.end();
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return { status: response.statusCode, body: await text(response) };
  } finally {
    await closed;
  }
}

/** Makes a request inside of the transport. */
async function getWithin(
  rules: Partial<TransportRules>,
  url: string,
  options: http.RequestOptions = {},
): Promise<{ readonly facts: TransportFacts; readonly answer?: Answer; readonly error?: unknown }> {
  const facts: TransportFacts = {};
  try {
    const answer = await withTransport({ ...generous, ...rules }, facts, () => get(url, options));
    return { facts, answer };
  } catch (error) {
    return { facts, error };
  }
}

describe('a request within its limits', () => {
  test('is answered, and what the answer says of itself is told', async () => {
    const url = await serve((_, response) => {
      response.writeHead(503, { date: 'Sun, 01 Mar 2026 12:00:00 GMT', 'retry-after': '7' }).end('try again');
    });
    const { facts, answer } = await getWithin({}, url);
    expect(answer).toEqual({ status: 503, body: 'try again' });
    expect(facts).toEqual({ status: 503, date: new Date('2026-03-01T12:00:00Z'), retryAfter: '7' });
  });

  test.each<[string, http.OutgoingHttpHeaders]>([
    ['there is none', {}],
    ['it is nonsense', { date: 'yesterday' }],
  ])('has no date where %s', async (_, headers) => {
    const url = await serve((__, response) => {
      response.sendDate = false;
      response.writeHead(200, headers).end('here');
    });
    const { facts } = await getWithin({}, url);
    expect(facts).toEqual({ status: 200 });
  });

  test('tells of the last answer where there are several', async () => {
    const url = await serve(({ url: path }, response) => {
      response.writeHead(path === '/first' ? 500 : 200).end();
    });
    const facts: TransportFacts = {};
    await withTransport(generous, facts, async () => {
      await get(`${url}first`);
      await get(`${url}second`);
    });
    expect(facts.status).toBe(200);
  });

  test.each([
    ['a URL', (url: string, done: (response: IncomingMessage) => void) => http.request(url, done)],
    ['a URL object', (url: string, done) => http.request(new URL(url), done)],
    ['a URL and options', (url: string, done) => http.request(url, { headers: { 'x-test': 'here' } }, done)],
    [
      'options',
      (url: string, done) => {
        const { hostname, port, pathname, search } = new URL(url);
        return http.request({ hostname, port, path: pathname + search }, done);
      },
    ],
    [
      'options with a host',
      (url: string, done) => {
        const { hostname: host, port, pathname, search } = new URL(url);
        return http.request({ host, port: Number(port), path: pathname + search }, done);
      },
    ],
    ['a URL, and a listener for the event', (url: string, done) => http.request(url).on('response', done)],
  ] satisfies [string, (url: string, done: (response: IncomingMessage) => void) => http.ClientRequest][])(
    'can be made with %s',
    async (_, make) => {
      const url = await serve(({ url: path, method }, response) => {
        response.end(`${method ?? ''} ${path ?? ''}`);
      });
      const body = await withTransport(generous, {}, async () => {
        const response = await new Promise<IncomingMessage>((resolve, reject) => {
          make(`${url}path?query=1`, resolve).on('error', reject).end();
        });
        return text(response);
      });
      expect(body).toBe('GET /path?query=1');
    },
  );

  test('keeps its method, its headers and its body', async () => {
    const url = await serve((request, response) => {
      void text(request).then((body) =>
        response.end(`${request.method ?? ''} ${String(request.headers['x-test'])} ${body}`),
      );
    });
    const body = await withTransport(generous, {}, async () => {
      const request = http.request(url, { method: 'POST', headers: { 'x-test': 'here' } });
      request.end('the body');
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      return text(response);
    });
    expect(body).toBe('POST here the body');
  });

  test.each([
    ['was answered', () => serve((_, response) => response.end('here'))],
    ['failed', closedUrl],
    ['was given up', () => serve(() => undefined)],
  ])('leaves no timer behind when it %s', async (_, open) => {
    const url = await open();
    const limits = { connectTimeoutMs: 3011, readTimeoutMs: 3022, totalMs: 300 };
    const set = jest.spyOn(globalThis, 'setTimeout');
    const cleared = jest.spyOn(globalThis, 'clearTimeout');
    await getWithin(limits, url);
    const timers = set.mock.calls.map(([, delayMs], index) => ({
      delayMs,
      timer: set.mock.results[index]?.value,
    }));
    const ours = timers.filter(({ delayMs }) => Object.values(limits).includes(delayMs ?? 0));
    expect(ours.length).toBeGreaterThanOrEqual(2);
    const left = ours.filter(({ timer }) => !cleared.mock.calls.some(([one]) => one === timer));
    expect(left.map(({ delayMs }) => delayMs)).toEqual([]);
  });
});

describe('the limit for an answer', () => {
  test('ends one that does not come', async () => {
    const url = await serve(() => undefined);
    const { facts, error } = await getWithin({ readTimeoutMs: 50 }, url);
    expect(error).toBeInstanceOf(TransportError);
    expect(facts.failure).toMatchObject({ kind: 'unreachable' });
    expect(facts.failure?.message).toContain('127.0.0.1 did not answer');
    expect(facts.status).toBeUndefined();
  });

  test('ends one that drips, though it is never silent', async () => {
    const url = await serve((_, response) => {
      response.writeHead(200);
      const dripping = setInterval(() => response.write('.'), 5);
      response.on('close', () => {
        clearInterval(dripping);
      });
    });
    const { facts, answer } = await getWithin({ readTimeoutMs: 200 }, url);
    expect(answer).toBeUndefined();
    expect(facts).toMatchObject({ status: 200, failure: { kind: 'unreachable' } });
    expect(facts.failure?.message).toContain('did not answer');
  });

  test('ends one whose headers drip', async () => {
    const url = await serve(({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const dripping = setInterval(() => socket.write('x-y: z\r\n'), 5);
      socket.on('close', () => {
        clearInterval(dripping);
      });
    });
    const { facts, answer } = await getWithin({ readTimeoutMs: 200 }, url);
    expect(answer).toBeUndefined();
    expect(facts.failure?.message).toContain('did not answer');
  });

  test('does not end one that is slow, whatever silence the library allows', async () => {
    const url = await serve((_, response) => {
      setTimeout(() => response.end('late'), 150);
    });
    const { answer } = await getWithin({}, url, { timeout: 20 });
    expect(answer?.body).toBe('late');
  });
});

describe('the limit for everything', () => {
  test('ends an answer before its own limit', async () => {
    const url = await serve(() => undefined);
    const { facts } = await getWithin({ totalMs: 50 }, url);
    expect(facts.failure).toMatchObject({ kind: 'unreachable' });
    expect(facts.failure?.message).toContain('did not answer');
  });
});

describe('the limit for a connection', () => {
  test('ends one that is not made', async () => {
    // A name that is looked up without end is a connection that does not come about, on any machine.
    const { facts, error } = await getWithin({ connectTimeoutMs: 50 }, 'http://nobody.invalid/', {
      lookup: () => undefined,
    });
    expect(error).toBeDefined();
    expect(facts.failure).toMatchObject({ kind: 'unreachable' });
    expect(facts.failure?.message).toContain('no connection to nobody.invalid');
  });

  test('ends one that a proxy does not make', async () => {
    const proxy = await ProxyServer.start({ hosts: {}, hangs: true });
    opened.push({ close: () => proxy.stop() });
    const facts: TransportFacts = {};
    const rules = { ...generous, connectTimeoutMs: 50, environment: { HTTPS_PROXY: `http://${proxy.host}` } };
    const tried = withTransport(rules, facts, async () => {
      const request = https.request('https://ens.example.com/');
      request.end();
      await once(request, 'response');
    });
    await expect(tried).rejects.toBeDefined();
    expect(facts.failure).toMatchObject({ kind: 'unreachable' });
    expect(facts.failure?.message).toContain(`through the proxy http://${proxy.host}`);
  });

  test('does not end an answer that comes after it', async () => {
    const url = await serve((_, response) => {
      setTimeout(() => response.end('late'), 150);
    });
    const { answer } = await getWithin({ connectTimeoutMs: 100 }, url);
    expect(answer?.body).toBe('late');
  });
});

describe('the limit for the size of an answer', () => {
  const maxBodyBytes = 10_000;
  type Sender = (response: http.ServerResponse, status: number, size: number) => void;
  const ways: readonly [string, Sender][] = [
    [
      'with its length in front',
      (response, status, size) => {
        response.writeHead(status, { 'content-length': size }).end('a'.repeat(size));
      },
    ],
    [
      'in chunks',
      (response, status, size) => {
        response.writeHead(status);
        for (let sent = 0; sent < size; sent += 1000) response.write('a'.repeat(Math.min(1000, size - sent)));
        response.end();
      },
    ],
    [
      'byte by byte at the end',
      (response, status, size) => {
        response.writeHead(status).write('a'.repeat(size - 3));
        for (let sent = 0; sent < 3; sent += 1) response.write('a');
        response.end();
      },
    ],
    [
      'until the connection closes',
      (response, status, size) => {
        response.shouldKeepAlive = false;
        response
          .writeHead(status, { connection: 'close', 'transfer-encoding': 'identity' })
          .end('a'.repeat(size));
      },
    ],
  ];

  describe.each(ways)('%s', (_, send) => {
    test.each([200, 400, 503])('ends one of HTTP %i that is larger', async (status) => {
      const url = await serve((__, response) => {
        send(response, status, maxBodyBytes + 1);
      });
      const { facts, answer, error } = await getWithin({ maxBodyBytes }, url);
      expect(answer).toBeUndefined();
      expect(error).toBeInstanceOf(TransportError);
      expect(facts).toMatchObject({ status, failure: { kind: 'too-large' } });
    });

    test.each([200, 503])('lets one of HTTP %i pass that is just as large', async (status) => {
      const url = await serve((__, response) => {
        send(response, status, maxBodyBytes);
      });
      const { facts, answer } = await getWithin({ maxBodyBytes }, url);
      expect(answer).toEqual({ status, body: 'a'.repeat(maxBodyBytes) });
      expect(facts.failure).toBeUndefined();
    });
  });

  test('ends one that would never end, without reading much more than the limit', async () => {
    let sent = 0;
    const url = await serve((_, response) => {
      const block = 'a'.repeat(64 * 1024);
      const send = (): void => {
        while (!response.destroyed && response.write(block)) sent += block.length;
      };
      response.on('drain', send);
      send();
    });
    const { facts } = await getWithin({ maxBodyBytes: 1024 * 1024 }, url);
    expect(facts.failure).toMatchObject({ kind: 'too-large' });
    // What was on its way in the buffers of two sockets comes on top.
    expect(sent).toBeLessThan(32 * 1024 * 1024);
  });

  test('cannot be got around by compression, which nobody asks for, and nobody undoes', async () => {
    const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024));
    let asked: string | undefined;
    const url = await serve((request, response) => {
      asked = request.headers['accept-encoding']?.toString();
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    });
    await withTransport(generous, {}, async () => {
      const request = http.request(url, { agent: false });
      request.end();
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      expect(response.headers['content-encoding']).toBeUndefined();
      expect(await buffer(response)).toEqual(bomb);
    });
    expect(asked).toBe('identity');
  });

  test('says which host it was, and how large an answer may be', async () => {
    const url = await serve((_, response) => response.end('a'.repeat(3000)));
    const { facts } = await getWithin({ maxBodyBytes: 2048 }, url);
    expect(facts.failure?.message).toMatch(/127\.0\.0\.1 .*2 KiB/);
  });
});

describe('a failure on the way', () => {
  test('to a server that is not there is told', async () => {
    const { facts, error } = await getWithin({}, await closedUrl());
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    expect(facts.failure).toMatchObject({ kind: 'unreachable' });
    expect(facts.failure?.message).toContain('127.0.0.1');
  });

  test.each<[string, RequestListener]>([
    ['before an answer', ({ socket }) => socket.destroy()],
    ['by a reset before an answer', ({ socket }) => socket.resetAndDestroy()],
    [
      'in the middle of an answer',
      ({ socket }, response) => {
        response.writeHead(200, { 'content-length': 100 }).write('a', () => socket.destroy());
      },
    ],
    [
      'in the middle of a chunk',
      ({ socket }, response) => {
        response.writeHead(200).write('a', () => socket.resetAndDestroy());
      },
    ],
  ])('is told where the connection breaks %s', async (_, listener) => {
    const { facts, answer } = await getWithin({}, await serve(listener));
    expect(answer).toBeUndefined();
    expect(facts.failure).toMatchObject({ kind: 'unreachable' });
  });

  test('is told where the answer is not HTTP', async () => {
    const url = await serve(({ socket }) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'));
    const { facts } = await getWithin({}, url);
    expect(facts.failure).toMatchObject({ kind: 'unreachable' });
  });
});

describe('requests outside of the transport', () => {
  test('know no limits, though others at the same time do', async () => {
    const url = await serve((_, response) => {
      setTimeout(() => response.end('a'.repeat(5000)), 150);
    });
    const [within, outside] = await Promise.all([
      getWithin({ readTimeoutMs: 30, maxBodyBytes: 1000 }, url),
      get(url),
    ]);
    expect(within.facts.failure).toBeDefined();
    expect(outside).toEqual({ status: 200, body: 'a'.repeat(5000) });
  });

  test('that were begun before one within know no limits', async () => {
    const url = await serve((_, response) => {
      setTimeout(() => response.end('late'), 150);
    });
    const outside = get(url);
    await getWithin({ readTimeoutMs: 30 }, url);
    await expect(outside).resolves.toEqual({ status: 200, body: 'late' });
  });

  test('know no limits after one within', async () => {
    const url = await serve((_, response) => {
      setTimeout(() => response.end('late'), 60);
    });
    await getWithin({ readTimeoutMs: 30 }, url);
    await expect(get(url)).resolves.toEqual({ status: 200, body: 'late' });
  });

  test('keep the silence that their library allows', async () => {
    const url = await serve(() => undefined);
    await getWithin({ readTimeoutMs: 30 }, url);
    const request = http.request(url, { timeout: 30 });
    request.on('error', () => undefined).end();
    await once(request, 'timeout');
    request.destroy();
  });

  test('go through no proxy', async () => {
    const proxy = await ProxyServer.start({ hosts: {} });
    opened.push({ close: () => proxy.stop() });
    const environment = { HTTP_PROXY: `http://${proxy.host}`, NO_PROXY: '' };
    await withTransport({ ...generous, environment }, {}, () => Promise.resolve());
    const url = await serve((_, response) => response.end('straight'));
    await expect(get(url)).resolves.toMatchObject({ body: 'straight' });
    expect(proxy.connects).toEqual([]);
  });
});

describe('calls at the same time', () => {
  test('have each their own limits and facts', async () => {
    const url = await serve(({ url: path }, response) => {
      const status = Number(path?.slice(1));
      setTimeout(
        () => {
          response.writeHead(status, { 'retry-after': String(status - 400) }).end('a'.repeat(status));
        },
        (599 - status) / 4,
      );
    });
    const statuses = Array.from({ length: 20 }, (_, index) => 400 + index * 10);
    const results = await Promise.all(
      statuses.map((status) =>
        getWithin({ maxBodyBytes: status < 500 ? 499 : status - 1 }, `${url}${status}`),
      ),
    );
    for (const [index, { facts, answer }] of results.entries()) {
      const status = statuses[index] ?? 0;
      expect(facts).toMatchObject({ status, retryAfter: String(status - 400) });
      expect(answer?.body.length).toBe(status < 500 ? status : undefined);
      expect(facts.failure?.kind).toBe(status < 500 ? undefined : 'too-large');
    }
  });

  test('keep to the inner limits where one is within another', async () => {
    const url = await serve((_, response) => response.end('a'.repeat(2000)));
    const outer: TransportFacts = {};
    const inner: TransportFacts = {};
    await withTransport(generous, outer, async () => {
      const call = withTransport({ ...generous, maxBodyBytes: 1000 }, inner, () => get(url));
      await expect(call).rejects.toBeInstanceOf(TransportError);
      await get(url);
    });
    expect(inner.failure?.kind).toBe('too-large');
    expect(outer).toMatchObject({ status: 200 });
    expect(outer.failure).toBeUndefined();
  });

  test('answer what the call answers, and throw what it throws', async () => {
    await expect(withTransport(generous, {}, () => Promise.resolve(42))).resolves.toBe(42);
    const error = new Error('of the call');
    await expect(withTransport(generous, {}, () => Promise.reject(error))).rejects.toBe(error);
  });
});

describe('over TLS', () => {
  async function serveTls(
    subjectAltNames: string[],
  ): Promise<{ url: string; authority: CertificateAuthority }> {
    const authority = await CertificateAuthority.create({ name: 'transport-test CA' });
    const { certificatePem: cert, privateKeyPem: key } = await authority.issue({
      commonName: 'server',
      usage: 'server',
      subjectAltNames,
    });
    const loopback = new Loopback(
      createTlsServer({ cert, key }, (_, response) => response.end('a'.repeat(2000))),
    );
    await loopback.open();
    opened.push(loopback);
    return { url: `https://127.0.0.1:${loopback.port}/`, authority };
  }

  async function getTls(url: string, rules: Partial<TransportRules>): Promise<TransportFacts> {
    const facts: TransportFacts = {};
    await withTransport({ ...generous, ...rules }, facts, async () => {
      const request = https.request(url, { agent: false });
      request.end();
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      await text(response);
    }).catch(() => undefined);
    return facts;
  }

  test('a server of an authority that is not known is not trusted', async () => {
    const { url } = await serveTls(['127.0.0.1']);
    const facts = await getTls(url, {});
    expect(facts.failure).toMatchObject({ kind: 'untrusted' });
    expect(facts.failure?.message).toContain('NODE_EXTRA_CA_CERTS');
    expect(facts.status).toBeUndefined();
  });

  test('a server of an authority that the environment names is, within the limits', async () => {
    const { url, authority } = await serveTls(['127.0.0.1']);
    const directory = mkdtempSync(join(tmpdir(), 'kubectl-eck-'));
    try {
      const file = join(directory, 'authority.pem');
      writeFileSync(file, authority.certificatePem);
      const environment = { NODE_EXTRA_CA_CERTS: file };
      expect(await getTls(url, { environment })).toMatchObject({ status: 200 });
      expect(await getTls(url, { environment, maxBodyBytes: 1000 })).toMatchObject({
        failure: { kind: 'too-large' },
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('a server with a certificate for another host is not trusted, and it is said why', async () => {
    const { url, authority } = await serveTls(['another.example.com']);
    const directory = mkdtempSync(join(tmpdir(), 'kubectl-eck-'));
    try {
      const file = join(directory, 'authority.pem');
      writeFileSync(file, authority.certificatePem);
      const facts = await getTls(url, { environment: { SSL_CERT_FILE: file } });
      expect(facts.failure).toMatchObject({ kind: 'untrusted' });
      expect(facts.failure?.message).toContain('another host');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

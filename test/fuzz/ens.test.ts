import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { StaticAKCredentialsProvider } from '@alicloud/credentials';
import fc from 'fast-check';
import { callEns, type EnsClient } from '../../src/ens/client.js';
import { Credential } from '../../src/ens/providers.js';
import { readIssuedKubeconfig } from '../../src/kubeconfig/issued.js';
import { readSettings } from '../../src/settings.js';
import { FakeWorld } from '../exec-credential/fixtures.js';
import { Loopback } from '../support/loopback.js';
import { checkError, expectNoWarnings, holdsLater, outcomeOf, runs, Secrets } from './property.js';
import { anyText, anyValue, toJson, weighted, words } from './values.js';

const codes = [
  ...(['ens-unauthenticated', 'ens-not-allowed', 'ens-cluster-not-found', 'ens-clock-skew'] as const),
  ...(['ens-throttled', 'ens-unavailable', 'ens-answer-invalid', 'ens-refused'] as const),
];
const accessKeySecret = 'a-secret-that-is-never-shown';
const secrets = new Secrets();
secrets.add(accessKeySecret);
expectNoWarnings();

const apiCodes = weighted<unknown>(
  [2, words('InvalidAccessKeyId.NotFound SignatureDoesNotMatch Forbidden.RAM NoPermission Throttling.User')],
  [2, words('InvalidTimeStamp.Expired ServiceUnavailable InternalError InvalidClusterId ClusterNotFound')],
  [2, words('InvalidAction.NotFound constructor __proto__ . ... Forbidden\n forbidden 404')],
  [1, anyValue],
);
const fields = words('Code code Message message RequestId HostId Recommend statusCode data');
const errorBodies = fc
  .dictionary(fields, fc.oneof<fc.Arbitrary<unknown>[]>(apiCodes, anyText, anyValue), { maxKeys: 6 })
  .map(toJson);
const pieces = words('[ {"a": {"Code":[ " <html> \ufeff{} {"Config":"[[ {"__proto__":{"Code":1}}');
const bodies = weighted<string | Uint8Array>(
  [5, errorBodies],
  [2, anyValue.map((Config) => toJson({ Config, RequestId: 'x' }))],
  [1, anyValue.map(toJson)],
  [1, anyText],
  [1, fc.uint8Array({ maxLength: 60 })],
  [1, fc.tuple(pieces, fc.nat(200)).map(([piece, times]) => piece.repeat(times))],
  [2, fc.tuple(errorBodies, fc.nat(200)).map(([body, length]) => body.slice(0, length))],
);

const statuses = weighted(
  [4, fc.constantFrom(200, 200, 200, 400, 403, 404, 429, 500, 503)],
  [1, fc.constantFrom(100, 101, 103, 204, 206, 301, 302, 304, 407, 599, 600, 999, 0, 1)],
  [1, fc.integer({ min: 200, max: 599 })],
);
const dates = fc.oneof(
  fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
  fc.constantFrom('', '9'.repeat(30), 'Thu, 01 Jan 1970 00:00:00 GMT', 'Wed, 21 Oct 2099 07:28:00 GMT'),
);
const seconds = words('0 1 -1 1.5 999999999 9999999999 1e3 NaN Infinity 0x10 ٣ x');
const texts = fc.oneof(dates, fc.string({ maxLength: 20 }), fc.constantFrom('\x01', 'é', 'a\tb'));
const header = (name: string, value: fc.Arbitrary<string>) => value.map((text) => `${name}: ${text}\r\n`);
const headers = fc.oneof(
  header('Date', dates),
  header('Retry-After', fc.oneof(dates, seconds)),
  header('Content-Encoding', words('gzip br x')),
  fc.constantFrom('Connection: close\r\n', 'Upgrade: x\r\n', 'no colon\r\n'),
  header('__proto__', texts),
);
/** The end of the header, for a body's length. */
const framings = weighted<(length: number) => string>(
  [12, fc.constant((length) => `Content-Length: ${length}\r\n\r\n`)],
  [1, fc.integer({ min: -3, max: 9 }).map((n) => (length) => `Content-Length: ${length + n}\r\n\r\n`)],
  [1, fc.constant((length) => `Transfer-Encoding: chunked\r\n\r\n${length.toString(16)}\r\n`)],
  [1, fc.constantFrom('', 'Transfer-Encoding: chunked\r\n\r\nzz').map((head) => () => `${head}\r\n`)],
);
const answers = fc
  .record({
    start: weighted([30, words('HTTP/1.1 HTTP/1.1 HTTP/1.0')], [1, words('HTTP/2.0 SSH-2.0  \x16\x03\x01')]),
    status: statuses,
    lines: fc.array(headers, { maxLength: 4 }),
    framing: framings,
    // Some are too large.
    body: fc.oneof(weighted([500, bodies], [1, fc.constant(' '.repeat(1_200_000))]), bodies),
    // What follows the body ends a chunked one.
    end: words('\r\n0\r\n\r\n '),
    cut: weighted([20, fc.constant(Infinity)], [1, fc.nat(300)]),
  })
  .map(({ start, status, lines, framing, body, end, cut }) => {
    const bytes = Buffer.from(body);
    const head = `${start} ${status} Status\r\n${lines.join('')}${framing(bytes.length)}`;
    return Buffer.concat([Buffer.from(head), bytes, Buffer.from(end)]).subarray(0, cut);
  });

let answer: Uint8Array;
const server = new Loopback(
  createServer((socket) => {
    let received = '';
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      if (received.includes('\r\n\r\n')) socket.end(answer);
    });
  }),
);
beforeAll(() => server.open());
afterAll(() => server.close());

function giveUp(error: Error): never {
  throw error;
}

test('any answer of ENS is an object, or an error of ours', async () => {
  const world = new FakeWorld({}, '/dev/null/home');
  const provider = StaticAKCredentialsProvider.builder()
    .withAccessKeyId('LTAIfuzz')
    .withAccessKeySecret(accessKeySecret)
    .build();
  const client: EnsClient = {
    signer: { credential: new Credential(null, provider), description: 'the AccessKey LTAIfuzz' },
    endpoint: { kind: 'address', address: `http://${server.host}` },
    settings: readSettings({ timeout: '3s' }, {}),
  };
  const clusterId = 'eck-0123abcd';
  const call = { action: 'DescribeClusterUserKubeconfig', query: { ClusterId: clusterId }, clusterId };
  const outcomes = { answered: 0, refused: 0 };
  await holdsLater(answers, async (one) => {
    answer = one;
    const body = await callEns(client, call, world, { onRetry: giveUp }).catch((error: unknown) => {
      const { message } = checkError(error, codes, secrets);
      if (message.includes('[object')) throw new Error(`says nothing: ${message}`);
      outcomes.refused += 1;
    });
    if (body === undefined) return;
    if (typeof body !== 'object' || Array.isArray(body)) throw new Error('not an object');
    outcomes.answered += 1;
    const read = () => readIssuedKubeconfig(body['Config'], clusterId, new Date());
    outcomeOf(['issued-kubeconfig-invalid'], read, secrets);
  });
  expect(Math.min(outcomes.answered, outcomes.refused)).toBeGreaterThan(runs / 50);
});

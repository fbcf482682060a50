import { createServer, type RequestListener } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { callOnce, type EnsAnswer, type EnsCall, type CallTarget } from '../../src/ens/client.js';
import type { EnsError } from '../../src/ens/errors.js';
import { type FaultClass } from '../../src/ens/errors.js';
import { signIn } from '../../src/ens/sign-in.js';
import { EckError } from '../../src/errors.js';
import { parseEndpoint, resolveEndpoint } from '../../src/endpoint.js';
import { CertificateAuthority } from '../support/certificate-authority.js';
import type { EnsIdentity } from '../support/ens-account.js';
import { ensErrors, type EnsErrorClass } from '../support/ens-errors.js';
import { apiError, type EnsFault } from '../support/ens-faults.js';
import { EnsServer } from '../support/ens-server.js';
import { Loopback } from '../support/loopback.js';
import { settings, TemporaryHome } from './fixtures.js';

const alice: EnsIdentity = { name: 'alice', accessKeyId: 'LTAI5tAlice', accessKeySecret: 'hunter2hunter2' };
const temporary: EnsIdentity = {
  name: 'temporary',
  accessKeyId: 'STS.temporary',
  accessKeySecret: 'hunter3hunter3',
  securityToken: 'hunter4hunter4',
};
const stranger: EnsIdentity = { ...alice, accessKeyId: 'LTAI5tStranger' };

let authority: CertificateAuthority;
let ens: EnsServer;
let home: TemporaryHome;
let others: Loopback[];

beforeAll(async () => {
  authority = await CertificateAuthority.create({ name: 'call-test' });
});
beforeEach(async () => {
  ens = await EnsServer.start({
    identities: [alice, temporary],
    clusters: [{ clusterId: 'eck-1', authority, server: 'https://192.0.2.1:6443' }],
  });
  home = new TemporaryHome();
  others = [];
});
afterEach(async () => {
  home.dispose();
  await ens.stop();
  for (const other of others) await other.close();
});

const kubeconfigCall: EnsCall = {
  action: 'DescribeClusterUserKubeconfig',
  query: { ClusterId: 'eck-1', PrivateIpAddress: 'false' },
  clusterId: 'eck-1',
};

interface Circumstances extends Partial<EnsCall> {
  readonly as?: EnsIdentity;
  readonly endpoint?: string;
  readonly readTimeoutMs?: number;
  readonly totalMs?: number;
}

async function call(circumstances: Circumstances = {}): Promise<EnsAnswer> {
  const { as = alice, endpoint = ens.endpoint, readTimeoutMs = 10_000, totalMs, ...changes } = circumstances;
  home.useEnvironment({
    ALIBABA_CLOUD_ACCESS_KEY_ID: as.accessKeyId,
    ALIBABA_CLOUD_ACCESS_KEY_SECRET: as.accessKeySecret,
    ...(as.securityToken === undefined ? {} : { ALIBABA_CLOUD_SECURITY_TOKEN: as.securityToken }),
  });
  const client: CallTarget = {
    signer: await signIn(settings(), home.world),
    endpoint: resolveEndpoint(parseEndpoint(endpoint)),
    settings: { connectTimeoutMs: 5000, readTimeoutMs },
    ...(totalMs === undefined ? {} : { totalMs }),
  };
  return callOnce(client, { ...kubeconfigCall, ...changes }, home.world);
}

/** Expects a call to fail, and not to tell a secret. */
async function failure(circumstances: Circumstances = {}): Promise<EnsError> {
  const error: unknown = await call(circumstances).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(EckError);
  expect((error as EckError).message).not.toMatch(/hunter\d/);
  expect((error as EckError).cause).toBeUndefined();
  return error as EnsError;
}

/** An endpoint that is not ENS. */
async function serve(listener: RequestListener): Promise<string> {
  const loopback = new Loopback(createServer(listener));
  await loopback.open();
  others.push(loopback);
  return `http://127.0.0.1:${loopback.port}`;
}

describe('a call', () => {
  test('is answered with the fields of the answer', async () => {
    const answer = await call();
    expect(answer).toMatchObject({ RequestId: expect.any(String), Config: expect.any(String) });
    expect(parse(String(answer['Config']))).toMatchObject({ kind: 'Config' });
  });

  test('is signed with the identity, of one action, with these parameters, and made once', async () => {
    await call({ query: { ClusterId: 'eck-1', PrivateIpAddress: 'true' } });
    expect(ens.log).toMatchObject([
      {
        action: 'DescribeClusterUserKubeconfig',
        accessKeyId: 'LTAI5tAlice',
        params: { ClusterId: 'eck-1', PrivateIpAddress: 'true' },
        outcome: 'answered',
      },
    ]);
  });

  test('is signed with a temporary identity and its token', async () => {
    await expect(call({ as: temporary })).resolves.toHaveProperty('Config');
    expect(ens.log).toMatchObject([{ accessKeyId: 'STS.temporary', outcome: 'answered' }]);
  });

  test.each([
    ['another action', { action: 'DescribeClustersV1', query: {} }, 'Clusters'],
    ['a cluster alone', { action: 'DescribeClusterDetail', query: { ClusterId: 'eck-1' } }, 'State'],
  ])('can be of %s', async (_, changes, field) => {
    await expect(call(changes)).resolves.toHaveProperty(field);
  });

  test.each(['eck 1', 'eck/1?&=+%', '集群', "eck!'()*"])('can have any parameter, such as %s', async (id) => {
    const error = await failure({ query: { ClusterId: id } });
    expect(ens.log).toMatchObject([{ params: { ClusterId: id }, outcome: 'InvalidClusterId.NotFound' }]);
    expect(error.code).toBe('ens-cluster-not-found');
  });
});

const classes: Record<EnsErrorClass, FaultClass> = {
  'who-are-you': 'ens-unauthenticated',
  'not-allowed': 'ens-not-allowed',
  'no-such-cluster': 'ens-cluster-not-found',
  clock: 'ens-clock-skew',
  'slow-down': 'ens-throttled',
  'try-again': 'ens-unavailable',
  other: 'ens-refused',
};

describe('a refusal', () => {
  const refusals = Object.entries(ensErrors).map(
    ([apiCode, { class: errorClass, message }]) => [apiCode, classes[errorClass], message] as const,
  );
  test.each(refusals)('with %s is %s, and told in the words of the API', async (apiCode, code, message) => {
    ens.failNext(1, apiError(apiCode));
    const error = await failure();
    expect(error).toMatchObject({ code });
    expect(error.message).toContain(`${apiCode}: ${message}`);
    expect(error.message).toMatch(/RequestId [0-9A-F-]{36}/);
    expect(ens.calls()).toBe(1);
  });

  test('of an unknown AccessKey names the identity and where it was asked', async () => {
    const error = await failure({ as: stranger });
    expect(error.code).toBe('ens-unauthenticated');
    expect(error.message).toContain('the AccessKey LTAI5tStranger of the environment');
    expect(error.message).toContain(new URL(ens.endpoint).host);
  });

  test('of a wrong secret does not tell it', async () => {
    const error = await failure({ as: { ...alice, accessKeySecret: 'hunter5hunter5' } });
    expect(error).toMatchObject({ code: 'ens-unauthenticated' });
    expect(error.message).toContain('SignatureDoesNotMatch');
  });

  test.each(['DescribeClusterUserKubeconfig', 'DescribeClustersV1'])(
    'for want of a permission names the RAM action ens:%s',
    async (action) => {
      ens.putIdentity({ ...alice, allowedActions: ['DescribeClusterDetail'] });
      const error = await failure({ action });
      expect(error.code).toBe('ens-not-allowed');
      expect(error.message).toContain(`ens:${action}`);
    },
  );

  test('of a cluster that is not there names it', async () => {
    const error = await failure({ query: { ClusterId: 'eck-2' }, clusterId: 'eck-2' });
    expect(error.code).toBe('ens-cluster-not-found');
    expect(error.message).toContain('eck-2');
  });

  test.each([
    [20 * 60_000, /20 min behind/],
    [-40 * 60_000, /40 min ahead/],
  ])('because the clock of ENS is %i ms ahead tells by how much', async (offsetMs, expected) => {
    ens.clockOffsetMs = offsetMs;
    const error = await failure();
    expect(error.code).toBe('ens-clock-skew');
    expect(error.message).toMatch(expected);
  });

  test.each([
    ['7', 7000],
    [undefined, undefined],
    ['soon', undefined],
  ])('with Retry-After %j wants to be left alone for %j ms', async (retryAfter, retryAfterMs) => {
    ens.failNext(1, apiError('Throttling', retryAfter === undefined ? {} : { retryAfter }));
    await expect(failure()).resolves.toMatchObject({ code: 'ens-throttled', retryAfterMs });
  });

  test('is told without control characters, and not at any length', async () => {
    ens.failNext(1, apiError('Odd\u001b[2J', { message: `\u001b[31m\n\u202e${'x'.repeat(100_000)}` }));
    const { message } = await failure();
    // eslint-disable-next-line no-control-regex
    expect(message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
    expect(message.length).toBeLessThan(1000);
  });

  test.each([
    [403, '<p>Forbidden by the firewall</p>', 'ens-unavailable'],
    [404, 'not found', 'ens-unavailable'],
    [429, 'slow down', 'ens-throttled'],
    [400, '{}', 'ens-unavailable'],
    [403, '{"Code":403,"Message":["no"]}', 'ens-unavailable'],
    [502, '<p>Bad Gateway</p>', 'ens-unavailable'],
    [503, '', 'ens-unavailable'],
    [500, 'null', 'ens-unavailable'],
  ])('with HTTP %i by something else than ENS, %j, is %s', async (status, body, code) => {
    const endpoint = await serve((_, response) => response.writeHead(status).end(body));
    await expect(failure({ endpoint })).resolves.toMatchObject({ code });
  });
});

describe('an answer that is none', () => {
  const faults: readonly [EnsFault, FaultClass, RegExp][] = [
    [{ kind: 'hang' }, 'ens-unavailable', /did not answer within 0\.3 s/],
    [{ kind: 'slow', delayMs: 10_000 }, 'ens-unavailable', /did not answer within 0\.3 s/],
    [{ kind: 'reset' }, 'ens-unavailable', /the connection broke/],
    [{ kind: 'reset-mid-body' }, 'ens-unavailable', /127\.0\.0\.1/],
    [{ kind: 'garbage' }, 'ens-unavailable', /not JSON/],
    [{ kind: 'truncated-json' }, 'ens-unavailable', /not JSON/],
    [{ kind: 'html-502' }, 'ens-unavailable', /502/],
    [{ kind: 'empty' }, 'ens-unavailable', /JSON/],
    [{ kind: 'huge', mebibytes: 3 }, 'ens-answer-invalid', /larger than 1024 KiB/],
  ];
  test.each(faults)('%j is %s', async (fault, code, expected) => {
    ens.failNext(1, fault);
    const isSlow = fault.kind === 'hang' || fault.kind === 'slow';
    const error = await failure(isSlow ? { readTimeoutMs: 300 } : {});
    expect(error).toMatchObject({ code });
    expect(error.message).toMatch(expected);
    expect(error.message).toContain(new URL(ens.endpoint).host);
  });

  test('a call ends with the time for all of it, though its parts have more', async () => {
    ens.failNext(1, { kind: 'hang' });
    const error = await failure({ totalMs: 200 });
    expect(error).toMatchObject({ code: 'ens-unavailable' });
    expect(error.message).toContain('within 0.2 s');
  });

  test('a server that is not there is told', async () => {
    await ens.stop();
    const error = await failure();
    expect(error).toMatchObject({ code: 'ens-unavailable' });
    expect(error.message).toContain('the connection is refused');
  });

  test.each(['[]', '"text"', '42', 'null', 'true', '[{"Config":"x"}]'])(
    'JSON that is no object: %s',
    async (body) => {
      const endpoint = await serve((_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).end(body);
      });
      await expect(failure({ endpoint })).resolves.toMatchObject({ code: 'ens-unavailable' });
    },
  );

  test('a small answer that unpacks to a large one is not unpacked', async () => {
    const bomb = gzipSync(`{"Config":"${'a'.repeat(50 * 1024 * 1024)}"}`);
    const endpoint = await serve((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    });
    await expect(failure({ endpoint })).resolves.toMatchObject({ code: 'ens-unavailable' });
  });

  test('a redirection, which is not followed', async () => {
    let visited = 0;
    const elsewhere = await serve((_, response) => {
      visited += 1;
      response.end('{}');
    });
    const endpoint = await serve((_, response) => response.writeHead(302, { location: elsewhere }).end());
    await expect(failure({ endpoint })).resolves.toMatchObject({ code: 'ens-unavailable' });
    expect(visited).toBe(0);
  });
});

describe('calls at the same time', () => {
  test('do not mix up their answers', async () => {
    const endpoint = await serve(({ headers }, response) => {
      const action = String(headers['x-acs-action']);
      const status = Number(action.slice(-3));
      setTimeout(() => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ Code: `Odd${status}`, Message: action, RequestId: action }));
      }, 600 - status);
    });
    const statuses = [400, 403, 404, 429, 500, 503, 405, 409];
    const errors = await Promise.all(
      statuses.map((status) => failure({ endpoint, action: `Action${status}` })),
    );
    const expected: Record<number, FaultClass> = {
      403: 'ens-not-allowed',
      404: 'ens-cluster-not-found',
      429: 'ens-throttled',
      500: 'ens-unavailable',
      503: 'ens-unavailable',
    };
    for (const [index, status] of statuses.entries()) {
      expect(errors[index]).toMatchObject({ code: expected[status] ?? 'ens-refused' });
      expect(errors[index]?.message).toContain(`RequestId Action${status}`);
    }
  });
});

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import * as openApi from '@alicloud/openapi-client';
import { RuntimeOptions } from '@alicloud/tea-util';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { acs3Signature } from './acs3.js';
import { CertificateAuthority } from './certificate-authority.js';
import type { EnsAction, EnsCluster, EnsIdentity } from './ens-account.js';
import { ensErrors } from './ens-errors.js';
import { apiError, type EnsFault } from './ens-faults.js';
import { EnsServer } from './ens-server.js';
import type { Kubeconfig } from './issued-kubeconfig.js';

const alice: EnsIdentity = { name: 'alice', accessKeyId: 'ak-alice', accessKeySecret: 'secret of alice' };
const lister: EnsIdentity = {
  name: 'lister',
  accessKeyId: 'ak-lister',
  accessKeySecret: 'secret of lister',
  allowedActions: ['DescribeClustersV1'],
};
const role: EnsIdentity = {
  name: 'role',
  accessKeyId: 'sts-role',
  accessKeySecret: 'secret of role',
  securityToken: 'token of role',
  groups: ['viewers', 'auditors'],
};

let authority: CertificateAuthority;
let first: EnsCluster;
let second: EnsCluster;
let ens: EnsServer;

beforeAll(async () => {
  authority = await CertificateAuthority.create({ name: 'eck-1' });
  first = {
    clusterId: 'eck-1',
    authority,
    server: 'https://192.0.2.1:6443',
    privateServer: 'https://10.0.0.1:6443',
  };
  second = {
    clusterId: 'eck-2',
    authority,
    server: 'https://192.0.2.2:6443',
    name: 'second',
    region: 'cn-fuzhou-23',
    kubernetesVersion: '1.32.1-aliyunedge.1',
    publicAccess: false,
    state: 'scaling',
  };
});

beforeEach(async () => {
  ens = await EnsServer.start({ identities: [alice, lister, role], clusters: [first, second] });
});

afterEach(async () => {
  await ens.stop();
});

describe('to the official client', () => {
  test('hands out a kubeconfig whose certificate the cluster trusts', async () => {
    const { body, headers, statusCode } = await call('DescribeClusterUserKubeconfig', { ClusterId: 'eck-1' });
    const { user, cluster, kubeconfig } = read(body['Config']);
    const certificate = new X509Certificate(user.certificate);

    expect(statusCode).toBe(200);
    expect(Object.keys(body).sort()).toEqual(['Config', 'RequestId']);
    expect(body['RequestId']).toMatch(/^[0-9A-F-]{36}$/);
    expect(Math.abs(Date.parse(headers['date'] ?? '') - Date.now())).toBeLessThan(5_000);

    expect(kubeconfig['current-context']).toBe('eck-1');
    expect(cluster.server).toBe('https://192.0.2.1:6443');
    expect(cluster.authority).toBe(authority.certificatePem);
    expect(certificate.subject).toBe('O=system:masters\nCN=alice');
    expect(certificate.verify(new X509Certificate(authority.certificatePem).publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(user.privateKey))).toBe(true);
    expect(ens.issued).toMatchObject([
      { clusterId: 'eck-1', accessKeyId: 'ak-alice', serialNumber: certificate.serialNumber },
    ]);
  });

  test('chooses the address by PrivateIpAddress', async () => {
    const serverFor = async (ClusterId: string, PrivateIpAddress: string): Promise<string> => {
      const { body } = await call('DescribeClusterUserKubeconfig', { ClusterId, PrivateIpAddress });
      return read(body['Config']).cluster.server;
    };
    expect(await serverFor('eck-1', 'true')).toBe('https://10.0.0.1:6443');
    expect(await serverFor('eck-1', 'false')).toBe('https://192.0.2.1:6443');
    expect(await serverFor('eck-2', 'true')).toBe('https://192.0.2.2:6443');
    await expect(serverFor('eck-2', 'maybe')).rejects.toMatchObject({
      code: 'InvalidParameter.PrivateIpAddress',
    });
  });

  test('issues another key at every call, and remembers all of them', async () => {
    await call('DescribeClusterUserKubeconfig', { ClusterId: 'eck-1' });
    await call('DescribeClusterUserKubeconfig', { ClusterId: 'eck-1' });
    const { body } = await call('DescribeClustersV1');
    const [listed] = body['Clusters'] as { Config: unknown }[];

    expect(new Set(ens.issuedKeys).size).toBe(4);
    expect(ens.issued.map(({ privateKeyPem }) => privateKeyPem)).toEqual(ens.issuedKeys.slice(0, 2));
    expect(ens.issuedKeys.slice(2)).toContain(read(listed?.Config).user.privateKey);
  });

  test('lists clusters with the secrets that the real one gives away', async () => {
    const { body } = await call('DescribeClustersV1', {}, lister);
    const clusters = body['Clusters'] as Record<string, unknown>[];

    expect(clusters).toHaveLength(2);
    expect(clusters[1]).toMatchObject({
      ClusterId: 'eck-2',
      Name: 'second',
      EnsRegionId: 'cn-fuzhou-23',
      KubernetesVersion: '1.32.1-aliyunedge.1',
      PublicAccess: false,
      ControlPlaneConfig: { Size: 3 },
    });
    expect(clusters[0]).toMatchObject({ ClusterId: 'eck-1', Name: 'eck-1', PublicAccess: true });
    expect(clusters.map((cluster) => cluster['JoinToken'])).toEqual(ens.joinTokens);
    expect(clusters[0]).not.toHaveProperty('State');
    expect(typeof clusters[0]?.['Config']).toBe('object');
    expect(read(clusters[0]?.['Config']).cluster.server).toBe('https://192.0.2.1:6443');
  });

  test.each([
    [{ ClusterId: 'eck-2' }, ['eck-2']],
    [{ Name: 'second' }, ['eck-2']],
    [{ Name: 'second', EnsRegionId: 'cn-hangzhou-58' }, []],
    [{ EnsRegionId: 'cn-hangzhou-58' }, ['eck-1']],
    [{ Name: 'nothing' }, []],
  ])('filters the list by %j', async (filters, expected) => {
    const { body } = await call('DescribeClustersV1', filters);
    expect((body['Clusters'] as { ClusterId: string }[]).map(({ ClusterId }) => ClusterId)).toEqual(expected);
  });

  test('describes one cluster, and its state', async () => {
    const { body } = await call('DescribeClusterDetail', { ClusterId: 'eck-2' });
    expect(body).toMatchObject({ ClusterId: 'eck-2', State: 'scaling', JoinToken: ens.joinTokens[1] });
    expect(typeof body['Config']).toBe('string');
  });

  test('issues to the groups of a role that signs with its token', async () => {
    await call('DescribeClusterUserKubeconfig', { ClusterId: 'eck-1' }, role);
    const [issued] = ens.issued;
    expect(new X509Certificate(issued?.certificatePem ?? '').subject).toBe('O=viewers\nO=auditors\nCN=role');
  });

  test.each<[string, EnsAction, Record<string, string>, EnsIdentity, string, number]>([
    [
      'a wrong secret',
      'DescribeClustersV1',
      {},
      { ...alice, accessKeySecret: 'guess' },
      'SignatureDoesNotMatch',
      400,
    ],
    [
      'an unknown AccessKey',
      'DescribeClustersV1',
      {},
      { ...alice, accessKeyId: 'x' },
      'InvalidAccessKeyId.NotFound',
      404,
    ],
    [
      'a role with another token',
      'DescribeClustersV1',
      {},
      { ...role, securityToken: 'x' },
      'InvalidSecurityToken.Malformed',
      400,
    ],
    [
      'a role without its token',
      'DescribeClustersV1',
      {},
      { name: role.name, accessKeyId: role.accessKeyId, accessKeySecret: role.accessKeySecret },
      'MissingSecurityToken',
      400,
    ],
    [
      'what RAM does not allow',
      'DescribeClusterUserKubeconfig',
      { ClusterId: 'eck-1' },
      lister,
      'Forbidden.RAM',
      403,
    ],
    [
      'an unknown cluster',
      'DescribeClusterUserKubeconfig',
      { ClusterId: 'eck-9' },
      alice,
      'InvalidClusterId.NotFound',
      404,
    ],
    ['no cluster', 'DescribeClusterUserKubeconfig', {}, alice, 'MissingClusterId', 400],
    ['no cluster to describe', 'DescribeClusterDetail', {}, alice, 'MissingClusterId', 400],
  ])('refuses %s', async (_what, action, params, identity, code, statusCode) => {
    await expect(call(action, params, identity)).rejects.toMatchObject({
      code,
      data: { Code: code, statusCode, HostId: 'ens.aliyuncs.com' },
    });
    expect(ens.log).toMatchObject([{ action, accessKeyId: identity.accessKeyId, outcome: code }]);
    expect(ens.issued).toEqual([]);
  });

  test('takes back what it once allowed', async () => {
    await call('DescribeClusterUserKubeconfig', { ClusterId: 'eck-1' });
    const again = (): Promise<unknown> => call('DescribeClusterUserKubeconfig', { ClusterId: 'eck-1' });

    ens.putIdentity({ ...alice, allowedActions: [] });
    await expect(again()).rejects.toMatchObject({ code: 'Forbidden.RAM' });
    ens.putIdentity({ ...alice, disabled: true });
    await expect(again()).rejects.toMatchObject({ code: 'InvalidAccessKeyId.Inactive' });
    ens.removeIdentity('ak-alice');
    await expect(again()).rejects.toMatchObject({ code: 'InvalidAccessKeyId.NotFound' });
    ens.putIdentity(alice);
    ens.removeCluster('eck-1');
    await expect(again()).rejects.toMatchObject({ code: 'InvalidClusterId.NotFound' });
    ens.putCluster(first);
    await expect(again()).resolves.toBeDefined();
  });
});

describe('what it issues', () => {
  const issue = async (): Promise<unknown> =>
    (await call('DescribeClusterUserKubeconfig', { ClusterId: 'eck-1' })).body['Config'];

  test('is a YAML text, or a JSON object', async () => {
    expect(typeof (await issue())).toBe('string');
    ens.issuing = { form: 'json' };
    expect(typeof (await issue())).toBe('object');
  });

  test('names things as told', async () => {
    ens.issuing = { contextName: 'eck-xxxxx', currentContext: 'eck-xxxx', userName: 4711 };
    expect(parse((await issue()) as string)).toMatchObject({
      users: [{ name: 4711 }],
      contexts: [{ name: 'eck-xxxxx', context: { cluster: 'kubernetes', user: 4711 } }],
      'current-context': 'eck-xxxx',
    });
  });

  test('has the key, the encoding, the chain and the lifetime that were chosen', async () => {
    ens.issuing = {
      key: 'rsa-2048',
      encoding: 'pkcs1',
      chainLength: 3,
      lifetimeMs: 3_600_000,
      backdatingMs: 0,
    };
    const { user } = read(await issue());
    const certificate = new X509Certificate(user.certificate);

    expect(user.privateKey).toMatch(/^-----BEGIN RSA PRIVATE KEY-----\n/);
    expect(user.certificate.match(/BEGIN CERTIFICATE/g)).toHaveLength(3);
    expect(Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)).toBe(3_600_000);
  });

  test('can be edited before it is handed out', async () => {
    ens.issuing = { edit: (kubeconfig) => ({ ...kubeconfig, users: [] }) };
    expect(parse((await issue()) as string)).toMatchObject({ kind: 'Config', users: [] });
  });
});

describe('without a client library', () => {
  test('answers a request that is signed as described, once', async () => {
    const request = signed('DescribeClustersV1');
    expect((await fetch(ens.endpoint, request)).status).toBe(200);
    const replay = await fetch(ens.endpoint, request);
    expect(replay.status).toBe(400);
    expect(await replay.json()).toMatchObject({ Code: 'SignatureNonceUsed' });
  });

  test('refuses an altered query', async () => {
    const answer = await fetch(`${ens.endpoint}/?Name=second`, signed('DescribeClustersV1'));
    expect(await answer.json()).toMatchObject({ Code: 'SignatureDoesNotMatch' });
  });

  test.each([
    ['another version', '/', { 'x-acs-version': '2015-12-15' }, 'POST', 'InvalidVersion'],
    ['another action', '/', { 'x-acs-action': 'DeleteCluster' }, 'POST', 'InvalidAction.NotFound'],
    ['another path', '/clusters', {}, 'POST', 'InvalidAction.NotFound'],
    ['another method', '/', {}, 'GET', 'UnsupportedHTTPMethod'],
    ['no signature', '/', {}, 'POST', 'IncompleteSignature'],
  ])('refuses %s', async (_what, path, headers, method, code) => {
    const answer = await fetch(`${ens.endpoint}${path}`, {
      method,
      headers: { 'x-acs-action': 'DescribeClustersV1', 'x-acs-version': '2017-11-10', ...headers },
    });
    expect(await answer.json()).toMatchObject({ Code: code });
  });
});

describe('its clock', () => {
  test('decides what is too old, and shows in the answer', async () => {
    ens.clockOffsetMs = 20 * 60_000;
    const answer = await fetch(ens.endpoint, signed('DescribeClustersV1'));
    const serverTime = Date.parse(answer.headers.get('date') ?? '');

    expect(await answer.json()).toMatchObject({ Code: 'InvalidTimeStamp.Expired' });
    expect(Math.abs(serverTime - Date.now() - ens.clockOffsetMs)).toBeLessThan(5_000);
  });

  test('makes every answer take as long as told', async () => {
    ens.latencyMs = 60;
    const before = performance.now();
    await call('DescribeClustersV1');
    expect(performance.now() - before).toBeGreaterThanOrEqual(55);
  });
});

describe('the rate limit', () => {
  test('is one of each identity', async () => {
    ens.callsPerSecond = 2;
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => call('DescribeClustersV1')));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'Throttling.User' },
    });
    await expect(call('DescribeClustersV1', {}, lister)).resolves.toBeDefined();
  });
});

describe('a fault', () => {
  const send = (): Promise<Response> => fetch(ens.endpoint, signed('DescribeClustersV1'));

  test.each(Object.entries(ensErrors))('can be the error %s', async (code, { status, message }) => {
    ens.failNext(1, apiError(code));
    const answer = await send();

    expect(answer.status).toBe(status);
    expect(answer.headers.has('date')).toBe(true);
    expect(answer.headers.has('retry-after')).toBe(false);
    expect(await answer.json()).toEqual({
      Code: code,
      Message: message,
      RequestId: expect.stringMatching(/^[0-9A-F-]{36}$/),
      HostId: 'ens.aliyuncs.com',
      Recommend: expect.stringContaining('https://api.aliyun.com/'),
    });
  });

  test('can be any other error', async () => {
    ens.failNext(1, apiError('Odd.Code', { status: 418, message: 'odd', retryAfter: '7' }));
    const answer = await send();
    expect(answer.status).toBe(418);
    expect(answer.headers.get('retry-after')).toBe('7');
    expect(await answer.json()).toMatchObject({ Code: 'Odd.Code', Message: 'odd' });
  });

  test.each<[EnsFault, number, RegExp]>([
    [{ kind: 'garbage' }, 200, /^<<</],
    [{ kind: 'html-502' }, 502, /^<html>/],
    [{ kind: 'empty' }, 200, /^$/],
    [{ kind: 'truncated-json' }, 200, /^\{"RequestId":.*Con$/],
  ])('can be an answer that is not JSON: %j', async (fault, status, text) => {
    ens.failNext(1, fault);
    const answer = await send();
    const body = await answer.text();
    expect(answer.status).toBe(status);
    expect(answer.headers.has('date')).toBe(true);
    expect(body).toMatch(text);
    expect(() => JSON.parse(body) as unknown).toThrow(SyntaxError);
  });

  test('can break the connection before the answer', async () => {
    ens.failNext(1, { kind: 'reset' });
    await expect(send()).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });
  });

  test('can break the connection in the middle of the answer', async () => {
    ens.failNext(1, { kind: 'reset-mid-body' });
    // The half that was sent may or may not arrive before the news that the connection is gone.
    const answer = send().then((response) => response.text());
    await expect(answer).rejects.toMatchObject({ name: 'TypeError' });
    expect(ens.log).toMatchObject([{ outcome: 'reset-mid-body' }]);
  });

  test('can be an answer that is far too large', async () => {
    ens.failNext(1, { kind: 'huge', mebibytes: 3 });
    expect((await (await send()).arrayBuffer()).byteLength).toBeGreaterThan(3 * 1024 * 1024);
  });

  test('stops sending when the client has had enough', async () => {
    ens.failNext(1, { kind: 'huge', mebibytes: 1_000_000 });
    const answer = await send();
    await answer.body?.cancel();
    await expect(call('DescribeClustersV1')).resolves.toBeDefined();
  });

  test('can be no answer at all', async () => {
    ens.failNext(1, { kind: 'hang' });
    const hungUp = new AbortController();
    const unanswered = fetch(ens.endpoint, { ...signed('DescribeClustersV1'), signal: hungUp.signal });
    await ens.waitForCalls(1);
    await call('DescribeClustersV1');
    hungUp.abort();

    await expect(unanswered).rejects.toThrow('aborted');
    expect(ens.log.map(({ outcome }) => outcome)).toEqual(['hang', 'answered']);
  });

  test('can be a slow answer', async () => {
    ens.failNext(1, { kind: 'slow', delayMs: 60 });
    const before = performance.now();
    expect((await send()).status).toBe(200);
    expect(performance.now() - before).toBeGreaterThanOrEqual(55);
    expect(ens.log).toMatchObject([{ outcome: 'slow' }]);
  });

  test.each([
    ['missing', undefined],
    ['null', null],
    ['empty', ''],
    ['not YAML', '{['],
    ['a list', [1, 2]],
    ['2 MiB', 'a'.repeat(2 * 1024 * 1024)],
  ])('can be a Config that is %s', async (_what, value) => {
    ens.failNext(1, { kind: 'config', value });
    const { body } = await call('DescribeClusterUserKubeconfig', { ClusterId: 'eck-1' });
    expect('Config' in body).toBe(value !== undefined);
    expect(body['Config']).toEqual(value);
  });

  test('is played as often as planned, in the order of the plans, for the action that was meant', async () => {
    ens.failNext(2, apiError('Throttling'));
    ens.failNext(1, apiError('InternalError'));
    ens.failNext(1, apiError('Forbidden'), { action: 'DescribeClusterDetail' });
    for (let count = 0; count < 4; count += 1) await send();
    await fetch(ens.endpoint, signed('DescribeClusterDetail'));

    expect(ens.log.map(({ outcome }) => outcome)).toEqual([
      'Throttling',
      'Throttling',
      'InternalError',
      'answered',
      'Forbidden',
    ]);
    expect(ens.calls()).toBe(5);
    expect(ens.calls('DescribeClustersV1')).toBe(4);
  });

  test('goes on until it is called off', async () => {
    ens.failNext('always', apiError('ServiceUnavailable'));
    expect((await send()).status).toBe(503);
    expect((await send()).status).toBe(503);
    ens.recover();
    expect((await send()).status).toBe(200);
  });
});

describe('an outage', () => {
  test('refuses connections, and ends where it began', async () => {
    const { endpoint } = ens;
    await call('DescribeClustersV1');
    await ens.stop();
    await ens.stop();
    await expect(fetch(endpoint)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });

    await ens.restart();
    expect(ens.endpoint).toBe(endpoint);
    await expect(call('DescribeClustersV1')).resolves.toBeDefined();
    expect(ens.calls()).toBe(2);
  });

  test('breaks the connections that are open, answered or not', async () => {
    const idle = connect(Number(new URL(ens.endpoint).port), '127.0.0.1');
    await once(idle, 'connect');
    const idleClosed = once(idle, 'close');
    ens.failNext(1, { kind: 'hang' });
    const hanging = fetch(ens.endpoint, signed('DescribeClustersV1'));
    ens.failNext(1, { kind: 'slow', delayMs: 60_000 });
    const slow = fetch(ens.endpoint, signed('DescribeClustersV1'));
    const both = Promise.allSettled([hanging, slow]);
    await ens.waitForCalls(2);
    idle.resume().on('error', () => undefined);
    await ens.stop();

    expect(await both).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
    await idleClosed;
  });
});

/** Node.js puts the default export of this CommonJS package one level deeper than jest's transform does. */
const OpenApiClient = ((openApi.default as { default?: unknown }).default ??
  openApi.default) as typeof openApi.default.default;

interface ClientAnswer {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: Record<string, unknown>;
}

/** A call by the official client. */
async function call(
  action: EnsAction,
  query: Record<string, string> = {},
  identity: EnsIdentity = alice,
): Promise<ClientAnswer> {
  const client = new OpenApiClient(
    new openApi.Config({
      accessKeyId: identity.accessKeyId,
      accessKeySecret: identity.accessKeySecret,
      ...(identity.securityToken === undefined ? {} : { securityToken: identity.securityToken }),
      endpoint: new URL(ens.endpoint).host,
      protocol: 'HTTP',
    }),
  );
  const params = new openApi.Params({
    action,
    version: '2017-11-10',
    protocol: 'HTTP',
    pathname: '/',
    method: 'POST',
    authType: 'AK',
    style: 'RPC',
    reqBodyType: 'formData',
    bodyType: 'json',
  });
  const answer = await client.callApi(
    params,
    new openApi.OpenApiRequest({ query }),
    new RuntimeOptions({ keepAlive: false }),
  );
  return answer as unknown as ClientAnswer;
}

/** A call without the official client, by alice and without parameters. */
function signed(action: EnsAction): { method: string; headers: Record<string, string> } {
  const headers: Record<string, string> = {
    'x-acs-action': action,
    'x-acs-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'x-acs-date': new Date().toISOString().replace(/\.\d+/, ''),
    'x-acs-signature-nonce': `${Math.random()}`,
    'x-acs-version': '2017-11-10',
  };
  const signedHeaders = ['host', ...Object.keys(headers)];
  const signature = acs3Signature({
    method: 'POST',
    path: '/',
    query: [],
    headers: { ...headers, host: new URL(ens.endpoint).host },
    signedHeaders,
    hashedPayload: headers['x-acs-content-sha256'] ?? '',
    secret: alice.accessKeySecret,
  });
  const authorization = `ACS3-HMAC-SHA256 Credential=${alice.accessKeyId},SignedHeaders=${signedHeaders.join(';')},Signature=${signature}`;
  return { method: 'POST', headers: { ...headers, authorization } };
}

/** What a kubeconfig holds, in whichever form it came. */
function read(config: unknown): {
  kubeconfig: Kubeconfig;
  cluster: { server: string; authority: string };
  user: { certificate: string; privateKey: string };
} {
  const kubeconfig = (typeof config === 'string' ? parse(config) : config) as Kubeconfig;
  const [{ cluster }] = kubeconfig.clusters;
  const [{ user }] = kubeconfig.users;
  const decode = (base64: string): string => Buffer.from(base64, 'base64').toString();
  return {
    kubeconfig,
    cluster: { server: cluster.server, authority: decode(cluster['certificate-authority-data']) },
    user: {
      certificate: decode(user['client-certificate-data']),
      privateKey: decode(user['client-key-data']),
    },
  };
}

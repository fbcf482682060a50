import type { RequestListener } from 'node:http';
import { gzipSync } from 'node:zlib';
import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { certificatePem } from '../../src/credential/client-credential.js';
import { resolveEndpoint } from '../../src/endpoint.js';
import { callEns, openClient, type CallRules, type EnsCall } from '../../src/ens/client.js';
import type { FaultClass } from '../../src/ens/errors.js';
import { issueCredential, readClusters } from '../../src/ens/actions.js';
import type { Mapping } from '../../src/errors.js';
import type { SettingTexts } from '../../src/settings.js';
import { CertificateAuthority } from '../support/certificate-authority.js';
import { apiError, type EnsFault } from '../support/ens-faults.js';
import { EnsServer } from '../support/ens-server.js';
import { stopAfterTest } from '../support/stop-after-test.js';
import { alice, failureOf, serve, settings, TestWorld } from './fixtures.js';

let authority: CertificateAuthority;
let ens: EnsServer;
let world: TestWorld;

beforeAll(async () => {
  authority = await CertificateAuthority.create({ name: 'client-test' });
});
beforeEach(async () => {
  const server = 'https://192.0.2.1:6443';
  const privateServer = 'https://10.0.0.1:6443';
  const clusters = [{ clusterId: 'eck-1', authority, server, privateServer }];
  ens = stopAfterTest(await EnsServer.start({ identities: [alice], clusters }));
  world = new TestWorld();
  world.setAccessKey();
});

interface Changes extends Partial<EnsCall>, CallRules {
  readonly typed?: SettingTexts;
}

/** Calls ENS, without a retry unless the test gives it time. */
async function call({ typed, hasFallBack = false, onRetry, pace, ...of }: Changes = {}): Promise<Mapping> {
  const client = await openClient(settings({ endpoint: ens.endpoint, ...typed }), world);
  const query = { ClusterId: 'eck-1', PrivateIpAddress: 'false' };
  const usual = { action: 'DescribeClusterUserKubeconfig', query, clusterId: 'eck-1' };
  return callEns(client, { ...usual, ...of }, world, { hasFallBack, onRetry, ...(pace && { pace }) });
}

const once: Changes = {
  onRetry: (error) => {
    throw error;
  },
};

describe('a call', () => {
  test('is signed and made once', async () => {
    await expect(call()).resolves.toMatchObject({ Config: expect.any(String) });
    const params = { ClusterId: 'eck-1', PrivateIpAddress: 'false' };
    expect(ens.log).toMatchObject([{ accessKeyId: 'LTAI5tAlice', params, outcome: 'answered' }]);
  });

  test.each(['eck 1', 'eck/1?&=+%', '集群', "eck!'()*"])('carries any parameter, such as %s', async (id) => {
    const error = await failureOf(call({ query: { ClusterId: id }, clusterId: 'eck-9' }));
    expect(error).toMatchObject({ code: 'ens-cluster-not-found', message: expect.stringContaining('eck-9') });
    expect(ens.log).toMatchObject([{ params: { ClusterId: id }, outcome: 'InvalidClusterId.NotFound' }]);
  });

  test('that is refused says what the API said, and is not retried', async () => {
    ens.putIdentity({ ...alice, allowedActions: [] });
    const { code, message, fix } = await failureOf(call());
    expect(code).toBe('ens-not-allowed');
    expect(message).toMatch(/LTAI5tAlice .* for eck-1: Forbidden\.RAM: .* \(RequestId [0-9A-F-]{36}\)$/);
    expect(fix).toContain('ens:DescribeClusterUserKubeconfig');
    expect(ens.calls()).toBe(1);
  });

  test.each<[EnsFault, FaultClass, RegExp]>([
    [{ kind: 'hang' }, 'ens-unavailable', /127\.0\.0\.1 did not answer within 0\.3 s/],
    [{ kind: 'reset-mid-body' }, 'ens-unavailable', /127\.0\.0\.1/],
    [{ kind: 'truncated-json' }, 'ens-unavailable', /not JSON/],
    [{ kind: 'html-502' }, 'ens-unavailable', /HTTP 502/],
    [{ kind: 'empty' }, 'ens-unavailable', /JSON/],
    [{ kind: 'garbage' }, 'ens-unavailable', /JSON/],
    [apiError('ServiceUnavailable'), 'ens-unavailable', /not available: ServiceUnavailable/],
    [{ kind: 'huge', mebibytes: 3 }, 'ens-answer-invalid', /larger than 1024 KiB/],
    [apiError('Throttling', { retryAfter: '7' }), 'ens-throttled', /too many calls/],
  ])('answered with %j is %s', async (fault, code, expected) => {
    ens.failNext(1, fault);
    const typed: SettingTexts = fault.kind === 'hang' ? { timeout: '300ms' } : {};
    const error = await failureOf(call({ ...once, typed }));
    expect(error).toMatchObject({ code, message: expect.stringMatching(expected) });
  });

  test.each(['[]', '"text"', '42', 'null', '[{"Config":"x"}]'])('answered with %s fails', async (body) => {
    const endpoint = await serve((_, response) => response.end(body));
    await expect(failureOf(call({ ...once, typed: { endpoint } }))).resolves.toMatchObject({
      code: 'ens-unavailable',
    });
  });

  test('is not redirected, and does not decompress', async () => {
    const bomb = gzipSync(`{"Config":"${'a'.repeat(50 * 1024 * 1024)}"}`);
    const replies: RequestListener[] = [
      (_, response) => response.writeHead(302, { location: ens.endpoint }).end(),
      (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
    ];
    for (const reply of replies) {
      const endpoint = await serve(reply);
      await expect(failureOf(call({ ...once, typed: { endpoint } }))).resolves.toMatchObject({
        code: 'ens-unavailable',
      });
    }
    expect(ens.calls()).toBe(0);
  });
});

describe('a retry', () => {
  test.each<EnsFault>([apiError('Throttling.User'), { kind: 'reset' }, { kind: 'html-502' }])(
    'follows %j, each time paced',
    async (fault) => {
      ens.failNext(2, fault);
      const heard: string[] = [];
      let paced = 0;
      await call({
        onRetry: ({ code }) => heard.push(code),
        pace: (attempt) => {
          paced += 1;
          return attempt();
        },
      });
      expect({ calls: ens.calls(), heard: heard.length, paced }).toEqual({ calls: 3, heard: 2, paced: 3 });
    },
  );

  test.each<[string, Changes, number]>([
    ['--timeout', { typed: { timeout: '400ms' } }, 400],
    ['2 s if a cached credential can be served', { hasFallBack: true }, 2000],
  ])('ends with %s', async (_, changes, limitMs) => {
    ens.failNext('always', apiError('InternalError'));
    const start = performance.now();
    await failureOf(call(changes));
    expect(performance.now() - start).toBeLessThan(limitMs + 1500);
  });

  test('ends after 3 s if a person waits and the host is down', async () => {
    await ens.stop();
    world.isPersonWaiting = true;
    for (const typed of [{}, { endpoint: 'ens.invalid' }]) {
      const start = performance.now();
      await expect(failureOf(call({ typed }))).resolves.toMatchObject({ code: 'ens-unavailable' });
      expect(performance.now() - start).toBeLessThan(5000);
    }
  });
});

test.each<[SettingTexts, string | undefined, string]>([
  [{}, undefined, 'ens.aliyuncs.com'],
  [{}, 'eu-central-1', 'ens.ap-southeast-1.aliyuncs.com'],
  [{}, 'cn-hangzhou', 'ens.aliyuncs.com'],
  [{ site: 'china' }, 'eu-central-1', 'ens.aliyuncs.com'],
  [{ site: 'international' }, 'cn-hangzhou', 'ens.ap-southeast-1.aliyuncs.com'],
  [{ endpoint: 'ens.example.com' }, 'eu-central-1', 'ens.example.com'],
])('the endpoint with %j and the region %s of the profile is %s', async (typed, region_id, host) => {
  const key = { access_key_id: alice.accessKeyId, access_key_secret: alice.accessKeySecret };
  world.writeCliConfig([{ name: 'default', mode: 'AK', ...key, region_id }]);
  world.setVariables({});
  const { endpoint } = await openClient(settings(typed), world);
  expect(resolveEndpoint(endpoint)).toEqual({ protocol: 'https', host });
});

describe('an issued credential', () => {
  const issue = async (privateIp = false) => {
    const client = await openClient(settings({ endpoint: ens.endpoint }), world);
    return issueCredential(client, { clusterId: 'eck-1', privateIp }, world);
  };

  test('comes with the address of the API server', async () => {
    const now = new Date(Date.now() + 1000);
    world.clock = () => now;
    const { credential, cluster } = await issue();
    expect(cluster).toMatchObject({ server: 'https://192.0.2.1:6443' });
    expect(certificatePem(credential)).toBe(ens.issued[0]?.certificatePem);
    expect(credential.fetchedAt).toEqual(now);
    expect((await issue(true)).cluster.server).toBe('https://10.0.0.1:6443');
  });

  test('is read from a Config that is an object', async () => {
    ens.issuing = { form: 'json', userName: 123, chainLength: 3 };
    expect((await issue()).credential.certificates).toHaveLength(3);
  });

  test('fails at once if it is invalid', async () => {
    ens.failNext('always', { kind: 'config', value: 'apiVersion: v1' });
    await expect(failureOf(issue())).resolves.toMatchObject({ code: 'issued-kubeconfig-invalid' });
    expect(ens.calls()).toBe(1);
  });
});

describe('the clusters', () => {
  test('are read without secrets and control characters', () => {
    const listed = {
      AliUid: '1574790082031102',
      ClusterId: 'eck-1',
      Name: '\u001b[2Jedge\n',
      EnsRegionId: 'cn-hangzhou-58',
      KubernetesVersion: '1.31.9-aliyunedge.1',
      PublicAccess: true,
      VpcId: 'n\u202e-1',
      LoadBalancerId: 'lb-1',
      ContainerCidr: '172.20.0.0/16',
      ServiceCidr: '172.19.0.0/20',
      ControlPlaneConfig: { InstanceSpec: 'ens.sn1.large', Size: 3, Password: 'hunter2' },
      Config: { users: [{ user: { 'client-key-data': 'c2VjcmV0' } }] },
      JoinToken: 'abcdef.0123456789abcdef',
    };
    expect(readClusters([listed, { ClusterId: 'eck-2', ControlPlaneConfig: null }])).toEqual([
      { clusterId: 'eck-2', name: '', region: '', kubernetesVersion: '', publicAccess: false },
      {
        clusterId: 'eck-1',
        name: '[2Jedge',
        region: 'cn-hangzhou-58',
        kubernetesVersion: '1.31.9-aliyunedge.1',
        publicAccess: true,
        vpcId: 'n -1',
        loadBalancerId: 'lb-1',
        containerCidr: '172.20.0.0/16',
        serviceCidr: '172.19.0.0/20',
        controlPlane: { instanceSpec: 'ens.sn1.large', size: 3 },
      },
    ]);
  });

  test('are ordered by name, then id, as people count', () => {
    const named = (Name: string, ClusterId: string): object => ({ Name, ClusterId });
    const clusters = [
      named('b', 'eck-2'),
      named('杭州', 'eck-4'),
      named('b', 'eck-1'),
      named('b10', 'eck-3'),
      named('b9', 'eck-5'),
    ];
    const ids = readClusters(clusters).map(({ clusterId }) => clusterId);
    expect(ids).toEqual(['eck-1', 'eck-2', 'eck-5', 'eck-3', 'eck-4']);
  });

  test('are those with a valid id', () => {
    expect(readClusters([null, 'eck-1', 7, {}, { ClusterId: '../eck' }, { ClusterId: 7 }])).toEqual([]);
    expect(readClusters(undefined)).toEqual([]);
  });

  test.each([[{}], ['eck-1'], [7], [true]])('cannot be read from %j', (clusters) => {
    expect(() => readClusters(clusters)).toThrow(expect.objectContaining({ code: 'ens-answer-invalid' }));
  });
});

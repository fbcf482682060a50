import { X509Certificate } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { certificatePem, privateKeyPem } from '../../src/credential/client-credential.js';
import { openClient, type CallRules, type EnsClient } from '../../src/ens/client.js';
import { issueCredential, type IssueRequest } from '../../src/ens/actions.js';
import type { IssuedKubeconfig } from '../../src/kubeconfig/issued.js';
import type { SettingTexts } from '../../src/settings.js';
import { CertificateAuthority } from '../support/certificate-authority.js';
import { apiError } from '../support/ens-faults.js';
import { EnsServer } from '../support/ens-server.js';
import { ProxyServer } from '../support/proxy-server.js';
import { settings, TemporaryHome } from './fixtures.js';

const alice = { name: 'alice', accessKeyId: 'LTAI5tAlice', accessKeySecret: 'hunter2hunter2' };
const accessKey = {
  ALIBABA_CLOUD_ACCESS_KEY_ID: alice.accessKeyId,
  ALIBABA_CLOUD_ACCESS_KEY_SECRET: alice.accessKeySecret,
};

let authority: CertificateAuthority;
let ens: EnsServer;
let home: TemporaryHome;

beforeAll(async () => {
  authority = await CertificateAuthority.create({ name: 'issue-test' });
});
beforeEach(async () => {
  ens = await EnsServer.start({
    identities: [alice],
    clusters: [
      {
        clusterId: 'eck-1',
        authority,
        server: 'https://192.0.2.1:6443',
        privateServer: 'https://10.0.0.1:6443',
      },
    ],
  });
  home = new TemporaryHome();
  home.useEnvironment(accessKey);
});
afterEach(async () => {
  home.dispose();
  await ens.stop();
});

interface Changes extends Partial<IssueRequest>, CallRules {
  readonly typed?: SettingTexts;
}

async function issue({ typed, onRetry, hasFallBack, ...request }: Changes = {}): Promise<Issued> {
  const account = await openClient(settings({ endpoint: ens.endpoint, ...typed }), home.world);
  const issued = await issueCredential(
    account,
    { clusterId: 'eck-1', privateIp: false, ...request },
    home.world,
    {
      ...(onRetry === undefined ? {} : { onRetry }),
      ...(hasFallBack === undefined ? {} : { hasFallBack }),
    },
  );
  return { ...issued, ...account };
}

type Issued = IssuedKubeconfig & EnsClient;

describe('a credential', () => {
  test('is issued by one call, with how to reach the cluster and who signed in', async () => {
    const issued = await issue();
    expect(issued.cluster).toEqual({
      server: 'https://192.0.2.1:6443',
      certificateAuthorityPem: authority.certificatePem,
    });
    const [only] = ens.issued;
    expect(certificatePem(issued.credential)).toBe(only?.certificatePem);
    expect(privateKeyPem(issued.credential)).toBe(only?.privateKeyPem);
    expect(new X509Certificate(certificatePem(issued.credential)).subject).toContain('CN=alice');
    expect(issued.signer.description).toContain('LTAI5tAlice');
    expect(ens.calls()).toBe(1);
  });

  test('is of the time of the world', async () => {
    const now = new Date(Date.now() + 1000);
    home.world.clock = () => now;
    expect((await issue()).credential.fetchedAt).toEqual(now);
  });

  test('comes with the private address where that is asked for', async () => {
    expect((await issue({ privateIp: true })).cluster.server).toBe('https://10.0.0.1:6443');
    expect(ens.log).toMatchObject([{ params: { ClusterId: 'eck-1', PrivateIpAddress: 'true' } }]);
  });

  test('comes from a Config that is an object too', async () => {
    ens.issuing = { form: 'json', userName: 123, chainLength: 3 };
    expect((await issue()).credential.certificates).toHaveLength(3);
  });
});

describe('what may pass', () => {
  const transient = ['Throttling.User', 'ServiceUnavailable', 'InternalError', 'SignatureNonceUsed'];

  test.each(transient)('%s is tried again', async (apiCode) => {
    ens.failNext(2, apiError(apiCode));
    const heard: string[] = [];
    await expect(issue({ onRetry: ({ code }) => heard.push(code) })).resolves.toHaveProperty('credential');
    expect(ens.calls()).toBe(3);
    expect(heard).toHaveLength(2);
  });

  test.each(['reset', 'garbage', 'html-502', 'empty'] as const)('%s is tried again', async (kind) => {
    ens.failNext(1, { kind });
    await expect(issue()).resolves.toHaveProperty('credential');
    expect(ens.calls()).toBe(2);
  });

  test('is an error when there is no time any more', async () => {
    ens.failNext('always', apiError('ServiceUnavailable'));
    await expect(issue({ typed: { timeout: '400ms' } })).rejects.toMatchObject({ code: 'ens-unavailable' });
  });

  test('is not waited for longer than there is time, where ENS asks for more', async () => {
    ens.failNext('always', apiError('Throttling', { retryAfter: '3600' }));
    await expect(issue()).rejects.toMatchObject({ code: 'ens-throttled' });
    expect(ens.calls()).toBe(1);
  });

  test('is not waited for longer than there is time, where ENS does not answer', async () => {
    ens.failNext('always', { kind: 'hang' });
    const began = performance.now();
    await expect(issue({ typed: { timeout: '300ms' } })).rejects.toMatchObject({ code: 'ens-unavailable' });
    expect(performance.now() - began).toBeLessThan(5000);
  });

  test('is not waited for long where there is something to fall back on', async () => {
    ens.failNext('always', apiError('ServiceUnavailable'));
    const began = performance.now();
    await expect(issue({ hasFallBack: true })).rejects.toMatchObject({ code: 'ens-unavailable' });
    // Two seconds, and not the twenty that there are otherwise.
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});

describe('what does not pass', () => {
  test.each([
    ['InvalidAccessKeyId.NotFound', 'ens-unauthenticated'],
    ['Forbidden.RAM', 'ens-not-allowed'],
    ['InvalidClusterId.NotFound', 'ens-cluster-not-found'],
    ['InvalidTimeStamp.Expired', 'ens-clock-skew'],
    ['MissingClusterId', 'ens-refused'],
  ])('%s is told at once', async (apiCode, code) => {
    ens.failNext('always', apiError(apiCode));
    const heard: unknown[] = [];
    await expect(issue({ onRetry: (error) => heard.push(error) })).rejects.toMatchObject({ code });
    expect(ens.calls()).toBe(1);
    expect(heard).toEqual([]);
  });

  test.each<[string, unknown]>([
    ['no Config', undefined],
    ['a Config of null', null],
    ['a Config that is no kubeconfig', 'apiVersion: v1'],
  ])('%s is told at once', async (_, value) => {
    ens.failNext('always', { kind: 'config', value });
    await expect(issue()).rejects.toMatchObject({ code: 'issued-kubeconfig-invalid' });
    expect(ens.calls()).toBe(1);
  });

  test('a certificate that has expired is told at once', async () => {
    ens.issuing = { lifetimeMs: -60_000, backdatingMs: 3_600_000 };
    await expect(issue()).rejects.toMatchObject({ code: 'issued-kubeconfig-invalid' });
    expect(ens.calls()).toBe(1);
  });

  test('an answer that is too large is told at once', async () => {
    ens.failNext('always', { kind: 'huge', mebibytes: 3 });
    await expect(issue()).rejects.toMatchObject({ code: 'ens-answer-invalid' });
    expect(ens.calls()).toBe(1);
  });

  test('nobody to sign in as is told without a call', async () => {
    home.useEnvironment({});
    await expect(issue()).rejects.toMatchObject({ code: 'identity-not-found' });
    await expect(issue({ typed: { profile: 'gone' } })).rejects.toMatchObject({ code: 'identity-unusable' });
    expect(ens.calls()).toBe(0);
  });
});

describe('the endpoint', () => {
  /** Lets nothing through, and knows what was asked for. */
  async function hostAsked(typed: SettingTexts, region?: string): Promise<readonly string[]> {
    const proxy = await ProxyServer.start({ hosts: {} });
    try {
      home.writeCliConfig([
        {
          name: 'default',
          mode: 'AK',
          access_key_id: alice.accessKeyId,
          access_key_secret: alice.accessKeySecret,
          region_id: region,
        },
      ]);
      home.useEnvironment({ HTTPS_PROXY: `http://${proxy.host}` });
      const account = await openClient(settings(typed), home.world);
      const request = { clusterId: 'eck-1', privateIp: false };
      await expect(issueCredential(account, request, home.world)).rejects.toMatchObject({
        code: 'proxy-refused',
      });
      return proxy.connects;
    } finally {
      await proxy.stop();
    }
  }

  const china = 'ens.aliyuncs.com:443';
  const international = 'ens.ap-southeast-1.aliyuncs.com:443';
  test.each<[string, SettingTexts, string | undefined, string]>([
    ['the China site, where nothing says otherwise', {}, undefined, china],
    ["the site of the profile's region", {}, 'eu-central-1', international],
    ["the site of the profile's region", {}, 'cn-hangzhou', china],
    ['the site that was named, whatever the region', { site: 'china' }, 'eu-central-1', china],
    ['the site that was named, whatever the region', { site: 'international' }, 'cn-hangzhou', international],
    [
      'the address that was named, whatever the region',
      { endpoint: 'ens.example.com' },
      'eu-central-1',
      'ens.example.com:443',
    ],
  ])('is %s (%j, region %s)', async (_, typed, region, host) => {
    expect(await hostAsked(typed, region)).toEqual([host]);
  });

  test('that knew the cluster is told, as it has to be set to be asked again', async () => {
    expect((await issue()).endpoint).toEqual({ kind: 'address', address: ens.endpoint });
  });
});

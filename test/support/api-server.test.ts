import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ApiServer } from './api-server.js';
import { CertificateAuthority, type IssuedCertificate } from './certificate-authority.js';
import { kubectls, runKubectl, type Kubectl, type Outcome } from './kubectl.js';
import { describeWith } from './requirements.js';

let authority: CertificateAuthority;
let admin: IssuedCertificate;
let api: ApiServer;

beforeAll(async () => {
  authority = await CertificateAuthority.create({ name: 'eck-1' });
  admin = await authority.issue({ commonName: 'alice', organizations: ['system:masters', 'ops'] });
});

beforeEach(async () => {
  api = await ApiServer.start({
    authority,
    clusterId: 'eck-1',
    nodes: [
      { name: 'edge-1', roles: 'control-plane', age: '40d' },
      { name: 'edge-2', ready: false, version: 'v1.30.1' },
    ],
  });
});

afterEach(async () => {
  await api.stop();
});

describe('a client', () => {
  test.each([1, 2, 3] as const)('is let in with a chain of %d', async (chainLength) => {
    const certificate = await authority.issue({
      commonName: 'alice',
      organizations: ['system:masters'],
      chainLength,
    });
    expect(await get('/api/v1/nodes', certificate)).toMatchObject({ status: 200 });
    expect(api.requests).toEqual([
      {
        method: 'GET',
        path: '/api/v1/nodes',
        status: 200,
        user: 'alice',
        serialNumber: certificate.serialNumber,
      },
    ]);
  });

  test('is refused without the intermediates of its chain', async () => {
    const whole = await authority.issue({ commonName: 'alice', chainLength: 3 });
    const [leaf = ''] = whole.certificatePem.split(/(?<=-----END CERTIFICATE-----\n)/);
    expect(await get('/version', { ...whole, certificatePem: leaf })).toEqual(refusal);
  });

  test('is refused without a certificate', async () => {
    expect(await get('/version', undefined)).toEqual(refusal);
    expect(api.requests).toMatchObject([{ status: 401, user: undefined, serialNumber: undefined }]);
  });

  test('is refused with one from another authority of the same name', async () => {
    const namesake = await CertificateAuthority.create({ name: 'eck-1' });
    const foreign = await namesake.issue({ commonName: 'alice', organizations: ['system:masters'] });
    expect(await get('/version', foreign)).toEqual(refusal);
    expect(api.requests).toMatchObject([{ user: undefined, serialNumber: foreign.serialNumber }]);
  });

  test.each([
    ['has expired', -7_200_000, -3_600_000],
    ['is not valid yet', 3_600_000, 7_200_000],
  ])('is refused with one that %s', async (_what, fromMs, toMs) => {
    const certificate = await authority.issue({
      commonName: 'alice',
      notBefore: new Date(Date.now() + fromMs),
      notAfter: new Date(Date.now() + toMs),
    });
    expect(await get('/version', certificate)).toEqual(refusal);
  });

  test('is refused with one that is meant for a server', async () => {
    const certificate = await authority.issue({ commonName: 'alice', usage: 'server' });
    expect(await get('/version', certificate)).toEqual(refusal);
  });

  test('is refused as soon as its certificate is revoked, and no other one is', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sameConnection = (): Promise<Answer> => get('/version', admin, { agent });
    expect(await sameConnection()).toMatchObject({ status: 200 });
    api.revoke(admin.serialNumber);
    expect(await sameConnection()).toEqual(refusal);
    agent.destroy();

    const other = await authority.issue({ commonName: 'alice' });
    expect(await get('/version', other)).toMatchObject({ status: 200 });
  });

  test.each([
    ['after its certificate has expired', 3_700_000],
    ['while the server takes it for one of the future', -3_700_000],
  ])('is refused on an open connection %s', async (_what, clockOffsetMs) => {
    const certificate = await authority.issue({
      commonName: 'alice',
      notBefore: new Date(Date.now() - 3_600_000),
      notAfter: new Date(Date.now() + 3_600_000),
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sameConnection = (): Promise<Answer> => get('/version', certificate, { agent });
    expect(await sameConnection()).toMatchObject({ status: 200 });
    api.clockOffsetMs = clockOffsetMs;
    expect(await sameConnection()).toEqual(refusal);
    agent.destroy();
  });

  test('may only look around unless it is of system:masters', async () => {
    const viewer = await authority.issue({ commonName: 'bob', organizations: ['viewers'] });
    expect(await get('/apis', viewer)).toMatchObject({ status: 200 });
    expect(await get('/api/v1/nodes', viewer)).toMatchObject({
      status: 403,
      body: { kind: 'Status', reason: 'Forbidden', code: 403 },
    });
  });
});

describe('it answers', () => {
  test('who the client is', async () => {
    const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
    expect(await get(path, admin, { method: 'POST' })).toMatchObject({
      status: 201,
      body: {
        kind: 'SelfSubjectReview',
        status: {
          userInfo: { username: 'alice', groups: ['system:masters', 'ops', 'system:authenticated'] },
        },
      },
    });
  });

  test.each(['v1', 'v1beta1'])('with a table of %s to who asks for one', async (version) => {
    const accept = `application/json;as=Table;v=${version};g=meta.k8s.io,application/json`;
    const { body } = await get('/api/v1/nodes', admin, { headers: { accept } });
    expect(body).toMatchObject({
      kind: 'Table',
      apiVersion: `meta.k8s.io/${version}`,
      rows: [
        { cells: ['edge-1', 'Ready', 'control-plane', '40d', 'v1.31.9-aliyunedge.1'] },
        { cells: ['edge-2', 'NotReady', '<none>', '34d', 'v1.30.1'] },
      ],
    });
  });

  test('with objects to who does not', async () => {
    expect((await get('/api/v1/nodes?limit=500', admin)).body).toMatchObject({
      kind: 'NodeList',
      items: [{ metadata: { name: 'edge-1' } }, { metadata: { name: 'edge-2' } }],
    });
    expect((await get('/api/v1/nodes/edge-2', admin)).body).toMatchObject({
      kind: 'Node',
      metadata: { name: 'edge-2' },
    });
  });

  test.each(['/api/v1/nodes/edge-3', '/api/v1/pods', '/openapi/v2', '/openapi/v3'])(
    'that there is no %s',
    async (path) => {
      expect(await get(path, admin)).toMatchObject({
        status: 404,
        body: { kind: 'Status', reason: 'NotFound', code: 404 },
      });
    },
  );
});

test('after its end it cannot be reached, and may be ended again', async () => {
  await api.stop();
  await api.stop();
  await expect(get('/version', admin)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

describeWith([{ name: 'kubectl', available: kubectls.length > 0 }], 'with real kubectl', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kubectl-eck-test-'));
  });

  afterEach(async () => {
    await rm(directory, { recursive: true });
  });

  test.each(kubectls)('$label gets nodes', async (kubectl) => {
    const { status, stdout, stderr } = await run(kubectl, admin, ['get', 'nodes']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/).map((cell) => cell.trim()))).toEqual([
      ['NAME', 'STATUS', 'ROLES', 'AGE', 'VERSION'],
      ['edge-1', 'Ready', 'control-plane', '40d', 'v1.31.9-aliyunedge.1'],
      ['edge-2', 'NotReady', '<none>', '34d', 'v1.30.1'],
      [''],
    ]);
  });

  test.each(kubectls)('$label gets one node as an object', async (kubectl) => {
    const { stdout } = await run(kubectl, admin, ['get', 'node', 'edge-2', '-o', 'name']);
    expect(stdout).toBe('node/edge-2\n');
  });

  test.each(kubectls)('$label reads the version', async (kubectl) => {
    const { stdout } = await run(kubectl, admin, ['version', '-o', 'json']);
    expect(JSON.parse(stdout)).toMatchObject({ serverVersion: { gitVersion: 'v1.31.9-aliyunedge.1' } });
  });

  // `kubectl auth whoami` came with 1.27.
  test.each(kubectls.filter(({ version }) => version.major > 1 || version.minor >= 27))(
    '$label is told who it is',
    async (kubectl) => {
      const { stdout } = await run(kubectl, admin, ['auth', 'whoami', '-o', 'json']);
      expect(JSON.parse(stdout)).toMatchObject({ status: { userInfo: { username: 'alice' } } });
    },
  );

  test.each(kubectls)('$label shows a chain of three, with an RSA key in PKCS#1', async (kubectl) => {
    const certificate = await authority.issue({
      commonName: 'alice',
      organizations: ['system:masters'],
      chainLength: 3,
      key: 'rsa-2048',
      encoding: 'pkcs1',
    });
    expect((await run(kubectl, certificate, ['get', 'nodes'])).status).toBe(0);
  });

  test.each(kubectls)('$label is refused with a revoked certificate', async (kubectl) => {
    api.revoke(admin.serialNumber);
    const { status, stderr } = await run(kubectl, admin, ['get', 'nodes']);
    expect(status).toBe(1);
    expect(stderr).toContain('error: You must be logged in to the server (');
  });

  async function run(
    kubectl: Kubectl,
    certificate: IssuedCertificate,
    args: readonly string[],
  ): Promise<Outcome> {
    const kubeconfig = join(directory, 'config');
    await writeFile(kubeconfig, JSON.stringify(kubeconfigFor(certificate)), { mode: 0o600 });
    const env = { PATH: process.env['PATH'], HOME: directory, KUBECONFIG: kubeconfig };
    return runKubectl(kubectl, args, { env, cwd: directory });
  }
});

interface Answer {
  readonly status: number | undefined;
  readonly body: unknown;
}

/** What a real API server says to who is nobody to it. */
const refusal: Answer = {
  status: 401,
  body: {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'Unauthorized',
    reason: 'Unauthorized',
    code: 401,
  },
};

/** One request, on a connection of its own unless there is an agent. It trusts the cluster's authority alone. */
function get(
  path: string,
  certificate: IssuedCertificate | undefined,
  options: { method?: string; headers?: Record<string, string>; agent?: Agent } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request(
      `${api.url}${path}`,
      {
        agent: false,
        ca: api.caPem,
        cert: certificate?.certificatePem,
        key: certificate?.privateKeyPem,
        ...options,
      },
      (response) => {
        json(response).then((body) => {
          resolve({ status: response.statusCode, body });
        }, reject);
      },
    )
      .on('error', reject)
      .end();
  });
}

/** A kubeconfig with a key in it, which is what this project is there to end. */
function kubeconfigFor({ certificatePem, privateKeyPem }: IssuedCertificate): unknown {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'eck-1', cluster: { server: api.url, 'certificate-authority-data': base64(api.caPem) } },
    ],
    users: [
      {
        name: 'eck-1',
        user: {
          'client-certificate-data': base64(certificatePem),
          'client-key-data': base64(privateKeyPem),
        },
      },
    ],
    contexts: [{ name: 'eck-1', context: { cluster: 'eck-1', user: 'eck-1' } }],
    'current-context': 'eck-1',
  };
}

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { checkClientCredential } from '../../src/credential/check.js';
import { encodeEntry } from '../../src/credential/encoded-entry.js';
import { cacheKeyText } from '../../src/credential/cache-key.js';
import type { StoreChoice } from '../../src/settings.js';
import { parseEndpoint } from '../../src/endpoint.js';
import type { EnsErrorCode } from '../support/ens-errors.js';
import { apiError, type EnsFault } from '../support/ens-faults.js';
import { execInfo } from '../support/exec-info.js';
import { kernelKeyringRequirement, startSessionKeyring } from '../support/kernel-keyring.js';
import { currentKubectl, type Outcome } from '../support/kubectl.js';
import { runHerd } from '../support/herd.js';
import { RemoteStore } from '../store/remote-store.js';
import { describeWith, type Requirement } from '../support/requirements.js';
import { programs, runProgram, Sandbox } from '../support/sandbox.js';
import { secretServiceRequirement, startSecretService } from '../support/secret-service.js';

const hourMs = 3_600_000;

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await Sandbox.create();
});

afterEach(async () => {
  await sandbox.dispose();
});

const clusterArgs = (): string[] => ['exec-credential', '--cluster-id', sandbox.clusterId];
/** The cached credential is always too old. */
const renewArgs = (): string[] => [...clusterArgs(), '--max-age', '1ms'];

function cachedFiles(): Promise<string[]> {
  return readdir(join(sandbox.home, '.kube', 'cache', 'kubectl-eck', 'credentials'));
}

/** A store, and how programs run with it. */
interface Place {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly wrap: (argv: readonly string[]) => readonly string[];
  stop(): Promise<void>;
}

const places: readonly { name: string; requirements: Requirement[]; start: () => Promise<Place> }[] = [
  {
    name: 'file',
    requirements: [],
    start: () =>
      Promise.resolve({
        env: { KUBECTL_ECK_STORE: 'file' },
        wrap: (argv: readonly string[]) => argv,
        stop: () => Promise.resolve(),
      }),
  },
  {
    name: 'the Secret Service',
    requirements: [secretServiceRequirement],
    async start() {
      const service = await startSecretService();
      return {
        env: { ...service.environment, KUBECTL_ECK_STORE: 'keychain' },
        wrap: (argv) => argv,
        stop: () => service.stop(),
      };
    },
  },
  {
    name: 'the kernel keyring',
    requirements: [kernelKeyringRequirement],
    async start() {
      const keyring = await startSessionKeyring();
      return {
        env: { KUBECTL_ECK_STORE: 'kernel' },
        wrap: (argv) => keyring.command(argv),
        stop: () => keyring.stop(),
      };
    },
  },
];

/** Saves the credential that was issued last, as if it had been fetched `ageMs` ago. */
async function saveAged(ageMs: number, place: Place): Promise<void> {
  const { certificatePem, privateKeyPem } = sandbox.ens.issued.at(-1) ?? {};
  const credential = checkClientCredential(
    { certificate: String(certificatePem), privateKey: String(privateKeyPem) },
    new Date(Date.now() - ageMs),
  );
  const key = cacheKeyText({
    endpoint: parseEndpoint(sandbox.ens.endpoint),
    identity: { kind: 'access-key', accessKeyId: sandbox.identity.accessKeyId },
    clusterId: sandbox.clusterId,
  });
  const store = new RemoteStore(
    place.env['KUBECTL_ECK_STORE'] as StoreChoice,
    (argv) => place.wrap(argv) as [string, ...string[]],
    sandbox.environment(place.env),
  );
  await store.save(key, encodeEntry(key, credential));
  await store.stop();
}

for (const { name, requirements, start } of places) {
  describeWith(requirements, `200 processes at once, with ${name}`, () => {
    let place: Place;

    beforeEach(async () => {
      place = await start();
    });

    afterEach(async () => {
      await place.stop();
    });

    function ask(args: readonly string[]): Promise<Outcome> {
      const [file = '', ...rest] = place.wrap([programs.standalone, ...args]);
      return runProgram(file, rest, { env: sandbox.environment(place.env), timeoutMs: 30_000 });
    }

    const all = (args: readonly string[]): Promise<Outcome[]> =>
      runHerd(200, [programs.standalone, ...args], {
        env: sandbox.environment(place.env),
        scratch: sandbox.directory,
        wrap: (argv) => place.wrap(argv),
      });

    function expectOneAnswer(outcomes: readonly Outcome[]): void {
      expect(outcomes.filter(({ status }) => status !== 0)).toEqual([]);
      expect(
        new Set(outcomes.map(({ stdout }) => stdout.replace(/"expirationTimestamp":"[^"]*"/, ''))).size,
      ).toBe(1);
    }

    test('make one call to ENS without a cached credential, and give one answer', async () => {
      expectOneAnswer(await all(clusterArgs()));
      expect(sandbox.ens.calls()).toBe(1);
    }, 180_000);

    test('make one call to ENS when the cached credential is too old', async () => {
      await ask(clusterArgs());
      await saveAged(13 * hourMs, place);
      expectOneAnswer(await all(clusterArgs()));
      expect(sandbox.ens.calls()).toBe(2);
    }, 180_000);

    test('make the calls of one process when ENS throttles twice', async () => {
      sandbox.ens.failNext(2, apiError('Throttling.User'));
      expectOneAnswer(await all(clusterArgs()));
      expect(sandbox.ens.log.map(({ outcome }) => outcome)).toEqual([
        'Throttling.User',
        'Throttling.User',
        'answered',
      ]);
    }, 180_000);
  });
}

describe('in an outage', () => {
  const outages: [string, EnsFault | 'down'][] = [
    ['is down', 'down'],
    ['does not answer in time', { kind: 'hang' }],
    ['fails with 500', apiError('InternalError', { status: 500 })],
    ['fails with 503', apiError('ServiceUnavailable', { status: 503 })],
    ['sends garbage', { kind: 'garbage' }],
    ['is behind a broken gateway', { kind: 'html-502' }],
    ['breaks the connection within the response', { kind: 'reset-mid-body' }],
    ['throttles', apiError('Throttling.User')],
    ['issues an invalid kubeconfig', { kind: 'config', value: 'nonsense' }],
  ];

  test.each(outages)('ENS %s: the cached credential is served, with one warning', async (_, fault) => {
    const before = await sandbox.run(clusterArgs());
    if (fault === 'down') await sandbox.ens.stop();
    else sandbox.ens.failNext('always', fault);

    const start = performance.now();
    const during = await sandbox.run(renewArgs());
    const tookMs = performance.now() - start;
    expect(during.status).toBe(0);
    expect(statusOf(during)).toEqual({ ...statusOf(before), expirationTimestamp: expect.any(String) });
    expect(during.stderr).toMatch(/^kubectl-eck: [^\n]+; the cached credential is served, [^\n]+\]\n$/);
    // The read timeout is 3 s here.
    expect(tookMs).toBeLessThan(fault !== 'down' && fault.kind === 'hang' ? 6000 : 3000);

    const calls = sandbox.ens.calls();
    const again = await sandbox.run(renewArgs());
    expect(again).toMatchObject({ status: 0, stderr: during.stderr });
    expect(sandbox.ens.calls()).toBe(calls);
  });

  test('an expired certificate is not served', async () => {
    sandbox.ens.issuing = { lifetimeMs: 2000 };
    const before = await sandbox.run(clusterArgs());
    const { clientCertificateData, expirationTimestamp } = statusOf(before);
    expect(clientCertificateData).toContain('BEGIN CERTIFICATE');
    await sandbox.ens.stop();
    while (Date.now() <= Date.parse(String(expirationTimestamp)) + 1000) {
      await sandbox.run(['version']);
    }
    const after = await sandbox.run([...clusterArgs(), '--timeout', '1s']);
    expect(after).toMatchObject({ status: 1, stdout: '' });
    expect(after.stderr).toContain('[ens-unavailable]');
  });
});

describe('a refusal', () => {
  const refusals: [EnsErrorCode, string][] = [
    ['Forbidden.RAM', 'ens-not-allowed'],
    ['InvalidAccessKeyId.NotFound', 'ens-unauthenticated'],
    ['InvalidClusterId.NotFound', 'ens-cluster-not-found'],
  ];

  test.each(refusals)(
    'with %s deletes the cached credential of this identity alone',
    async (apiCode, code) => {
      const other = { accessKeyId: 'LTAI5tOther', accessKeySecret: 'OtherSecret', name: 'someone-else' };
      sandbox.ens.putIdentity(other);
      const asOther = {
        ALIBABA_CLOUD_ACCESS_KEY_ID: other.accessKeyId,
        ALIBABA_CLOUD_ACCESS_KEY_SECRET: other.accessKeySecret,
      };
      await sandbox.run(clusterArgs());
      const others = await sandbox.run(clusterArgs(), { env: asOther });
      expect(await cachedFiles()).toHaveLength(2);

      sandbox.ens.failNext(1, apiError(apiCode));
      const refused = await sandbox.run(renewArgs());
      expect(refused).toMatchObject({ status: 1, stdout: '' });
      expect(refused.stderr).toContain(`[${code}]`);
      expect(await cachedFiles()).toHaveLength(1);

      const calls = sandbox.ens.calls();
      expect(statusOf(await sandbox.run(clusterArgs(), { env: asOther }))).toEqual(statusOf(others));
      expect(sandbox.ens.calls()).toBe(calls);
      expect(await sandbox.run(clusterArgs())).toMatchObject({ status: 0 });
      expect(sandbox.ens.calls()).toBe(calls + 1);
    },
  );
});

describe('after a revocation', () => {
  describeWith([currentKubectl], 'kubectl', () => {
    const { kubectl } = currentKubectl;

    test('fails once, and then works again', async () => {
      await sandbox.run(['get-credentials', sandbox.clusterId]);
      expect(await sandbox.kubectl(kubectl, ['get', 'nodes'])).toMatchObject({ status: 0 });
      sandbox.apiServer.revoke(String(sandbox.ens.issued[0]?.serialNumber));

      const first = await sandbox.kubectl(kubectl, ['get', 'nodes']);
      expect(first.status).toBe(1);
      expect(first.stderr).toContain('Unauthorized');
      expect(await sandbox.kubectl(kubectl, ['get', 'nodes'])).toMatchObject({ status: 0, stderr: '' });
      expect(sandbox.ens.calls()).toBe(2);
    });
  });

  test('a process that asks 100 times causes two calls to ENS', async () => {
    const env = { KUBERNETES_EXEC_INFO: execInfo() };
    for (let request = 0; request < 100; request += 1) {
      expect(await sandbox.run(clusterArgs(), { env })).toMatchObject({ status: 0, stderr: '' });
    }
    expect(sandbox.ens.calls()).toBe(2);
  });
});

function statusOf(outcome: Outcome): Record<string, unknown> {
  return (JSON.parse(outcome.stdout) as { status: Record<string, unknown> }).status;
}

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readFile, rm, writeFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CertificateAuthority } from '../support/certificate-authority.js';
import { Client, clientPrograms } from '../support/clients.js';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { issuedConfig } from '../support/issued-kubeconfig.js';
import { clusterProgram, clusterRequirement, KubeApiserver } from '../support/kube-apiserver.js';
import { currentKubectl, oldKubectl, policyKubectl, usualPath } from '../support/kubectl.js';
import { describeWith } from '../support/requirements.js';
import { runProgram } from '../support/sandbox.js';
import { startTied, until } from '../support/tied-process.js';

const ok = { status: 0, stderr: '' };

describeWith([clusterRequirement, currentKubectl], 'at a real API server', () => {
  let cluster: KubeApiserver;
  let authority: CertificateAuthority;
  beforeAll(async () => {
    cluster = await KubeApiserver.start();
  });
  afterAll(() => cluster.stop());
  useSandbox();
  beforeEach(async () => {
    authority = await cluster.issueFor(sandbox);
  });

  const kubectl = (...args: string[]) => sandbox.kubectl(currentKubectl.kubectl, args);

  async function setUp(...args: string[]): Promise<void> {
    expect(await sandbox.run(['get-credentials', sandbox.clusterId, ...args])).toMatchObject({ status: 0 });
  }

  const rsa = (['rsa-2048', 'rsa-4096'] as const).flatMap((key) =>
    (['pkcs1', 'pkcs8'] as const).map((encoding) => ({ key, encoding })),
  );
  const ec = (['p-256', 'p-384'] as const).flatMap((key) =>
    (['sec1', 'sec1-with-parameters', 'pkcs8'] as const).map((encoding) => ({ key, encoding })),
  );
  const ed25519 = { key: 'ed25519', encoding: 'pkcs8' } as const;
  test.each([...rsa, ...ec, ed25519])(
    'knows the user of a key of $key in $encoding, with a chain of three',
    async (issuing) => {
      sandbox.ens.issuing = { ...issuing, chainLength: 3 };
      await setUp();
      expect(
        await kubectl('auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username} {.status.userInfo.groups}'),
      ).toEqual({
        ...ok,
        stdout: 'someone ["system:masters","system:authenticated"]',
      });
      expect(sandbox.ens.issued.at(-1)?.certificatePem.match(/BEGIN CERTIFICATE/g)).toHaveLength(3);
    },
  );

  test('a user without a permission is denied, makes no call to ENS, and works with the permission', async () => {
    sandbox.ens.issuing = { organizations: ['developers'] };
    await setUp();
    for (let request = 0; request < 5; request += 1) {
      const { status, stderr } = await kubectl('get', 'nodes');
      expect([status, stderr]).toEqual([
        1,
        expect.stringMatching(/^Error from server \(Forbidden\): .*User "someone"/),
      ]);
    }
    expect(sandbox.ens.calls()).toBe(1);
    expect((await doctor()).problems).toEqual([]);
    await cluster.kubectl(['create', 'clusterrole', 'nodes', '--verb=list', '--resource=nodes']);
    await cluster.kubectl(['create', 'clusterrolebinding', 'nodes', '--clusterrole=nodes', '--group=developers']);
    expect(await kubectl('get', 'nodes')).toMatchObject(ok);
  });

  test('apply -f -, 20 times, makes no call to ENS', async () => {
    await setUp();
    const manifest = JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'applied' },
      data: { a: 'b' },
    });
    const apply = `echo '${manifest}' | "$0" apply -f -`;
    for (let run = 0; run < 20; run += 1) {
      const options = { env: sandbox.environment(), timeoutMs: 30_000 };
      const stdout = `configmap/applied ${run === 0 ? 'created' : 'unchanged'}\n`;
      expect(await runProgram('/bin/sh', ['-c', apply, currentKubectl.kubectl.path], options)).toEqual({
        ...ok,
        stdout,
      });
    }
    expect(sandbox.ens.calls()).toBe(1);
  });

  test('50 kubectl at once make one call to ENS without a cached credential, and none with one', async () => {
    await setUp();
    await rm(join(sandbox.home, '.kube/cache/kubectl-eck'), { recursive: true });
    for (const calls of [2, 2]) {
      const herd = await Promise.all(Array.from({ length: 50 }, () => kubectl('get', 'nodes', '-o', 'name')));
      expect(new Set(herd.map(({ stdout }) => stdout))).toEqual(new Set(['node/node-1\nnode/node-2\n']));
      expect(sandbox.ens.calls()).toBe(calls);
    }
  });

  const nodes = ['get', 'nodes'];
  test.each([
    ['kubectl', currentKubectl.kubectl.path, nodes, 'v1'],
    ['an old kubectl', oldKubectl.kubectl.path, nodes, 'v1beta1'],
    ['helm', clusterProgram('helm'), ['list'], 'v1'],
  ])('%s fails once after its client CA is replaced', async (_, file, args, version) => {
    const run = () => runProgram(file, args, { env: sandbox.environment(), timeoutMs: 30_000 });
    await setUp('--exec-api-version', version);
    expect(await run()).toMatchObject(ok);
    await cluster.issueFor(sandbox);
    const { status, stderr } = await run();
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/Unauthorized|must be logged in|asked for the client to provide/),
    ]);
    expect(await run()).toMatchObject(ok);
    expect(sandbox.ens.calls()).toBe(2);
  });

  test('helm installs a chart, upgrades it and removes it', async () => {
    await setUp();
    const chart = join(sandbox.directory, 'chart');
    await mkdir(join(chart, 'templates'), { recursive: true });
    await writeFile(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: chart\nversion: 1.0.0\n');
    const template = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: of-helm}\ndata: {a: {{ .Values.a }}}\n';
    await writeFile(join(chart, 'templates', 'settings.yaml'), template);
    for (const args of [
      ['install', 'one', chart, '--set', 'a=b'],
      ['upgrade', 'one', chart, '--set', 'a=c'],
      ['uninstall', 'one', '--wait'],
    ]) {
      const outcome = await runProgram(clusterProgram('helm'), args, { env: sandbox.environment(), timeoutMs: 30_000 });
      expect(outcome).toMatchObject({ status: 0 });
    }
    expect(sandbox.ens.calls()).toBe(1);
  });

  test('watches live through three renewals and the end of their certificate', async () => {
    sandbox.ens.issuing = { lifetimeMs: 5000 };
    await setUp();
    const watching = [currentKubectl.kubectl.path, 'get', 'configmaps', '--watch', '-o', 'name'];
    const watch = startTied(watching, { env: sandbox.environment() });
    const seen: string[] = [];
    watch.stdout.on('data', (data: Buffer) => seen.push(data.toString()));
    const clients = clientPrograms
      .filter(({ renews }) => renews)
      .map(({ command }) => new Client(command, sandbox.environment()));
    try {
      for (const client of clients) {
        expect(await client.ask({ load: true })).toBe(2);
        await client.ask({ watch: true });
      }
      for (let renewal = 1; renewal <= 3; renewal += 1) {
        await delay((sandbox.ens.issued.at(-1)?.notAfter.getTime() ?? 0) + 10 - Date.now());
        for (const client of clients) expect(await client.ask()).toBe(2);
        expect(sandbox.ens.calls()).toBe(1 + renewal);
      }
      expect(seen.join('')).not.toContain('at-last');
      await cluster.kubectl(['create', 'configmap', 'at-last']);
      await until('kubectl to see it', () => seen.join('').includes('configmap/at-last\n') || undefined);
      const [, ...all] = (await cluster.kubectl(['get', 'configmaps', '-o', 'name'])).split('\n');
      for (const client of clients) {
        const isSeen = async () => (await client.ask({ watch: true })) === all.length || undefined;
        // Each end of its watch makes an informer wait longer before it watches again.
        await until('a client to see it', isSeen, 60_000);
      }
    } finally {
      await watch.stop();
      for (const client of clients) await client.stop();
    }
  }, 120_000);

  test('convert takes the key out of the kubeconfig, and kubectl works as before', async () => {
    const certificate = await authority.issue({ commonName: 'someone', organizations: ['system:masters'] });
    const { clusterId } = sandbox;
    const ours = { clusterId, authority, serverAuthority: cluster.authority, server: cluster.url };
    await sandbox.writeHome('.kube/config', String(issuedConfig(ours, cluster.url, certificate, {})));
    const before = await kubectl('auth', 'whoami', '-o', 'name');
    expect(before).toMatchObject(ok);
    expect(await sandbox.run(['convert'])).toMatchObject({ status: 0 });
    expect(await readFile(sandbox.kubeconfig, 'utf8')).not.toContain('client-key-data');
    expect(await kubectl('auth', 'whoami', '-o', 'name')).toEqual(before);
  });

  describeWith([policyKubectl], 'with a policy for plugins', () => {
    test.each([
      ['kubectl-eck', 0],
      ['something-else', 1],
    ])('kuberc that allows %s alone', async (command, status) => {
      await setUp();
      const kuberc = {
        ...{ apiVersion: 'kubectl.config.k8s.io/v1beta1', kind: 'Preference' },
        ...{ credentialPluginPolicy: 'Allowlist', credentialPluginAllowlist: [{ command }] },
      };
      const file = await sandbox.writeHome('kuberc', JSON.stringify(kuberc));
      expect(await kubectl('get', 'nodes', '--kuberc', file)).toMatchObject({ status });
    });
  });

  interface Result {
    readonly check: string;
    readonly status: string;
    readonly code?: string;
    readonly fix?: string;
  }

  async function doctor() {
    const { stdout } = await sandbox.run(['doctor', '-o', 'json'], { env: { PATH: usualPath } });
    const found = (JSON.parse(stdout) as Result[]).filter(({ status }) => status !== 'ok');
    return {
      problems: found.map(({ check, status, code }) => `${check} ${status} [${code ?? ''}]`),
      fix: found.at(-1)?.fix,
    };
  }

  describe('doctor', () => {
    const authorityData = /(certificate-authority-data: ).*/;
    const edit = async (from: string | RegExp, to: string) => {
      await writeFile(sandbox.kubeconfig, (await readFile(sandbox.kubeconfig, 'utf8')).replace(from, to));
    };
    const removeCredential = () => rm(join(sandbox.home, '.kube/cache/kubectl-eck/credentials'), { recursive: true });
    const expireCredential = async () => {
      await removeCredential();
      sandbox.ens.issuing = { lifetimeMs: 1000 };
      await setUp();
      sandbox.ens.issuing = {};
      await delay(Number(sandbox.ens.issued.at(-1)?.notAfter) - Date.now());
    };
    const trustAnother = () => edit(authorityData, `$1${Buffer.from(authority.certificatePem).toString('base64')}`);
    test.each<[name: string, problems: string[], inject: () => unknown]>([
      ['nothing', [], () => undefined],
      ['no cached credential', ['credential warning []'], removeCredential],
      ['an expired credential', ['credential warning []'], expireCredential],
      [
        'a client CA that was replaced',
        ['api-server failed [api-server-unauthenticated]'],
        () => cluster.issueFor(sandbox),
      ],
      ['another CA', ['api-server failed [api-server-untrusted]'], trustAnother],
      [
        'another address',
        ['api-server failed [api-server-unreachable]'],
        () => edit(cluster.url, `https://${cluster.host}:1`),
      ],
    ])('finds %s, and its fix', async (_, expected, inject) => {
      await setUp();
      await inject();
      const { problems, fix = '' } = await doctor();
      expect(problems).toEqual(expected);
      const [command = 'true'] = /kubectl eck .*$/.exec(fix) ?? [];
      const options = { env: sandbox.environment({ PATH: usualPath }), timeoutMs: 30_000 };
      expect(await runProgram('/bin/sh', ['-c', command], options)).toMatchObject({ status: 0 });
      expect((await doctor()).problems).toEqual([]);
      expect(await kubectl('get', 'nodes')).toMatchObject(ok);
    });
  });
});

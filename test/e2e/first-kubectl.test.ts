import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { currentKubectl, oldKubectl } from '../support/kubectl.js';
import { kernelKeyringRequirement, startSessionKeyring } from '../support/kernel-keyring.js';
import { onPath } from '../support/on-path.js';
import { describeWith } from '../support/requirements.js';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { programs, runProgram } from '../support/sandbox.js';
import { secretServiceRequirement, startSecretService, type SecretService } from '../support/secret-service.js';

useSandbox();

const { kubectl } = currentKubectl;

for (const requirement of [oldKubectl, currentKubectl]) {
  const execApiVersion = requirement === oldKubectl ? 'v1beta1' : 'v1';
  const { kubectl } = requirement;
  describeWith([requirement], `${requirement.name} through kubectl-eck`, () => {
    test('reaches the cluster after get-credentials, and still does when ENS is down', async () => {
      const args = ['get-credentials', sandbox.clusterId, '--exec-api-version', execApiVersion];
      expect(await sandbox.run(args)).toMatchObject({ status: 0, stdout: '' });

      const first = await sandbox.kubectl(kubectl, ['get', 'nodes']);
      expect(first).toMatchObject({ status: 0, stderr: '' });
      expect(first.stdout).toContain('eck-0123abcd-node-1');

      await sandbox.ens.stop();
      const second = await sandbox.kubectl(kubectl, ['get', 'nodes']);
      expect(second).toEqual(first);
      expect(sandbox.ens.calls()).toBe(1);
      expect(new Set(sandbox.apiServer.requests.map(({ user }) => user))).toEqual(new Set(['someone']));
    });

    test('runs get-credentials as its own plugin', async () => {
      const args = ['eck', 'get-credentials', sandbox.clusterId, '--exec-api-version', execApiVersion];
      expect(await sandbox.kubectl(kubectl, args)).toMatchObject({ status: 0 });
      expect(await sandbox.kubectl(kubectl, ['get', 'nodes'])).toMatchObject({ status: 0 });
    });

    test('accepts get-credentials in an exec entry', async () => {
      const printed = await sandbox.run(['get-credentials', sandbox.clusterId, '--print']);
      await sandbox.writeHome(
        '.kube/config',
        printed.stdout
          .replace('exec-credential', 'get-credentials')
          .replace(/client\.authentication\.k8s\.io\/v1\b/, `client.authentication.k8s.io/${execApiVersion}`),
      );
      expect(await sandbox.kubectl(kubectl, ['get', 'nodes'])).toMatchObject({ status: 0, stderr: '' });
    });
  });
}

describeWith([currentKubectl], 'a current kubectl', () => {
  test('passes the cluster id of an extension, so that one user serves many clusters', async () => {
    const printed = await sandbox.run(['get-credentials', sandbox.clusterId, '--print']);
    const kubeconfig = printed.stdout
      .replace(/(args:.*exec-credential)[^\n\]]*/s, '$1')
      .replace('provideClusterInfo: false', 'provideClusterInfo: true')
      .replace(
        /^(\s+)server: .*$/m,
        (line, indent: string) =>
          `${line}\n${indent}extensions:\n${indent}- name: client.authentication.k8s.io/exec\n` +
          `${indent}  extension: {clusterId: ${sandbox.clusterId}}`,
      );
    await sandbox.writeHome('.kube/config', kubeconfig);
    expect(await sandbox.kubectl(kubectl, ['get', 'nodes'])).toMatchObject({ status: 0, stderr: '' });
  });
});

test('get-credentials writes a kubeconfig without the client key, and saves what exec-credential serves', async () => {
  await sandbox.run(['get-credentials', sandbox.clusterId]);
  const kubeconfig = await readFile(sandbox.kubeconfig, 'utf8');
  expect(kubeconfig).not.toMatch(/client-key|client-certificate|BEGIN (?!CERTIFICATE)/);
  expect(kubeconfig).toContain('command: kubectl-eck');

  const served = await sandbox.run(['exec-credential', '--cluster-id', sandbox.clusterId]);
  const [issued] = sandbox.ens.issued;
  expect(JSON.parse(served.stdout)).toEqual({
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: {
      clientCertificateData: issued?.certificatePem,
      clientKeyData: issued?.privateKeyPem,
      expirationTimestamp: expect.any(String),
    },
  });
  expect(sandbox.ens.calls()).toBe(1);
});

describe('exec-credential', () => {
  const shell = async (script: string) =>
    runProgram('/bin/sh', ['-c', script, 'sh', programs.standalone, sandbox.clusterId], {
      env: sandbox.environment(),
      timeoutMs: 30_000,
    });

  describeWith([{ name: 'script', available: onPath('script') }], 'at a terminal', () => {
    test('prints no private key, and says what to run', async () => {
      const { status, stdout } = await shell('NO_COLOR=1 script -qec "$1 exec-credential --cluster-id $2" /dev/null');
      expect(status).toBe(2);
      expect(stdout).toMatch(/^kubectl-eck: a private key is not printed to a terminal \[usage\]\r\n.*doctor\r\n$/);
      expect(sandbox.ens.calls()).toBe(0);
    });
  });

  describeWith([{ name: '/dev/full', available: existsSync('/dev/full') }], 'with a full disk', () => {
    test('fails with one line', async () => {
      const { status, stderr } = await shell('exec "$1" exec-credential --cluster-id "$2" >/dev/full');
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: 'kubectl-eck: standard output cannot be written (ENOSPC) [output-failed]\n',
      });
    });
  });
});

describeWith([secretServiceRequirement, currentKubectl], 'with a Secret Service', () => {
  let secretService: SecretService;
  let env: Record<string, string | undefined>;

  beforeEach(async () => {
    secretService = await startSecretService();
    env = { ...secretService.environment, KUBECTL_ECK_STORE: undefined };
  });

  afterEach(() => secretService.stop());

  test('no file holds the key, and kubectl works', async () => {
    const got = await sandbox.run(['get-credentials', sandbox.clusterId], { env });
    expect(got.stderr).toContain('keychain');
    await sandbox.ens.stop();
    const nodes = await sandbox.kubectl(kubectl, ['get', 'nodes'], { env });
    expect(nodes).toMatchObject({ status: 0, stderr: '' });
    expect(await sandbox.filesWithIssuedKeys()).toEqual([]);
  });

  test('a locked one does not stop kubectl', async () => {
    await secretService.lock();
    expect(await sandbox.run(['get-credentials', sandbox.clusterId], { env })).toMatchObject({ status: 0 });
    expect(await sandbox.kubectl(kubectl, ['get', 'nodes'], { env })).toMatchObject({ status: 0 });
    expect(await sandbox.filesWithIssuedKeys()).toEqual([]);
  });

  test('a locked one is an error if it was chosen by name', async () => {
    await secretService.lock();
    const args = ['exec-credential', '--cluster-id', sandbox.clusterId, '--store', 'keychain'];
    const refused = await sandbox.run(args, { env });
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^kubectl-eck: .*\[keychain-(locked|timeout)\]\n(.+\n)?$/);
  });
});

describeWith([kernelKeyringRequirement, currentKubectl], 'with a kernel keyring alone', () => {
  test('no file holds the key, and kubectl works', async () => {
    const keyring = await startSessionKeyring();
    try {
      const env = sandbox.environment({ KUBECTL_ECK_STORE: undefined });
      const got = await keyring.run(['kubectl-eck', 'get-credentials', sandbox.clusterId], env);
      expect(got).toMatchObject({ status: 0 });
      expect(got.stderr).toContain('kernel keyring');
      await sandbox.ens.stop();
      const nodes = await keyring.run([kubectl.path, 'get', 'nodes'], env);
      expect(nodes).toMatchObject({ status: 0, stderr: '' });
      expect(await sandbox.filesWithIssuedKeys()).toEqual([]);
    } finally {
      await keyring.stop();
    }
  });
});

import { describe, expect, test } from '@jest/globals';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CertificateAuthority } from '../support/certificate-authority.js';
import { issuedConfig } from '../support/issued-kubeconfig.js';
import { filesHolding, noteKey } from '../support/journal.js';
import { currentKubectl, oldKubectl, type Outcome } from '../support/kubectl.js';
import { describeWith } from '../support/requirements.js';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { noAccessKey } from '../support/sandbox.js';

useSandbox();

/** The kubeconfig of a cluster as the ENS console shows it, and the key in it. */
async function consoleKubeconfig({
  clusterId = sandbox.clusterId,
  commonName = 'someone',
  lifetimeMs = 3_600_000,
} = {}): Promise<{ readonly text: string; readonly key: string }> {
  const { authority, apiServer } = sandbox;
  const certificate = await authority.issue({
    commonName,
    organizations: ['system:masters'],
    notBefore: new Date(Date.now() - 7_200_000),
    notAfter: new Date(Date.now() + lifetimeMs),
  });
  noteKey(certificate.privateKeyPem);
  const cluster = { clusterId, authority, server: apiServer.url };
  const config = issuedConfig(cluster, apiServer.url, certificate, {});
  return { text: config as string, key: certificate.privateKeyPem };
}

/** The files that hold a key, other than those of the store `file`. */
async function filesWith(...keys: readonly string[]): Promise<string[]> {
  const credentials = join(sandbox.home, '.kube', 'cache', 'kubectl-eck', 'credentials');
  return (await filesHolding(sandbox.directory, keys)).filter((file) => dirname(file) !== credentials);
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** Some keys stay: each is named with a code, and the kubeconfig is the same text. */
async function expectStays(run: Outcome, file: string, text: string, code: string): Promise<void> {
  expect(run).toMatchObject({ status: 1, stdout: '' });
  expect(run.stderr).toMatch(new RegExp(`^error: eck-0123abcd: .*\\[${code}\\]$`, 'm'));
  expect(run.stderr).toMatch(/^error: 1 of \d client keys .* \[conversion-incomplete\]$/m);
  expect(await readFile(file, 'utf8')).toBe(text);
}

for (const requirement of [oldKubectl, currentKubectl]) {
  const execApiVersion = requirement === oldKubectl ? 'v1beta1' : 'v1';
  describeWith([requirement], `${requirement.name} after convert`, () => {
    test('works as before, and the key is in no file', async () => {
      const { text, key } = await consoleKubeconfig();
      const others =
        '- name: token\n  user: {token: a.b.c} # mine\n' +
        `- name: other\n  user: {client-certificate-data: Yw==, client-key-data: aw==}\n`;
      const indented = others.replace(/^/gm, '  ').trimEnd();
      const file = await sandbox.writeHome('.kube/config', text.replace(/^users:$/m, `users:\n${indented}`));
      const args = ['--context', sandbox.clusterId, 'get', 'nodes'];
      const before = await sandbox.kubectl(requirement.kubectl, args);
      expect(before).toMatchObject({ status: 0 });

      const converted = await sandbox.run(['convert', '--exec-api-version', execApiVersion]);
      expect(converted).toMatchObject({ status: 0, stdout: '' });
      expect(await sandbox.kubectl(requirement.kubectl, args)).toEqual(before);
      expect(await filesWith(key)).toEqual([]);
      expect(await readFile(file, 'utf8')).toContain(indented);
      expect(sandbox.ens.calls()).toBe(1);
    });
  });
}

describe('convert', () => {
  test('does nothing the second time, and says so', async () => {
    const file = await sandbox.writeHome('.kube/config', (await consoleKubeconfig()).text);
    await sandbox.run(['convert']);
    const { mtimeMs, ino } = await stat(file);
    for (const args of [['convert'], ['convert', '--context', sandbox.clusterId]]) {
      const again = await sandbox.run(args);
      expect(again).toMatchObject({ status: 0, stdout: '' });
      expect(again.stderr).toMatch(/^Nothing to convert/);
    }
    expect(await stat(file)).toMatchObject({ mtimeMs, ino });
  });

  test('makes no kubeconfig where there is none', async () => {
    expect(await sandbox.run(['convert'])).toMatchObject({ status: 0, stdout: '' });
    expect(await readdir(sandbox.home)).toEqual([]);
  });

  test('lists with --dry-run what would change, and changes nothing', async () => {
    const { text } = await consoleKubeconfig();
    const file = await sandbox.writeHome('.kube/config', text);
    const run = await sandbox.run(['convert', '--dry-run']);
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(run.stdout.trim().split('\n')).toEqual([
      expect.stringMatching(/^CONTEXT +CLUSTER +SUBJECT$/),
      expect.stringMatching(/^eck-0123abcd +eck-0123abcd +O=system:masters, CN=someone$/),
    ]);
    expect(sandbox.ens.calls()).toBe(0);
    expect(await readFile(file, 'utf8')).toBe(text);
    expect(await readdir(join(sandbox.home, '.kube'))).toEqual(['config']);
  });

  test('converts the other users if ENS has no such cluster', async () => {
    const { text, key } = await consoleKubeconfig();
    const elastic = (await consoleKubeconfig({ clusterId: 'eck-elastic' })).text;
    const config = await sandbox.writeHome('.kube/config', text);
    const file = await sandbox.writeHome('elastic.yaml', elastic);
    const run = await sandbox.run(['convert'], { env: { KUBECONFIG: `${config}:${file}` } });
    expect(run).toMatchObject({ status: 1, stdout: '' });
    expect(run.stderr).toMatch(/^error: eck-elastic: .*\[ens-cluster-not-found\]$/m);
    expect(run.stderr).toMatch(/^error: 1 of 2 client keys .* \[conversion-incomplete\]$/m);
    expect(await readFile(file, 'utf8')).toBe(elastic);
    expect(await filesWith(key)).toEqual([]);
  });

  test('replaces the certificate of another subject only with --overwrite', async () => {
    const { text, key } = await consoleKubeconfig({ commonName: 'admin' });
    const file = await sandbox.writeHome('.kube/config', text);
    const refused = await sandbox.run(['convert']);
    await expectStays(refused, file, text, 'context-not-convertible');
    expect(refused.stderr).toMatch(/CN=admin.*CN=someone/);
    expect(await sandbox.run(['convert', '--overwrite'])).toMatchObject({ status: 0 });
    expect(await filesWith(key)).toEqual([]);
  });

  test('leaves the key of a cluster with another CA, also with --overwrite', async () => {
    const { text } = await consoleKubeconfig();
    const other = await CertificateAuthority.create({ name: 'another CA' });
    const data = `certificate-authority-data: ${base64(other.certificatePem)}`;
    for (const edited of [
      text.replace(/certificate-authority-data: .*/, data),
      text.replace(/certificate-authority-data: .*/, 'insecure-skip-tls-verify: true'),
    ]) {
      const file = await sandbox.writeHome('.kube/config', edited);
      const run = await sandbox.run(['convert', '--overwrite']);
      await expectStays(run, file, edited, 'context-not-convertible');
      expect(run.stderr).toContain('kubectl eck get-credentials eck-0123abcd\n');
    }
  });

  test('converts a context whose cluster is given, also with an expired certificate', async () => {
    const { text, key } = await consoleKubeconfig({ lifetimeMs: -3_600_000 });
    await sandbox.writeHome('.kube/config', text.replaceAll('eck-0123abcd', 'edge'));
    const left = await sandbox.run(['convert']);
    expect(left).toMatchObject({ status: 0 });
    expect(left.stderr).toMatch(/an ECK id: edge\. .*--context NAME --cluster-id ID\n/);
    const args = ['convert', '--context', 'edge', '--cluster-id', sandbox.clusterId];
    expect(await sandbox.run(args)).toMatchObject({ status: 0 });
    expect(await filesWith(key)).toEqual([]);
  });

  test('leaves key files and other copies of the key, and says where they are', async () => {
    const { text, key } = await consoleKubeconfig();
    const keyFile = await sandbox.writeHome('.kube/pki/my.key', key);
    await sandbox.writeHome('.kube/config', text.replace(/client-key-data: .*/, 'client-key: pki/my.key'));
    const named = await sandbox.run(['convert']);
    expect(named).toMatchObject({ status: 0 });
    expect(named.stderr).toContain(`rm '${keyFile}'\n`);

    const file = await sandbox.writeHome('.kube/config', `${text}# before: ${base64(key)}\n`);
    const commented = await sandbox.run(['convert']);
    expect(commented).toMatchObject({ status: 0 });
    expect(commented.stderr).toContain(`also elsewhere in ${file}`);
  });

  test('changes no file if one of them cannot be edited', async () => {
    const { text } = await consoleKubeconfig();
    const aliased = text
      .replace(/^( +)user:$/m, '$1user: &me')
      .replace(/^(users:\n)([^]*?)(^contexts:)/m, '$1$2  - {name: other, user: *me}\n$3');
    expect(aliased).toContain('*me');
    const file = await sandbox.writeHome('.kube/config', aliased);
    const run = await sandbox.run(['convert']);
    expect(run).toMatchObject({ status: 1, stdout: '' });
    expect(run.stderr).toContain('[kubeconfig-unusable]\n');
    expect(await readFile(file, 'utf8')).toBe(aliased);
  });

  test.each([
    ['usage', ['--store', 'none'], {}],
    ['keychain-absent', ['--store', 'keychain'], {}],
    ['usage', ['--cluster-id', 'eck-1'], {}],
    ['usage', ['--exec-api-version', 'v2'], {}],
    ['context-not-found', ['--context', 'absent'], {}],
    ['identity-not-found', [], noAccessKey],
    ['ens-unauthenticated', [], { ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'wrong' }],
  ])('leaves the key after the error %s of %j', async (code, args, env) => {
    const { text } = await consoleKubeconfig();
    const file = await sandbox.writeHome('.kube/config', text);
    const run = await sandbox.run(['convert', ...args], { env });
    expect(run).toMatchObject({ status: code === 'usage' ? 2 : 1, stdout: '' });
    expect(run.stderr).toContain(`[${code}]\n`);
    expect(await readFile(file, 'utf8')).toBe(text);
  });
});

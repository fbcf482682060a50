import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execInfo } from '../support/exec-info.js';
import { apiError } from '../support/ens-faults.js';
import type { Issuing } from '../support/issued-kubeconfig.js';
import type { Outcome } from '../support/kubectl.js';
import { programs, runProgram, Sandbox } from '../support/sandbox.js';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.create();
});

afterAll(async () => {
  await sandbox.dispose();
});

/** Every test finds an empty home directory, and an ENS that works. */
beforeEach(async () => {
  await rm(sandbox.home, { recursive: true, force: true });
  await mkdir(sandbox.home, { mode: 0o700 });
});

afterEach(() => {
  sandbox.ens.recover();
});

/** What every failure has in common: nothing on standard output, and one line with a code. */
function expectRefusal(outcome: Outcome, status: 1 | 2, code: string): void {
  expect(outcome).toMatchObject({ status, stdout: '' });
  expect(outcome.stderr).toMatch(/^kubectl-eck: [^\n]+\n$/);
  expect(outcome.stderr).toContain(`[${code}]\n`);
}

const askKubectl = { env: { KUBERNETES_EXEC_INFO: execInfo() } };

describe('without an identity', () => {
  test('one line says at once what was looked for, in which order, and how to give one', async () => {
    const env = { ALIBABA_CLOUD_ACCESS_KEY_ID: undefined, ALIBABA_CLOUD_ACCESS_KEY_SECRET: undefined };
    const refused = await sandbox.run(['get-credentials', sandbox.clusterId], { env });
    expectRefusal(refused, 1, 'identity-not-found');
    const places = [
      'ALIBABA_CLOUD_ACCESS_KEY_ID',
      'OIDC',
      'aliyun CLI',
      '.alibabacloud/credentials',
      'ECS',
      'ALIBABA_CLOUD_CREDENTIALS_URI',
      'aliyun configure',
    ];
    const positions = places.map((place) => refused.stderr.indexOf(place));
    expect(positions).not.toContain(-1);
    expect(positions).toEqual([...positions].sort((a, b) => a - b));
  });
});

describe('where ENS says no', () => {
  test('a wrong secret is told with the identity and the request', async () => {
    const env = { ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'WrongSecretWrongSecret00000000' };
    const refused = await sandbox.run(['get-credentials', sandbox.clusterId], { env });
    expectRefusal(refused, 1, 'ens-unauthenticated');
    expect(refused.stderr).toContain(sandbox.identity.accessKeyId);
    expect(refused.stderr).toMatch(/RequestId [0-9A-F-]{36}/);
    expect(refused.stderr).not.toContain('WrongSecret');
  });

  test('a missing permission is told with the RAM action to grant', async () => {
    sandbox.ens.failNext(1, apiError('Forbidden.RAM'));
    const refused = await sandbox.run(['exec-credential', '--cluster-id', sandbox.clusterId], askKubectl);
    expectRefusal(refused, 1, 'ens-not-allowed');
    expect(refused.stderr).toContain('ens:DescribeClusterUserKubeconfig');
    expect(refused.stderr).toMatch(/RequestId [0-9A-F-]{36}/);
  });

  test('an unknown cluster is told with the endpoint that was asked', async () => {
    const refused = await sandbox.run(['get-credentials', 'eck-unknown']);
    expectRefusal(refused, 1, 'ens-cluster-not-found');
    expect(refused.stderr).toContain(sandbox.ens.endpoint.replace('http://', ''));
    expect(refused.stderr).toMatch(/RequestId [0-9A-F-]{36}/);
  });
});

describe('an issued kubeconfig that cannot be used', () => {
  const hostile = '\u001b[31mred\u0007';
  const cases: [string, unknown][] = [
    ['is missing', undefined],
    ['is empty', ''],
    ['is not YAML', 'clusters: [}'],
    ['is a list', '- a\n- b\n'],
    ['is 2 MiB large', `a: ${'x'.repeat(2 * 1024 * 1024)}`],
    ['uses aliases', 'a: &a {b: c}\nclusters: *a\n'],
    ['has no users', 'clusters: []\ncontexts: []\n'],
    ['is full of control characters', `contexts: [{name: "${hostile}", context: 1}, {name: b, context: 2}]`],
  ];

  test.each(cases)('that %s is refused, with nothing kept and nothing written', async (_, value) => {
    sandbox.ens.failNext(1, { kind: 'config', value });
    const refused = await sandbox.run(['get-credentials', sandbox.clusterId]);
    const tooLarge = typeof value === 'string' && value.length > 1024 * 1024;
    expectRefusal(refused, 1, tooLarge ? 'ens-answer-invalid' : 'issued-kubeconfig-invalid');
    expect(refused.stderr).not.toMatch(/[^\P{Cc}\n]/u);
    expect(await readdir(sandbox.home)).toEqual([]);
  });
});

describe('an issued client credential', () => {
  afterEach(() => {
    sandbox.ens.issuing = {};
  });

  const refusals: [string, () => Promise<Issuing> | Issuing][] = [
    [
      'whose key belongs to another certificate',
      async () => {
        const { privateKeyPem } = await sandbox.authority.issue({ commonName: 'someone-else' });
        return withUser((user) => ({
          ...user,
          'client-key-data': Buffer.from(privateKeyPem).toString('base64'),
        }));
      },
    ],
    ['that has expired', () => ({ lifetimeMs: -1000, backdatingMs: 60_000 })],
    [
      'that is an exec entry',
      () => withUser(() => ({ exec: { command: '/bin/sh', args: ['-c', 'touch /tmp/x'] } })),
    ],
    [
      'for a server without TLS',
      () => ({
        edit: (kubeconfig) => ({
          ...kubeconfig,
          clusters: [
            {
              ...kubeconfig.clusters[0],
              cluster: { ...kubeconfig.clusters[0].cluster, server: 'http://127.0.0.1:1' },
            },
          ],
        }),
      }),
    ],
  ];

  test.each(refusals)('%s is refused, with nothing kept and nothing written', async (_, issuing) => {
    sandbox.ens.issuing = await issuing();
    const refused = await sandbox.run(['get-credentials', sandbox.clusterId]);
    expectRefusal(refused, 1, 'issued-kubeconfig-invalid');
    expect(await readdir(sandbox.home)).toEqual([]);
  });
});

function withUser(change: (user: object) => object): Issuing {
  return {
    edit: (kubeconfig) => ({
      ...kubeconfig,
      users: [{ ...kubeconfig.users[0], user: change(kubeconfig.users[0].user) }],
    }),
  };
}

describe('KUBERNETES_EXEC_INFO', () => {
  const cases: [string, string][] = [
    ['is not JSON', '{'],
    ['is of another kind', execInfo({ kind: 'Pod' })],
    ['is of an unknown version', execInfo({ apiVersion: 'client.authentication.k8s.io/v1alpha1' })],
    ['is a list', '[]'],
    ['names a cluster that is none', execInfo({ spec: { cluster: { config: { clusterId: '../x' } } } })],
  ];

  test.each(cases)('that %s is refused before any call', async (_, text) => {
    const calls = sandbox.ens.calls();
    const refused = await sandbox.run(['exec-credential'], { env: { KUBERNETES_EXEC_INFO: text } });
    expectRefusal(refused, 1, 'exec-info-invalid');
    expect(sandbox.ens.calls()).toBe(calls);
  });

  test('that is missing means that a person runs it by hand, and v1', async () => {
    const answer = await sandbox.run(['exec-credential', '--cluster-id', sandbox.clusterId]);
    expect(JSON.parse(answer.stdout)).toMatchObject({ apiVersion: 'client.authentication.k8s.io/v1' });
  });

  test.each(['v1', 'v1beta1'])('that asks for %s is answered in it', async (version) => {
    const apiVersion = `client.authentication.k8s.io/${version}`;
    const answer = await sandbox.run(['exec-credential', '--cluster-id', sandbox.clusterId], {
      env: { KUBERNETES_EXEC_INFO: execInfo({ apiVersion }) },
    });
    expect(JSON.parse(answer.stdout)).toMatchObject({ apiVersion, kind: 'ExecCredential' });
  });
});

describe('a cluster id', () => {
  const ids = [
    ['with a slash', 'eck/1'],
    ['with a newline', 'eck-1\neck-2'],
    ['of 300 characters', 'e'.repeat(300)],
    ['that is empty', ''],
    ['that starts with a dash', '-eck'],
  ] as const;

  test.each(ids)('%s is wrong usage, before any call', async (_, id) => {
    const calls = sandbox.ens.calls();
    for (const args of [
      ['exec-credential', `--cluster-id=${id}`],
      ['get-credentials', '--', id],
    ]) {
      expectRefusal(await sandbox.run(args), 2, 'usage');
    }
    expect(sandbox.ens.calls()).toBe(calls);
    expect(await readdir(sandbox.home)).toEqual([]);
  });
});

describe('wrong usage', () => {
  const lines: [string, string[]][] = [
    ['an unknown command', ['get-credential', 'eck-1']],
    ['an unknown flag', ['exec-credential', '--cluster', 'eck-1']],
    ['a flag without its value', ['exec-credential', '--cluster-id']],
    ['no cluster', ['get-credentials']],
    [
      'plain http to a host that is not this one',
      ['get-credentials', 'eck-1', '--endpoint', 'http://example.com'],
    ],
    ['an unknown site', ['get-credentials', 'eck-1', '--site', 'mars']],
    ['an unknown store', ['exec-credential', '--cluster-id', 'eck-1', '--store', 'pocket']],
    ['a duration that is none', ['exec-credential', '--cluster-id', 'eck-1', '--read-timeout', 'soon']],
    ['a namespace that is none', ['get-credentials', 'eck-1', '--namespace', 'A b']],
    ['an unknown version of the protocol', ['get-credentials', 'eck-1', '--exec-api-version', 'v2']],
  ];

  test.each(lines)('such as %s ends with status 2 and names the help', async (_, args) => {
    expectRefusal(await sandbox.run(args), 2, 'usage');
  });
});

describe('a user kubeconfig that cannot be written', () => {
  test('because it is not YAML stays as it is', async () => {
    const text = 'clusters: [}\nusers:\n  secret: "do not print me"\n';
    const file = await sandbox.writeHome('.kube/config', text);
    const refused = await sandbox.run(['get-credentials', sandbox.clusterId]);
    expectRefusal(refused, 1, 'kubeconfig-unusable');
    expect(refused.stderr).toContain(file);
    expect(refused.stderr).not.toContain('do not print me');
    expect(await readFile(file, 'utf8')).toBe(text);
    expect(await readdir(join(sandbox.home, '.kube'))).toEqual(expect.not.arrayContaining(['config.lock']));
  });

  test('because it is a directory is said so', async () => {
    await mkdir(sandbox.kubeconfig, { recursive: true });
    const refused = await sandbox.run(['get-credentials', sandbox.clusterId]);
    expectRefusal(refused, 1, 'kubeconfig-unusable');
    expect(await readdir(sandbox.kubeconfig)).toEqual([]);
  });

  test('because another process holds its lock is said so, after a while', async () => {
    const file = await sandbox.writeHome('.kube/config', '');
    await writeFile(`${file}.lock`, '');
    const refused = await sandbox.run(['get-credentials', sandbox.clusterId]);
    expectRefusal(refused, 1, 'kubeconfig-locked');
    expect(refused.stderr).toContain(`${file}.lock`);
    expect(await readFile(file, 'utf8')).toBe('');
  });

  test('because somebody else wrote the entry is said so, and --overwrite writes it', async () => {
    const text = `users:\n- name: ${sandbox.clusterId}\n  user: {token: other}\n`;
    const file = await sandbox.writeHome('.kube/config', text);
    const refused = await sandbox.run(['get-credentials', sandbox.clusterId]);
    expectRefusal(refused, 1, 'kubeconfig-conflict');
    expect(refused.stderr).toContain('--overwrite');
    expect(await readFile(file, 'utf8')).toBe(text);
    expect(await sandbox.run(['get-credentials', sandbox.clusterId, '--overwrite'])).toMatchObject({
      status: 0,
    });
    expect(await readFile(file, 'utf8')).toContain('command: kubectl-eck');
  });
});

describe('a store that was named', () => {
  test('and is not there is a clear error', async () => {
    const env = { KUBECTL_ECK_STORE: 'keychain', DBUS_SESSION_BUS_ADDRESS: undefined };
    const refused = await sandbox.run(['exec-credential', '--cluster-id', sandbox.clusterId], { env });
    expectRefusal(refused, 1, 'keychain-absent');
  });

  test('none keeps nothing, and every request is a call', async () => {
    const env = { KUBECTL_ECK_STORE: 'none' };
    const args = ['exec-credential', '--cluster-id', sandbox.clusterId];
    const calls = sandbox.ens.calls();
    expect(await sandbox.run(args, { env })).toMatchObject({ status: 0, stderr: '' });
    expect(await sandbox.run(args, { env })).toMatchObject({ status: 0, stderr: '' });
    expect(sandbox.ens.calls()).toBe(calls + 2);
  });
});

describe('a machine without any keychain', () => {
  test('is served by auto all the same, and told once how to keep credentials in files', async () => {
    // Without the addon beside it, the program reaches no keychain, whatever this machine has.
    const lonely = join(sandbox.directory, 'kubectl-eck');
    await copyFile(programs.standalone, lonely, constants.COPYFILE_FICLONE);
    const env = sandbox.environment({ KUBECTL_ECK_STORE: undefined });
    const args = ['exec-credential', '--cluster-id', sandbox.clusterId];

    const first = await runProgram(lonely, args, { env, timeoutMs: 30_000 });
    const second = await runProgram(lonely, args, { env, timeoutMs: 30_000 });
    expect(JSON.parse(first.stdout)).toMatchObject({ kind: 'ExecCredential' });
    expect(first.stderr).toMatch(/^kubectl-eck: [^\n]*--store file[^\n]*\n$/);
    expect(second).toMatchObject({ status: 0, stderr: '' });

    const named = await runProgram(lonely, [...args, '--store', 'keychain'], {
      env: { ...env, DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent' },
      timeoutMs: 30_000,
    });
    expectRefusal(named, 1, 'keychain-absent');
    expect(named.stderr).toContain('keyring.node');
  });
});

describe('standard output that is closed early', () => {
  test.each(['exec-credential', 'help', 'get-credentials'])(
    'brings no stack trace from %s',
    async (command) => {
      const args = {
        'exec-credential': ['exec-credential', '--cluster-id', sandbox.clusterId],
        help: ['help'],
        'get-credentials': ['get-credentials', sandbox.clusterId, '--print'],
      }[command as 'help'];
      for (const program of Object.values(programs)) {
        const child = spawn(program, args, { env: sandbox.environment(), stdio: ['ignore', 'pipe', 'pipe'] });
        child.stdout.destroy();
        let stderr = '';
        child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
        await once(child, 'close');
        expect(stderr).not.toMatch(/\n\s+at |Error|EPIPE/);
      }
    },
  );
});

describe('a directory where kubectl is run', () => {
  test('cannot set the environment of the plugin with a .env file', async () => {
    await writeFile(
      join(sandbox.directory, '.env'),
      'KUBECTL_ECK_ENDPOINT=http://127.0.0.1:1\nNODE_OPTIONS=--bad\n',
    );
    await writeFile(join(sandbox.directory, 'bunfig.toml'), 'preload = ["./evil.js"]\n');
    await writeFile(join(sandbox.directory, 'evil.js'), 'console.log("evil");\n');
    const env = { KUBECTL_ECK_ENDPOINT: undefined };
    const args = ['exec-credential', '--cluster-id', sandbox.clusterId, '--endpoint', sandbox.ens.endpoint];
    const answer = await sandbox.run(args, { env });
    expect(JSON.parse(answer.stdout)).toMatchObject({ kind: 'ExecCredential' });
    const version = await sandbox.run(['version'], { env });
    expect(version.stdout).toMatch(/^kubectl-eck \d+\.\d+\.\d+\n$/);
  });
});

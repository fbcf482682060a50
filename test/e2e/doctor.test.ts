import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ApiServer } from '../support/api-server.js';
import { CertificateAuthority } from '../support/certificate-authority.js';
import { ensActions, type EnsAction } from '../support/ens-account.js';
import { currentKubectl, oldKubectl, type Outcome } from '../support/kubectl.js';
import { kernelKeyringRequirement, startSessionKeyring } from '../support/kernel-keyring.js';
import { ProxyServer } from '../support/proxy-server.js';
import { describeWith } from '../support/requirements.js';
import { programs, runProgram, Sandbox, type RunOptions } from '../support/sandbox.js';
import { secretServiceRequirement, startSecretService } from '../support/secret-service.js';
import { TlsFront } from '../support/tls-front.js';
import { until } from '../support/tied-process.js';

interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly detail: string;
  readonly remedy?: string;
  readonly code?: string;
}

interface Diagnosis extends Outcome {
  readonly findings: readonly Finding[];
}

/** Something that is broken: what doctor must say of it, and how it is mended. */
interface Fault {
  /** Breaks it. What it returns is how doctor is run from then on. */
  readonly break: () => Promise<Situation> | Situation | Promise<void>;
  readonly failed?: string;
  readonly warned?: readonly string[];
  readonly code?: string;
  readonly remedy: RegExp;
  /** Does what the remedy says, where that is no command. */
  readonly mend?: () => Promise<Situation> | Situation | Promise<void>;
  /** What may be left to warn of when it is mended. */
  readonly warnedAfter?: readonly string[];
}

interface Situation {
  readonly args?: readonly string[];
  readonly env?: RunOptions['env'];
}

const kubectlDirectory = dirname(currentKubectl.kubectl.path);
const programDirectory = dirname(programs.standalone);
const usualPath = `${kubectlDirectory}:${programDirectory}:/usr/bin:/bin`;

let sandbox: Sandbox;
let cleanUps: (() => Promise<unknown>)[];

beforeEach(async () => {
  sandbox = await Sandbox.create();
  cleanUps = [];
});

afterEach(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
  await sandbox.dispose();
});

function shell(command: string, env: RunOptions['env'] = {}): Promise<Outcome> {
  return runProgram('/bin/sh', ['-c', command], {
    env: sandbox.environment({ PATH: usualPath, ...env }),
    cwd: sandbox.directory,
    timeoutMs: 60_000,
  });
}

async function diagnose({ args = [], env = {} }: Situation = {}): Promise<Diagnosis> {
  const outcome = await sandbox.run(['doctor', ...args, '-o', 'json'], {
    env: { PATH: usualPath, ...env },
    timeoutMs: 60_000,
  });
  return read(outcome);
}

function read(outcome: Outcome): Diagnosis {
  expect(outcome.stderr).toMatch(/^(?:kubectl-eck: waiting for [^\n]+\n)?[^\n]+\n$/);
  expectNoSecret(outcome);
  return { ...outcome, findings: JSON.parse(outcome.stdout) as Finding[] };
}

function expectNoSecret({ stdout, stderr }: Outcome): void {
  for (const text of [stdout, stderr]) {
    expect(text).not.toContain('PRIVATE KEY');
    expect(text).not.toContain('BEGIN');
    expect(text).not.toContain(sandbox.identity.accessKeySecret);
  }
}

function named({ findings }: Diagnosis, status: Finding['status']): string[] {
  return findings.filter((finding) => finding.status === status).map(({ check }) => check);
}

async function setUp(env: RunOptions['env'] = {}, flags: readonly string[] = []): Promise<void> {
  const got = await sandbox.run(['get-credentials', sandbox.clusterId, ...flags], {
    env: { PATH: usualPath, ...env },
  });
  expect(got).toMatchObject({ status: 0 });
}

async function editKubeconfig(edit: (text: string) => string): Promise<void> {
  const text = await readFile(sandbox.kubeconfig, 'utf8');
  expect(edit(text)).not.toBe(text);
  await writeFile(sandbox.kubeconfig, edit(text));
}

async function script(name: string, text: string): Promise<string> {
  const directory = join(sandbox.directory, 'other programs');
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return `${directory}:${usualPath}`;
}

function credentialsDirectory(): string {
  return join(sandbox.home, '.kube', 'cache', 'kubectl-eck', 'credentials');
}

function allowAllBut(action: EnsAction): void {
  const allowedActions = ensActions.filter((known) => known !== action);
  sandbox.ens.putIdentity({ ...sandbox.identity, allowedActions });
}

const allowAll = (): Situation => {
  sandbox.ens.putIdentity(sandbox.identity);
  return {};
};

const kubeconfigOfTheConsole = (): string =>
  `apiVersion: v1
kind: Config
current-context: ${sandbox.clusterId}
clusters: [{name: c, cluster: {server: '${sandbox.apiServer.url}'}}]
contexts: [{name: ${sandbox.clusterId}, context: {cluster: c, user: u}}]
users: [{name: u, user: {token: abc}}]
`;

/** Breaks one thing, sees that doctor says which, does what it says, and sees that all is well. */
async function seeMended(fault: Fault): Promise<void> {
  const broken = (await fault.break()) ?? {};
  const diagnosis = await diagnose(broken);
  const { findings } = diagnosis;
  const link = fault.failed ?? fault.warned?.[0];
  const finding = findings.find(({ check }) => check === link);
  expect({ failed: named(diagnosis, 'failed'), warned: named(diagnosis, 'warning') }).toEqual({
    failed: fault.failed === undefined ? [] : [fault.failed],
    warned: fault.warned ?? [],
  });
  expect(diagnosis.status).toBe(fault.failed === undefined ? 0 : 1);
  expect(finding?.remedy).toMatch(fault.remedy);
  expect(finding?.code).toBe(fault.code);

  const mended = fault.mend === undefined ? await follow(finding?.remedy ?? '', broken) : await fault.mend();
  const after = await diagnose(mended ?? broken);
  expect({ failed: named(after, 'failed'), warned: named(after, 'warning') }).toEqual({
    failed: [],
    warned: fault.warnedAfter ?? [],
  });
  expect(after.status).toBe(0);
}

/** Types the command that a remedy ends with, as it stands there. */
async function follow(remedy: string, situation: Situation): Promise<Situation> {
  const command = /(?:kubectl eck |chmod ).*$/.exec(remedy)?.[0] ?? '';
  expect(await shell(command, situation.env)).toMatchObject({ status: 0 });
  return situation;
}

describeWith([currentKubectl], 'doctor', () => {
  describe('where all is well', () => {
    test('says so of every link, changes nothing, and calls it a success', async () => {
      await setUp();
      const [file = ''] = await readdir(credentialsDirectory());
      const before = await readFile(join(credentialsDirectory(), file));
      const diagnosis = await diagnose();
      expect(diagnosis.findings.map(({ check, status }) => `${check} ${status}`)).toEqual(
        diagnosis.findings.map(({ check }) => `${check} ok`),
      );
      expect(diagnosis).toMatchObject({ status: 0, stderr: 'Nothing is broken. Try: kubectl get nodes\n' });
      expect(await readdir(credentialsDirectory())).toEqual([file]);
      expect(await readFile(join(credentialsDirectory(), file))).toEqual(before);
    });

    test.each(['standalone', 'node'] as const)(
      'is text in a pipe, without colour, from the %s program',
      async (program) => {
        await setUp();
        const outcome = await sandbox.run(['doctor'], { program, env: { PATH: usualPath } });
        expect(outcome.status).toBe(0);
        expectNoSecret(outcome);
        const lines = outcome.stdout.trimEnd().split('\n');
        for (const line of lines) expect(line).toMatch(/^ok {8}[a-z-]+ {3,}\S/);
        expect(lines.at(-1)).toMatch(
          /api-server .*v1\.31\.9-aliyunedge\.1.* kept credential as user someone \(system:masters/,
        );
      },
    );

    test('examines a context or a cluster that is not the current one', async () => {
      await setUp({}, ['--context', 'edge one', '--namespace', 'web']);
      await editKubeconfig((text) => text.replace(/^current-context:.*$/m, 'current-context: ""'));
      for (const asked of ['edge one', sandbox.clusterId]) {
        const diagnosis = await diagnose({ args: [asked] });
        expect([...named(diagnosis, 'failed'), ...named(diagnosis, 'warning')]).toEqual([]);
        expect(diagnosis.stderr).toBe("Nothing is broken. Try: kubectl --context 'edge one' get nodes\n");
      }
    });

    test('knows an API server that does not tell who is asking', async () => {
      const { authority, clusterId } = sandbox;
      const old = await ApiServer.start({ authority, clusterId, version: 'v1.24.6-aliyunedge.1' });
      cleanUps.push(() => old.stop());
      sandbox.ens.putCluster({ clusterId, authority, server: old.url });
      await setUp();
      const { findings, status } = await diagnose();
      expect(status).toBe(0);
      expect(findings.at(-1)).toMatchObject({
        status: 'ok',
        detail: expect.stringContaining('older than 1.28'),
      });
    });

    test('uses the settings of the context, whatever the environment says', async () => {
      await setUp();
      const env = { KUBECTL_ECK_ENDPOINT: 'http://127.0.0.1:9', KUBECTL_ECK_STORE: 'none' };
      expect(await diagnose({ env })).toMatchObject({
        status: 0,
        stderr: expect.stringContaining('Nothing is broken.'),
      });
    });

    test('uses the variables that the exec entry sets', async () => {
      await setUp();
      const { accessKeyId, accessKeySecret } = sandbox.identity;
      const variables = [
        `{name: ALIBABA_CLOUD_ACCESS_KEY_ID, value: ${accessKeyId}}`,
        `{name: ALIBABA_CLOUD_ACCESS_KEY_SECRET, value: ${accessKeySecret}}`,
      ];
      await editKubeconfig((text) =>
        text.replace(/^( +)interactiveMode: .*$/m, `$&\n$1env: [${variables.join(', ')}]`),
      );
      const env = { ALIBABA_CLOUD_ACCESS_KEY_ID: undefined, ALIBABA_CLOUD_ACCESS_KEY_SECRET: undefined };
      const diagnosis = await diagnose({ env });
      expect([...named(diagnosis, 'failed'), ...named(diagnosis, 'warning')]).toEqual([]);
    });

    test('reaches the API server through the proxy that the kubeconfig names', async () => {
      await setUp();
      const { host, port } = new URL(sandbox.apiServer.url);
      const proxy = await ProxyServer.start({ hosts: { [host]: Number(port) } });
      cleanUps.push(() => proxy.stop());
      await editKubeconfig((text) =>
        text.replace(/^( +)server: .*$/m, `$&\n$1proxy-url: http://${proxy.host}`),
      );
      const diagnosis = await diagnose();
      expect([...named(diagnosis, 'failed'), ...named(diagnosis, 'warning')]).toEqual([]);
      expect(new Set(proxy.connects)).toEqual(new Set([host]));
    });

    test('accepts a context for the private address', async () => {
      const { authority, clusterId, apiServer } = sandbox;
      sandbox.ens.putCluster({
        clusterId,
        authority,
        server: 'https://192.0.2.1:6443',
        privateServer: apiServer.url,
      });
      await setUp({}, ['--private-ip']);
      const diagnosis = await diagnose();
      expect([...named(diagnosis, 'failed'), ...named(diagnosis, 'warning')]).toEqual([]);
    });
  });

  test('names get-credentials at first use', async () => {
    const diagnosis = await diagnose();
    expect(diagnosis).toMatchObject({
      status: 0,
      stderr: 'Nothing is broken. Next: kubectl eck get-credentials\n',
    });
    expect(named(diagnosis, 'skipped')).toEqual([
      'may-fetch',
      'may-describe',
      'context',
      'credential',
      'api-server',
    ]);
  });

  test('examines no cluster where the current context is for another kind of cluster', async () => {
    await sandbox.writeHome(
      '.kube/config',
      kubeconfigOfTheConsole().replaceAll(sandbox.clusterId, 'minikube'),
    );
    const diagnosis = await diagnose();
    expect(diagnosis).toMatchObject({
      status: 0,
      stderr: 'Nothing is broken. Next: kubectl eck get-credentials\n',
    });
    expect(named(diagnosis, 'skipped')).toContain('context');
  });

  test('refuses what is no id and no context as wrong usage', async () => {
    expect(await sandbox.run(['doctor', 'no such thing'])).toMatchObject({ status: 2, stdout: '' });
  });

  const faults: Record<string, Fault> = {
    'a program that is not on PATH': {
      break: async () => {
        await setUp();
        return { env: { PATH: `${kubectlDirectory}:/usr/bin:/bin` } };
      },
      failed: 'program',
      code: 'program-not-found',
      remedy: /^export PATH=\S+:"\$PATH"$/,
      mend: async () => {
        const diagnosis = await diagnose({ env: { PATH: `${kubectlDirectory}:/usr/bin:/bin` } });
        const { remedy = '' } = diagnosis.findings[0] ?? {};
        const printed = await shell(`${remedy}; printf %s "$PATH"`, {
          PATH: `${kubectlDirectory}:/usr/bin:/bin`,
        });
        return { env: { PATH: printed.stdout } };
      },
    },
    'another program of that name': {
      break: async () => {
        await setUp();
        return { env: { PATH: await script('kubectl-eck', 'echo something else') } };
      },
      failed: 'program',
      code: 'program-not-found',
      remedy: /^export PATH=/,
      mend: () => ({ env: { PATH: usualPath } }),
    },
    'another release of that name': {
      break: async () => {
        await setUp();
        return { env: { PATH: await script('kubectl-eck', `echo '{"version":"0.0.1"}'`) } };
      },
      warned: ['program'],
      remedy: /^export PATH=/,
      mend: () => ({ env: { PATH: usualPath } }),
    },
    'no kubectl': {
      break: async () => {
        await setUp();
        return { env: { PATH: programDirectory } };
      },
      warned: ['kubectl'],
      remedy: /^install kubectl/,
      mend: () => ({ env: { PATH: usualPath } }),
    },
    'a keychain that is not there': {
      break: async () => {
        await setUp();
        await editKubeconfig((text) => text.replace(/(--store\W+)file/, '$1keychain'));
        return { env: { DBUS_SESSION_BUS_ADDRESS: undefined, XDG_RUNTIME_DIR: undefined } };
      },
      failed: 'store',
      code: 'keychain-absent',
      remedy: /^kubectl eck get-credentials .*--store file/,
    },
    'a store that keeps nothing': {
      break: () => setUp({ KUBECTL_ECK_STORE: 'none' }),
      warned: ['store'],
      remedy: /^kubectl eck get-credentials .*--store file/,
    },
    'a directory of credentials that is none': {
      break: async () => {
        await setUp();
        await rm(credentialsDirectory(), { recursive: true });
        await writeFile(credentialsDirectory(), '');
      },
      failed: 'store',
      code: 'keychain-refused',
      remedy: /^mend .*credentials; or choose another store: kubectl eck get-credentials/,
      mend: async () => {
        await rm(credentialsDirectory());
      },
      warnedAfter: ['credential'],
    },
    'a state directory that is open to others': {
      break: async () => {
        await setUp();
        await chmod(dirname(credentialsDirectory()), 0o755);
      },
      warned: ['state'],
      remedy: /^chmod 700 '/,
    },
    'no identity': {
      break: async () => {
        await setUp();
        return {
          env: { ALIBABA_CLOUD_ACCESS_KEY_ID: undefined, ALIBABA_CLOUD_ACCESS_KEY_SECRET: undefined },
        };
      },
      failed: 'identity',
      code: 'identity-not-found',
      remedy: /^aliyun configure$/,
      mend: async () => {
        const { accessKeyId, accessKeySecret } = sandbox.identity;
        const key = { access_key_id: accessKeyId, access_key_secret: accessKeySecret };
        const config = { current: 'default', profiles: [{ name: 'default', mode: 'AK', ...key }] };
        await sandbox.writeHome('.aliyun/config.json', JSON.stringify(config));
        return {
          env: { ALIBABA_CLOUD_ACCESS_KEY_ID: undefined, ALIBABA_CLOUD_ACCESS_KEY_SECRET: undefined },
        };
      },
      warnedAfter: ['credential'],
    },
    'a wrong AccessKey': {
      break: async () => {
        await setUp();
        return { env: { ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'WrongAccessKeySecret0000000001' } };
      },
      failed: 'account',
      code: 'ens-unauthenticated',
      remedy: /^aliyun configure, or set the AccessKey right/,
      mend: () => ({}),
    },
    'a clock that is an hour behind': {
      break: async () => {
        await setUp();
        sandbox.ens.clockOffsetMs = 3_600_000;
      },
      failed: 'clock',
      code: 'ens-clock-skew',
      remedy: /^sudo timedatectl set-ntp true$/,
      mend: () => {
        sandbox.ens.clockOffsetMs = 0;
        return {};
      },
    },
    'a clock that is five minutes ahead': {
      break: async () => {
        await setUp();
        sandbox.ens.clockOffsetMs = -300_000;
      },
      warned: ['clock'],
      remedy: /^sudo timedatectl set-ntp true$/,
      mend: () => {
        sandbox.ens.clockOffsetMs = 0;
        return {};
      },
    },
    'an ENS that is down': {
      break: async () => {
        await setUp();
        await sandbox.ens.stop();
      },
      failed: 'ens',
      code: 'ens-unavailable',
      remedy: /^look at the network/,
      mend: () => sandbox.ens.restart(),
    },
    'an ENS that hangs': {
      break: async () => {
        await setUp();
        sandbox.ens.failNext('always', { kind: 'hang' });
        return { args: ['--read-timeout', '500ms'] };
      },
      failed: 'ens',
      code: 'ens-unavailable',
      remedy: /^look at the network/,
      mend: () => {
        sandbox.ens.recover();
        return {};
      },
    },
    'a gateway in the place of ENS': {
      break: async () => {
        await setUp();
        sandbox.ens.failNext('always', { kind: 'html-502' });
      },
      failed: 'ens',
      code: 'ens-unavailable',
      remedy: /^look at the network/,
      mend: () => {
        sandbox.ens.recover();
        return {};
      },
    },
    'no permission to fetch': {
      break: async () => {
        await setUp();
        allowAllBut('DescribeClusterUserKubeconfig');
      },
      failed: 'may-fetch',
      code: 'ens-not-allowed',
      remedy: /ens:DescribeClusterUserKubeconfig/,
      mend: allowAll,
    },
    'no permission to list': {
      break: async () => {
        await setUp();
        allowAllBut('DescribeClustersV1');
      },
      warned: ['may-list'],
      code: 'ens-not-allowed',
      remedy: /ens:DescribeClustersV1/,
      mend: allowAll,
    },
    'no permission to describe': {
      break: async () => {
        await setUp();
        allowAllBut('DescribeClusterDetail');
      },
      warned: ['may-describe'],
      code: 'ens-not-allowed',
      remedy: /ens:DescribeClusterDetail/,
      mend: allowAll,
    },
    'a cluster that ENS does not know': {
      break: async () => {
        await setUp();
        return { args: ['eck-mistyped'] };
      },
      failed: 'may-fetch',
      code: 'ens-cluster-not-found',
      remedy: /^kubectl eck list$/,
      mend: async () => {
        const [clusterId = ''] = (await shell('kubectl eck list -o name')).stdout.split('\n');
        return { args: [clusterId] };
      },
    },
    'a cluster that does not run': {
      break: async () => {
        await setUp();
        const { clusterId, authority, apiServer } = sandbox;
        sandbox.ens.putCluster({ clusterId, authority, server: apiServer.url, state: 'stopped' });
      },
      warned: ['may-describe'],
      remedy: /ENS console/,
      mend: () => {
        const { clusterId, authority, apiServer } = sandbox;
        sandbox.ens.putCluster({ clusterId, authority, server: apiServer.url });
        return {};
      },
    },
    'no context for the cluster': {
      break: () => ({ args: [sandbox.clusterId] }),
      failed: 'context',
      warned: ['credential'],
      code: 'context-not-found',
      remedy: /^kubectl eck get-credentials eck-0123abcd$/,
    },
    'a context that something else wrote': {
      break: async () => {
        await setUp();
        await sandbox.writeHome('.kube/config', kubeconfigOfTheConsole());
      },
      failed: 'context',
      code: 'context-unusable',
      remedy: /^kubectl eck get-credentials eck-0123abcd --overwrite$/,
    },
    'an exec entry of a version that is not known': {
      break: async () => {
        await setUp();
        await editKubeconfig((text) => text.replace('k8s.io/v1', 'k8s.io/v1alpha1'));
      },
      failed: 'context',
      code: 'context-unusable',
      remedy: /^kubectl eck get-credentials/,
    },
    'an exec entry without an interactiveMode': {
      break: async () => {
        await setUp();
        await editKubeconfig((text) => text.replace(/^.*interactiveMode.*\n/m, ''));
      },
      failed: 'context',
      code: 'context-unusable',
      remedy: /^kubectl eck get-credentials/,
    },
    'an exec entry whose args are not understood': {
      break: async () => {
        await setUp();
        await editKubeconfig((text) => text.replace('exec-credential', 'exec-credentials'));
      },
      failed: 'context',
      code: 'context-unusable',
      remedy: /^kubectl eck get-credentials/,
    },
    'a kubeconfig that is not YAML': {
      break: async () => {
        await sandbox.writeHome('.kube/config', 'apiVersion: [');
      },
      failed: 'context',
      code: 'kubeconfig-unusable',
      remedy: /^mend that file/,
      mend: () => rm(sandbox.kubeconfig),
    },
    'a context that trusts an authority of the past': {
      break: async () => {
        await setUp();
        const past = await CertificateAuthority.create({ name: 'past' });
        const data = Buffer.from(past.certificatePem).toString('base64');
        await editKubeconfig((text) => text.replace(/(certificate-authority-data: ).*/, `$1${data}`));
      },
      failed: 'api-server',
      // That it is not what ENS issues is worth a word, and may be a rotation that works.
      warned: ['context'],
      code: 'api-server-untrusted',
      remedy: /^kubectl eck get-credentials/,
    },
    'a context that expects another name of the API server': {
      break: async () => {
        await setUp();
        await editKubeconfig((text) =>
          text.replace(/^( +)server: .*$/m, '$&\n$1tls-server-name: other.example'),
        );
      },
      failed: 'api-server',
      warned: ['context'],
      code: 'api-server-untrusted',
      remedy: /^kubectl eck get-credentials/,
    },
    'a context for an address of the past': {
      break: async () => {
        await setUp();
        const { authority, clusterId } = sandbox;
        const server = await ApiServer.start({ authority, clusterId });
        cleanUps.push(() => server.stop());
        sandbox.ens.putCluster({ clusterId, authority, server: server.url });
      },
      warned: ['context'],
      remedy: /^kubectl eck get-credentials/,
    },
    'a credential that is gone': {
      break: async () => {
        await setUp();
        await rm(credentialsDirectory(), { recursive: true });
      },
      warned: ['credential'],
      remedy: /^kubectl eck get-credentials/,
    },
    'a credential that has expired': {
      break: async () => {
        sandbox.ens.issuing = { lifetimeMs: 2000 };
        await setUp();
        sandbox.ens.issuing = {};
        const end = sandbox.ens.issued.at(-1)?.notAfter.getTime() ?? 0;
        await until('the end of the certificate', () => Promise.resolve(Date.now() > end ? true : undefined));
      },
      warned: ['credential'],
      remedy: /^kubectl eck get-credentials/,
    },
    'a credential that was revoked': {
      break: async () => {
        await setUp();
        sandbox.apiServer.revoke(sandbox.ens.issued.at(-1)?.serialNumber ?? '');
      },
      failed: 'api-server',
      code: 'api-server-unauthenticated',
      remedy: /^kubectl eck get-credentials/,
    },
    'an API server that is down': {
      break: async () => {
        await setUp();
        await sandbox.apiServer.stop();
      },
      failed: 'api-server',
      code: 'api-server-unreachable',
      remedy: /look at the network/,
      mend: () => sandbox.apiServer.restart(),
    },
    'an API server that hangs': {
      break: async () => {
        await setUp();
        sandbox.apiServer.hangs = true;
        return { args: ['--timeout', '2s'] };
      },
      failed: 'api-server',
      code: 'api-server-unreachable',
      remedy: /look at the network/,
      mend: () => {
        sandbox.apiServer.hangs = false;
        return {};
      },
    },
  };

  test.each(Object.entries(faults))('tells %s, and how to mend it', (_, fault) => seeMended(fault));

  describeWith([oldKubectl], 'with an old kubectl', () => {
    test('tells a context that it does not understand, and how to mend it', () =>
      seeMended({
        break: async () => {
          await setUp();
          return { env: { PATH: `${dirname(oldKubectl.kubectl.path)}:${usualPath}` } };
        },
        failed: 'kubectl',
        code: 'kubectl-too-old',
        remedy: /^kubectl eck get-credentials .*--exec-api-version v1beta1$/,
      }));
  });

  describeWith([secretServiceRequirement], 'with a Secret Service', () => {
    test('finds a credential in it, and leaves nothing else there', async () => {
      const service = await startSecretService();
      cleanUps.push(() => service.stop());
      const env = { ...service.environment, KUBECTL_ECK_STORE: undefined };
      await setUp(env);
      const diagnosis = await diagnose({ env });
      expect([...named(diagnosis, 'failed'), ...named(diagnosis, 'warning')]).toEqual([]);
      expect(diagnosis.findings.find(({ check }) => check === 'store')?.detail).toBe('the keychain');
    });

    test.each(['dismissed', 'unanswered'] as const)(
      'tells one that is locked, with its question %s, and how to mend it',
      async (prompts) => {
        const service = await startSecretService({ prompts });
        cleanUps.push(() => service.stop());
        const env = { ...service.environment, KUBECTL_ECK_STORE: 'keychain' };
        await setUp(env);
        await service.lock();
        await seeMended({
          break: () => ({ env }),
          failed: 'store',
          code: prompts === 'dismissed' ? 'keychain-locked' : 'keychain-timeout',
          remedy: /^kubectl eck get-credentials .*--store file/,
        });
      },
    );
  });

  describeWith([kernelKeyringRequirement], 'with a kernel keyring and no Secret Service', () => {
    test('says where credentials are kept, and why not in the keychain', async () => {
      const keyring = await startSessionKeyring();
      cleanUps.push(() => keyring.stop());
      const env = sandbox.environment({ PATH: usualPath, KUBECTL_ECK_STORE: undefined });
      expect(await keyring.run(['kubectl-eck', 'get-credentials', sandbox.clusterId], env)).toMatchObject({
        status: 0,
      });
      const diagnosis = read(await keyring.run(['kubectl-eck', 'doctor', '-o', 'json'], env));
      expect([...named(diagnosis, 'failed'), ...named(diagnosis, 'warning')]).toEqual([]);
      expect(diagnosis.findings.find(({ check }) => check === 'store')?.detail).toMatch(
        /^the kernel keyring, .*since there is no D-Bus session bus here/,
      );
      expect(diagnosis.findings.find(({ check }) => check === 'api-server')?.detail).toContain(
        'the kept credential',
      );
    });
  });

  describe('on the way to the real endpoint', () => {
    const ensHost = 'ens.aliyuncs.com';
    let authorityFile: string;
    let proxy: ProxyServer;
    let env: RunOptions['env'];

    beforeEach(async () => {
      const authority = await CertificateAuthority.create({ name: 'outside world CA' });
      authorityFile = join(sandbox.directory, 'authority.pem');
      await writeFile(authorityFile, authority.certificatePem);
      const certificate = await authority.issue({
        commonName: ensHost,
        usage: 'server',
        subjectAltNames: [ensHost],
      });
      const front = await TlsFront.start(certificate, sandbox.ens.endpoint);
      proxy = await ProxyServer.start({
        hosts: { [`${ensHost}:443`]: front.port },
        credentials: 'me:secret-of-the-proxy',
      });
      cleanUps.push(
        () => front.stop(),
        () => proxy.stop(),
      );
      env = {
        KUBECTL_ECK_ENDPOINT: undefined,
        NODE_EXTRA_CA_CERTS: authorityFile,
        HTTPS_PROXY: `http://me:secret-of-the-proxy@${proxy.host}`,
      };
      await setUp(env);
    });

    test('names the proxy, without its password', async () => {
      const diagnosis = await diagnose({ env });
      expect([...named(diagnosis, 'failed'), ...named(diagnosis, 'warning')]).toEqual([]);
      expect(diagnosis.findings.find(({ check }) => check === 'ens')?.detail).toMatch(
        `${ensHost} answers in `,
      );
      expect(diagnosis.stdout).toContain(`through the proxy http://${proxy.host}`);
      expect(diagnosis.stdout).not.toContain('secret-of-the-proxy');
    });

    test('tells a proxy that refuses', () =>
      seeMended({
        break: () => ({ env: { ...env, HTTPS_PROXY: `http://me:wrong@${proxy.host}` } }),
        failed: 'ens',
        code: 'proxy-refused',
        remedy: /HTTPS_PROXY/,
        mend: () => ({ env }),
      }));

    test('tells an authority that is not trusted', () =>
      seeMended({
        break: () => ({ env: { ...env, NODE_EXTRA_CA_CERTS: undefined } }),
        failed: 'ens',
        code: 'network-untrusted',
        remedy: /^export NODE_EXTRA_CA_CERTS=/,
        mend: () => ({ env }),
      }));
  });
});

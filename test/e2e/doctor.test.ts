import { describe, expect, test } from '@jest/globals';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ApiServer } from '../support/api-server.js';
import { CertificateAuthority } from '../support/certificate-authority.js';
import { ensActions } from '../support/ens-account.js';
import { currentKubectl, oldKubectl, policyKubectl, usualPath, type Outcome } from '../support/kubectl.js';
import { issuedConfig } from '../support/issued-kubeconfig.js';
import { kernelKeyringRequirement, startSessionKeyring } from '../support/kernel-keyring.js';
import { describeWith } from '../support/requirements.js';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { noAccessKey, programs, runProgram, type RunOptions } from '../support/sandbox.js';
import { secretServiceRequirement, startSecretService } from '../support/secret-service.js';
import { stopAfterTest } from '../support/stop-after-test.js';
import { until } from '../support/tied-process.js';

interface Result {
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly detail: string;
  readonly fix?: string;
  readonly code?: string;
}

/** How doctor is run. */
interface Run {
  readonly args?: readonly string[];
  readonly env?: RunOptions['env'];
}

const kubectlDirectory = dirname(currentKubectl.kubectl.path);
const programDirectory = dirname(programs.standalone);

useSandbox();

/** What doctor found. */
interface Report {
  readonly status: number | null;
  readonly stderr: string;
  readonly results: readonly Result[];
  /** The checks that failed or warn, such as `store failed [keychain-locked]`. */
  readonly problems: readonly string[];
  readonly skipped: readonly string[];
  readonly detailOf: (check: string) => string | undefined;
}

function readReport({ status, stdout, stderr }: Outcome): Report {
  expect(stdout + stderr).not.toMatch(/PRIVATE KEY|BEGIN/);
  expect(stdout + stderr).not.toContain(sandbox.identity.accessKeySecret);
  const results = JSON.parse(stdout) as Result[];
  const lines = results.map(({ check, status: found, code }) => `${check} ${found}${code ? ` [${code}]` : ''}`);
  return {
    status,
    stderr,
    results,
    problems: lines.filter((line) => / failed| warning/.test(line)),
    skipped: results.filter((result) => result.status === 'skipped').map(({ check }) => check),
    detailOf: (check) => results.find((result) => result.check === check)?.detail,
  };
}

async function doctor({ args = [], env = {} }: Run = {}): Promise<Report> {
  const options = { env: { PATH: usualPath, ...env }, timeoutMs: 60_000 };
  return readReport(await sandbox.run(['doctor', ...args, '-o', 'json'], options));
}

async function setUp(env: RunOptions['env'] = {}, flags: readonly string[] = []): Promise<void> {
  const args = ['get-credentials', sandbox.clusterId, ...flags];
  expect(await sandbox.run(args, { env: { PATH: usualPath, ...env } })).toMatchObject({ status: 0 });
}

/** Types the command at the end of a fix into a shell. */
async function apply(fix = '', env: RunOptions['env']): Promise<void> {
  const command = /kubectl eck .*$/.exec(fix)?.[0] ?? '';
  const environment = sandbox.environment({ PATH: usualPath, ...env });
  const options = { env: environment, cwd: sandbox.directory, timeoutMs: 60_000 };
  expect(await runProgram('/bin/sh', ['-c', command], options)).toMatchObject({ status: 0 });
}

async function editKubeconfig(from: string | RegExp, to: string): Promise<void> {
  const text = await readFile(sandbox.kubeconfig, 'utf8');
  expect(text).toMatch(from);
  await writeFile(sandbox.kubeconfig, text.replace(from, to));
}

const wrongAccessKey = { ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'WrongAccessKeySecret0000000001' };

function path(...directories: string[]): Run {
  return { env: { PATH: directories.join(':') } };
}

/** Puts a script first on `PATH`. */
async function scriptOf(name: string, text: string): Promise<Run> {
  const directory = join(sandbox.directory, 'other programs');
  await mkdir(directory);
  await writeFile(join(directory, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path(directory, usualPath);
}

async function useStore(store: string): Promise<Run> {
  await editKubeconfig(/(--store\W+)file/, `$1${store}`);
  return { env: { DBUS_SESSION_BUS_ADDRESS: undefined, XDG_RUNTIME_DIR: undefined } };
}

async function breakFileStore(): Promise<void> {
  await removeCredential();
  await writeFile(credentialsDirectory(), '');
}

function removeCredential(): Promise<void> {
  return rm(credentialsDirectory(), { recursive: true });
}

function openCacheDirectory(): Promise<void> {
  return chmod(dirname(credentialsDirectory()), 0o755);
}

async function stopEns(): Promise<Run> {
  await sandbox.ens.stop();
  return { args: ['--timeout', '1s'] };
}

async function removeKubeconfig(): Promise<Run> {
  await rm(sandbox.kubeconfig);
  return { args: [sandbox.clusterId] };
}

async function moveCluster(): Promise<void> {
  const { authority, clusterId } = sandbox;
  const server = stopAfterTest(await ApiServer.start({ authority, clusterId }));
  sandbox.putCluster({ server: server.url });
  await sandbox.apiServer.stop();
}

async function trustOtherAuthority(): Promise<void> {
  const { certificatePem } = await CertificateAuthority.create({ name: 'other' });
  const data = Buffer.from(certificatePem).toString('base64');
  await editKubeconfig(/(certificate-authority-data: ).*/, `$1${data}`);
}

/** Adds a line to the cluster's entry. */
function addToCluster(line: string): Promise<void> {
  return editKubeconfig(/^( +)server: .*$/m, `$&\n$1${line}`);
}

function addToUser(line: string): Promise<void> {
  return editKubeconfig(/^( +)exec:$/m, `$1${line}\n$&`);
}

async function expireCredential(): Promise<void> {
  await removeCredential();
  sandbox.ens.issuing = { lifetimeMs: 2000 };
  await setUp();
  sandbox.ens.issuing = {};
  const end = sandbox.ens.issued.at(-1)?.notAfter.getTime() ?? 0;
  await until('the end of the certificate', () => Promise.resolve(Date.now() > end ? true : undefined));
}

function revokeCertificate(): void {
  sandbox.apiServer.revoke(sandbox.ens.issued.at(-1)?.serialNumber ?? '');
}

function hangApiServer(): Run {
  sandbox.apiServer.hangs = true;
  return { args: ['--timeout', '2s'] };
}

function credentialsDirectory(): string {
  return join(sandbox.home, '.kube', 'cache', 'kubectl-eck', 'credentials');
}

function forbidFetching(): Run {
  const allowedActions = ensActions.filter((known) => known !== 'DescribeClusterUserKubeconfig');
  sandbox.ens.putIdentity({ ...sandbox.identity, allowedActions });
  return {};
}

/** As the console does. */
async function writeContext(name: string): Promise<void> {
  const text = `apiVersion: v1
kind: Config
current-context: ${name}
clusters: [{name: c, cluster: {server: '${sandbox.apiServer.url}'}}]
contexts: [{name: ${name}, context: {cluster: c, user: u}}]
users: [{name: u, user: {token: abc}}]
`;
  await sandbox.writeHome('.kube/config', text);
}

/** With a client key. */
async function writeConsoleKubeconfig(): Promise<void> {
  const { authority, clusterId, apiServer } = sandbox;
  const certificate = await authority.issue({ commonName: 'someone', organizations: ['system:masters'] });
  const cluster = { authority, clusterId, server: apiServer.url };
  await sandbox.writeHome('.kube/config', issuedConfig(cluster, apiServer.url, certificate, {}) as string);
}

describeWith([currentKubectl], 'doctor', () => {
  describe('if all is well', () => {
    test('says so, and leaves the store as it is', async () => {
      await setUp();
      const [file = ''] = await readdir(credentialsDirectory());
      const before = await readFile(join(credentialsDirectory(), file));
      const { results, status: exitStatus, stderr } = await doctor();
      expect(results.map(({ check, status }) => `${check} ${status}`)).toEqual([
        ...['program ok', 'kubectl ok', 'kubeconfig ok', 'cache ok', 'store ok', 'identity ok', 'ens ok'],
        ...['context ok', 'credential ok', 'api-server ok'],
      ]);
      expect([exitStatus, stderr]).toEqual([0, 'No check failed. Try: kubectl get nodes\n']);
      expect(await readdir(credentialsDirectory())).toEqual([file]);
      expect(await readFile(join(credentialsDirectory(), file))).toEqual(before);
    });

    test.each(['standalone', 'node'] as const)('prints text from the %s program', async (program) => {
      await setUp();
      const { status, stdout } = await sandbox.run(['doctor'], { program, env: { PATH: usualPath } });
      expect(status).toBe(0);
      const lines = stdout.trimEnd().split('\n');
      for (const line of lines) expect(line).toMatch(/^ok {8}[a-z-]+ {3,}\S/);
      expect(lines.at(-1)).toMatch(/api-server .* accepts the cached credential as user someone \(system:masters/);
      const failed = await sandbox.run(['doctor'], {
        program,
        env: { PATH: `${kubectlDirectory}:/bin`, ...wrongAccessKey },
      });
      expect(failed.stdout).toMatch(/^failed {4}ens {10}ENS .* \[ens-unauthenticated\]\n {23}→ Check /m);
      expect(failed.stderr).toBe('2 checks failed. Apply the fixes and run doctor again.\n');
    });

    test('checks a context or a cluster that is not current', async () => {
      await setUp({}, ['--context', 'edge one', '--namespace', 'web']);
      await editKubeconfig(/^current-context:.*$/m, 'current-context: ""');
      for (const name of ['edge one', sandbox.clusterId]) {
        const report = await doctor({ args: [name] });
        expect(report.problems).toEqual([]);
        expect(report.stderr).toBe("No check failed. Try: kubectl --context 'edge one' get nodes\n");
      }
    });

    test('accepts an API server before 1.28', async () => {
      const { authority, clusterId } = sandbox;
      const old = stopAfterTest(await ApiServer.start({ authority, clusterId, version: 'v1.24.6-aliyunedge.1' }));
      sandbox.putCluster({ server: old.url });
      await setUp();
      const report = await doctor();
      expect([report.problems, report.skipped]).toEqual([[], []]);
      expect(report.detailOf('api-server')).toContain('does not reject');
    });

    test('uses the settings and the variables of the context', async () => {
      await setUp();
      const { accessKeyId, accessKeySecret } = sandbox.identity;
      const id = `{name: ALIBABA_CLOUD_ACCESS_KEY_ID, value: ${accessKeyId}}`;
      const secret = `{name: ALIBABA_CLOUD_ACCESS_KEY_SECRET, value: ${accessKeySecret}}`;
      await editKubeconfig(/^( +)interactiveMode: .*$/m, `$&\n$1env: [${id}, ${secret}]`);
      const env = { ...noAccessKey, KUBECTL_ECK_ENDPOINT: 'http://127.0.0.1:9', KUBECTL_ECK_STORE: 'none' };
      expect((await doctor({ env })).problems).toEqual([]);
    });
  });

  test.each([
    ['without a kubeconfig', () => undefined],
    ['with a current context for another kind of cluster', () => writeContext('minikube')],
  ])('checks no cluster %s', async (_, prepare) => {
    await prepare();
    const report = await doctor();
    expect(report.stderr).toBe('No check failed. Next: kubectl eck get-credentials\n');
    expect(report.status).toBe(0);
    expect(report.skipped).toEqual(['context', 'credential', 'api-server']);
  });

  test('refuses a name that is no id and no context', async () => {
    expect(await sandbox.run(['doctor', 'no such thing'])).toMatchObject({ status: 2, stdout: '' });
  });

  test('does not check an API server behind a proxy', async () => {
    await setUp();
    await addToCluster('proxy-url: http://127.0.0.1:9');
    const report = await doctor();
    expect(report.problems).toEqual([]);
    expect(report.skipped).toEqual(['api-server']);
  });

  /** Returns how doctor is run, or nothing. */
  type Inject = () => unknown;

  /** @param fix of the last problem; `applied` if it is a command that leaves no problem */
  async function expectFound(run: Run, problems: string[], fix?: RegExp | 'applied'): Promise<void> {
    const report = await doctor(run);
    expect(report.problems).toEqual(problems);
    const failures = problems.filter((problem) => problem.includes(' failed')).length;
    expect(report.status).toBe(failures > 0 ? 1 : 0);
    const closing = failures > 0 ? /^1 check failed\. Apply the fix and run doctor again\.$/m : /^No check failed\. /m;
    expect(report.stderr).toMatch(closing);
    const problem = report.results.find(({ check }) => check === problems.at(-1)?.split(' ')[0]);
    if (fix instanceof RegExp) expect(problem?.fix).toMatch(fix);
    if (fix !== 'applied') return;
    await apply(problem?.fix, run.env);
    expect((await doctor(run)).problems).toEqual([]);
  }

  const badKubeconfig = 'kubeconfig failed [kubeconfig-unusable]';
  const noProgram = 'program failed [program-not-found]';
  const unusable = 'context failed [context-unusable]';
  const untrusted = 'api-server failed [api-server-untrusted]';
  const unreachable = 'api-server failed [api-server-unreachable]';
  const unauthenticated = 'api-server failed [api-server-unauthenticated]';
  const edit = editKubeconfig;

  test.each<[name: string, problems: string, inject: Inject, fix?: RegExp | 'applied']>([
    ['no program', noProgram, () => path(kubectlDirectory, '/bin'), /^Put /],
    ['another program', noProgram, () => scriptOf('kubectl-eck', 'echo hello')],
    ['another version', 'program warning', () => scriptOf('kubectl-eck', `echo '{"version":"0.0.1"}'`)],
    ['no kubectl', 'kubectl warning', () => path(programDirectory), /^Install kubectl/],
    ['a cache directory that is open to other users', 'cache warning', openCacheDirectory, /KUBECACHEDIR$/],
    ['no keychain', 'store failed [keychain-absent]', () => useStore('keychain')],
    ['the store none', 'store warning', () => useStore('none'), /^kubectl eck .*--store file/],
    ['an unusable store', 'store failed [keychain-refused]', breakFileStore],
    ['no identity', 'identity failed [identity-not-found]', () => ({ env: noAccessKey })],
    ['a wrong AccessKey', 'ens failed [ens-unauthenticated]', () => ({ env: wrongAccessKey })],
    ['an ENS that is down', 'ens failed [ens-unavailable]', stopEns],
    ['no right to fetch', 'ens failed [ens-not-allowed]', forbidFetching],
    ['an unknown cluster', 'ens failed [ens-cluster-not-found]', () => ({ args: ['eck-x'] })],
    [
      'a stopped cluster',
      'ens warning',
      () => {
        sandbox.putCluster({ state: 'stopped' });
      },
      /console/,
    ],
    ['a bad kubeconfig', badKubeconfig, () => writeFile(sandbox.kubeconfig, '['), /^Fix this/],
    ['a kubeconfig that cannot be written', badKubeconfig, () => ({ env: { KUBECONFIG: '/dev/null' } })],
    ['a token beside the exec entry', unusable, () => addToUser('token: a'), 'applied'],
    ['what only kubectl refuses', unusable, () => addToUser('auth-provider: {name: oidc}'), 'applied'],
    ['a kubeconfig of the console', unusable, writeConsoleKubeconfig, 'applied'],
    ['a kubectl that fails', 'kubectl failed [kubectl-refuses]', () => scriptOf('kubectl', 'exit 3'), /kuberc$/],
    ['no context', 'context failed [context-not-found]', removeKubeconfig, 'applied'],
    ['a context of another program', unusable, () => writeContext('eck-0123abcd'), 'applied'],
    ['an unknown exec version', unusable, () => edit('k8s.io/v1', 'k8s.io/v2'), 'applied'],
    ['no interactiveMode', unusable, () => edit(/^.*interactiveMode.*\n/m, ''), 'applied'],
    ['an invalid exec entry', unusable, () => edit('exec-credential', 'exec-credentials'), 'applied'],
    ['a cluster entry without a server', unusable, () => edit(/^ +server: .*\n/m, ''), 'applied'],
    ['another authority', untrusted, trustOtherAuthority, 'applied'],
    ['another server name', untrusted, () => addToCluster('tls-server-name: other.example'), 'applied'],
    ['a context for an old address', unreachable, moveCluster, 'applied'],
    ['no cached credential', 'credential warning', removeCredential, 'applied'],
    ['an expired credential', 'credential warning', expireCredential, 'applied'],
    ['a revoked certificate', unauthenticated, revokeCertificate, 'applied'],
    ['no API server', unreachable, () => sandbox.apiServer.stop(), /^Check/],
    ['an API server that hangs', unreachable, hangApiServer, /^Check/],
  ])('finds %s, and its fix', async (...[, problems, inject, fix]) => {
    // With named parameters, jest would pass its own in place of an absent fix.
    await setUp();
    await expectFound((await inject()) ?? {}, problems.split(', '), fix);
  });

  describeWith([policyKubectl], 'with a kubectl that has a policy for plugins', () => {
    test.each([
      'credentialPluginPolicy: DenyAll',
      'credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{name: other-plugin}]',
    ])('finds that it forbids this one: %s', async (policy) => {
      const kuberc = 'apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n';
      const file = await sandbox.writeHome('.kube/kuberc', `${kuberc}${policy}\n`);
      const env = { PATH: `${dirname(policyKubectl.kubectl.path)}:${usualPath}` };
      const problems = ['kubectl failed [kubectl-refuses]'];
      await expectFound({ env }, problems, /"name: kubectl-eck" to credentialPluginAllowlist in .*\/\.kube\/kuberc$/);
      await writeFile(
        file,
        `${kuberc}${policy}\n`.replace('other-plugin', 'kubectl-eck').replace('DenyAll', 'AllowAll'),
      );
      await expectFound({ env }, []);
    });
  });

  describeWith([oldKubectl], 'with an old kubectl', () => {
    test('finds a context that it does not understand, and a fix that works', async () => {
      await setUp();
      const run = { env: { PATH: `${dirname(oldKubectl.kubectl.path)}:${usualPath}` } };
      await expectFound(run, ['kubectl failed [kubectl-too-old]'], 'applied');
    });
  });

  describeWith([secretServiceRequirement], 'with a Secret Service', () => {
    test('finds a credential in it, and leaves nothing else there', async () => {
      const service = stopAfterTest(await startSecretService());
      const env = { ...service.environment, KUBECTL_ECK_STORE: undefined };
      await setUp(env);
      const report = await doctor({ env });
      expect(report.problems).toEqual([]);
      expect(report.detailOf('store')).toBe('the keychain');
    });

    test.each(['dismissed', 'unanswered'] as const)(
      'finds one whose prompt is %s',
      async (prompts) => {
        const service = stopAfterTest(await startSecretService({ prompts }));
        const env = { ...service.environment, KUBECTL_ECK_STORE: 'keychain' };
        await setUp(env);
        await service.lock();
        const code = prompts === 'dismissed' ? 'keychain-locked' : 'keychain-timeout';
        await expectFound({ env }, [`store failed [${code}]`]);
      },
      30_000,
    );
  });

  describeWith([kernelKeyringRequirement], 'with a kernel keyring and no Secret Service', () => {
    test('says where credentials are saved, and why not in the keychain', async () => {
      const keyring = stopAfterTest(await startSessionKeyring());
      const env = sandbox.environment({ PATH: usualPath, KUBECTL_ECK_STORE: undefined });
      const got = await keyring.run(['kubectl-eck', 'get-credentials', sandbox.clusterId], env);
      expect(got).toMatchObject({ status: 0 });
      const report = readReport(await keyring.run(['kubectl-eck', 'doctor', '-o', 'json'], env));
      expect(report.problems).toEqual([]);
      expect(report.detailOf('store')).toMatch(/^the kernel keyring, .*because there is no D-Bus session bus/);
      expect(report.detailOf('api-server')).toContain('the cached credential');
    });
  });
});

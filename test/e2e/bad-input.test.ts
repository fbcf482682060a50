import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, copyFile, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { apiError, type EnsFault } from '../support/ens-faults.js';
import { execInfo } from '../support/exec-info.js';
import { sandbox, shareSandbox } from '../support/each-sandbox.js';
import { noAccessKey, programs, runProgram, type RunOptions } from '../support/sandbox.js';

shareSandbox();

/** Every test starts with an empty home directory, and an ENS that works. */
beforeEach(async () => {
  await rm(sandbox.home, { recursive: true, force: true });
  await mkdir(sandbox.home, { mode: 0o700 });
});

afterEach(() => {
  sandbox.ens.recover();
  sandbox.ens.issuing = {};
});

const set = ['get-credentials', 'eck-0123abcd'];
const exec = ['exec-credential', '--cluster-id', 'eck-0123abcd'];

/** A bad input: what is refused, the arguments, the code, and what differs from a good run. */
type Row = [
  name: string,
  args: readonly string[],
  code: string,
  differences?: {
    readonly env?: NonNullable<RunOptions['env']>;
    readonly given?: () => unknown;
    readonly says?: RegExp;
  },
];

const secret = 'doNotPrintMe0123456789';

/** ENS answers once with this fault. */
function ensFails(fault: EnsFault): () => void {
  return () => {
    sandbox.ens.failNext(1, fault);
  };
}

function issues(value: unknown): { given: () => void } {
  return { given: ensFails({ kind: 'config', value }) };
}

function asksFor(info: string): { env: NonNullable<RunOptions['env']> } {
  return { env: { KUBERNETES_EXEC_INFO: info } };
}

const unknownVersion = execInfo({ apiVersion: 'client.authentication.k8s.io/v1alpha1' });
const unknownCluster = execInfo({ spec: { cluster: { config: { clusterId: '../x' } } } });
const wrongSecret = { ALIBABA_CLOUD_ACCESS_KEY_SECRET: secret };
const notYaml = `clusters: [}\nusers:\n  token: "${secret}"\n`;
const withClientKey = `contexts: [{name: eck-0123abcd, context: {user: u}}]
users: [{name: u, user: {client-key: a}}]
`;
const ofAnother = 'users: [{name: eck-0123abcd, user: {token: a}}]\n';

const rows: Row[] = [
  ['an unknown command', ['get-credential', 'eck-1'], 'usage', { says: /get-credentials/ }],
  ['an unknown flag', ['exec-credential', '--cluster', 'eck-1'], 'usage', { says: /--help/ }],
  ['a flag without its value', ['exec-credential', '--cluster-id'], 'usage', { says: /--help/ }],
  ['no cluster', ['get-credentials'], 'usage', { says: /--all/ }],
  ['all clusters and one', [...set, '--all'], 'usage'],
  ['plain http to another host', [...set, '--endpoint', 'http://example.com'], 'usage'],
  ['an unknown site', [...set, '--site', 'mars'], 'usage', { says: /china/ }],
  ['an unknown store', [...exec, '--store', 'pocket'], 'usage', { says: /keychain/ }],
  ['no duration', [...exec, '--timeout', 'soon'], 'usage', { says: /--timeout/ }],
  ['no duration in a variable', set, 'usage', { env: { KUBECTL_ECK_TIMEOUT: 'x' }, says: /ECK_TIMEOUT/ }],
  ['no namespace', [...set, '--namespace', 'A b'], 'usage'],
  ['one context for two clusters', [...set, 'eck-2', '--context', 'a'], 'usage', { says: /--context/ }],
  ['two clusters for kubectl', [...set, 'eck-2'], 'usage', asksFor(execInfo())],
  ['all clusters for kubectl', ['get-credentials', '--all'], 'usage', asksFor(execInfo())],
  ['no name of a context', [...set, '--context', 'a\tb'], 'usage'],
  ['an unknown version of the protocol', [...set, '--exec-api-version', 'v2'], 'usage'],
  ...['eck/1', 'eck-1\neck-2', 'e'.repeat(300), '', '-eck'].flatMap((id): Row[] => [
    [`the cluster id ${JSON.stringify(id.slice(0, 20))}`, ['exec-credential', `--cluster-id=${id}`], 'usage'],
    [`the cluster ${JSON.stringify(id.slice(0, 20))}`, ['get-credentials', '--', id], 'usage'],
  ]),
  ['a request that is not JSON', exec, 'exec-info-invalid', asksFor('{')],
  ['a request that is a list', exec, 'exec-info-invalid', asksFor('[]')],
  ['a request of an unknown version', exec, 'exec-info-invalid', asksFor(unknownVersion)],
  ['a request for no cluster id', ['exec-credential'], 'exec-info-invalid', asksFor(unknownCluster)],
  ['no identity', set, 'identity-not-found', { env: noAccessKey, says: /aliyun configure/ }],
  ['a wrong secret', set, 'ens-unauthenticated', { env: wrongSecret, says: /LTAI5tTestAccessKeyId000/ }],
  [
    'a missing permission',
    exec,
    'ens-not-allowed',
    { given: ensFails(apiError('Forbidden.RAM')), says: /ens:DescribeClusterUserKubeconfig/ },
  ],
  ['an unknown cluster', ['get-credentials', 'eck-9'], 'ens-cluster-not-found', { says: /127\.0\.0\.1/ }],
  ['no issued kubeconfig', set, 'issued-kubeconfig-invalid', issues(undefined)],
  ['an issued kubeconfig of 2 MiB', set, 'ens-answer-invalid', issues('x'.repeat(2 ** 21))],
  [
    'an issued kubeconfig with control characters',
    set,
    'issued-kubeconfig-invalid',
    issues('contexts: [{name: "\u001b[31m\u0007", context: 1}, {name: b, context: 2}]'),
  ],
  [
    'an issued certificate that has expired',
    set,
    'issued-kubeconfig-invalid',
    { given: () => (sandbox.ens.issuing = { lifetimeMs: -1000, backdatingMs: 60_000 }) },
  ],
  [
    'a user kubeconfig that is not YAML',
    set,
    'kubeconfig-unusable',
    { given: () => sandbox.writeHome('.kube/config', notYaml), says: /\.kube\/config/ },
  ],
  [
    'a directory as the user kubeconfig',
    set,
    'kubeconfig-unusable',
    { given: () => mkdir(sandbox.kubeconfig, { recursive: true }) },
  ],
  [
    'a user kubeconfig that another process has locked',
    set,
    'kubeconfig-locked',
    { given: () => sandbox.writeHome('.kube/config.lock', ''), says: /\n.*rm .*config\.lock/ },
  ],
  [
    'an entry that another program wrote',
    set,
    'kubeconfig-conflict',
    {
      given: () => sandbox.writeHome('.kube/config', ofAnother),
      says: /\n.*--overwrite.*--context NAME\n$/,
    },
  ],
  [
    'a context with a client key',
    set,
    'kubeconfig-conflict',
    {
      given: () => sandbox.writeHome('.kube/config', withClientKey),
      says: /\nConvert it: kubectl eck convert --context eck-0123abcd --cluster-id eck-0123abcd\n$/,
    },
  ],
  ['a kubeconfig that cannot be written', set, 'kubeconfig-unusable', { env: { KUBECONFIG: '/dev/null' } }],
  ['a store that is not here', [...exec, '--store', 'keychain'], 'keychain-absent'],
];

/** The files in the home directory and what they say, without our records, which hold no secret. */
async function contentOfHome(): Promise<Record<string, string>> {
  const entries = await readdir(sandbox.home, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const shown = files.filter((file) => !/\/cache\/kubectl-eck\/(?!credentials)/.test(file));
  return Object.fromEntries(
    await Promise.all(shown.map(async (file) => [file, await readFile(file, 'utf8')] as const)),
  );
}

test.each(rows)('%s is refused with a code, and nothing is written', async (_, args, code, differences = {}) => {
  await differences.given?.();
  const before = await contentOfHome();
  const calls = sandbox.ens.calls();
  const refused = await sandbox.run(args, differences.env === undefined ? {} : { env: differences.env });
  expect(refused).toMatchObject({ status: code === 'usage' ? 2 : 1, stdout: '' });
  // What failed, and the fix: no stack trace, no control character, no secret.
  expect(refused.stderr).toMatch(new RegExp(`^(?:error|kubectl-eck): [^\\n]+ \\[${code}\\]\\n(?:[^\\n]+\\n)?$`));
  expect(refused.stderr).toMatch(differences.says ?? /./);
  expect(refused.stderr).not.toMatch(/[^\P{Cc}\n]|\n\s+at |doNotPrintMe/u);
  expect(await contentOfHome()).toEqual(before);
  if (code === 'usage') expect(sandbox.ens.calls()).toBe(calls);
});

test('a machine without a keychain is served, and says why nothing is saved once', async () => {
  // Without the addon beside it, the program reaches no keychain.
  const lonely = join(sandbox.directory, 'kubectl-eck');
  await copyFile(programs.standalone, lonely, constants.COPYFILE_FICLONE);
  const env = sandbox.environment({ KUBECTL_ECK_STORE: undefined });
  const first = await runProgram(lonely, exec, { env, timeoutMs: 30_000 });
  expect(JSON.parse(first.stdout)).toMatchObject({ kind: 'ExecCredential' });
  expect(first.stderr).toMatch(/^kubectl-eck: .*\n$/);
  expect(await runProgram(lonely, exec, { env, timeoutMs: 30_000 })).toMatchObject({ status: 0, stderr: '' });
});

describe('standard output that is closed early', () => {
  test.each([exec, ['help'], [...set, '--print']])('brings no stack trace: %s', async (...args) => {
    for (const program of Object.values(programs)) {
      const child = spawn(program, args, { env: sandbox.environment(), stdio: ['ignore', 'pipe', 'pipe'] });
      child.stdout.destroy();
      let stderr = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      await once(child, 'close');
      expect(stderr).not.toMatch(/\n\s+at |Error|EPIPE/);
    }
  });
});

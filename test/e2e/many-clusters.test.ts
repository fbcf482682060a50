import { beforeEach, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { apiError } from '../support/ens-faults.js';
import type { EnsCluster } from '../support/ens-account.js';
import { currentKubectl } from '../support/kubectl.js';
import { onPath } from '../support/on-path.js';
import { describeWith } from '../support/requirements.js';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { noAccessKey, programs, runProgram } from '../support/sandbox.js';

const issuing = 'DescribeClusterUserKubeconfig';
const listing = 'DescribeClustersV1';
const all = ['get-credentials', '--all'];

useSandbox();
beforeEach(() => {
  sandbox.ens.removeCluster(sandbox.clusterId);
});

/** Adds clusters that share the sandbox's API server. */
function addClusters(...clusters: readonly Partial<EnsCluster>[]): void {
  for (const [index, cluster] of clusters.entries()) {
    sandbox.putCluster({ clusterId: idOf(index), ...cluster });
  }
}

function idOf(index: number): string {
  return `eck-${String(index).padStart(4, '0')}`;
}

function idsOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => idOf(index));
}

function addMany(count: number): void {
  addClusters(...idsOf(count).map((clusterId) => ({ clusterId })));
}

async function kubeconfig(): Promise<{ contexts: string[]; current: unknown }> {
  const text = await readFile(sandbox.kubeconfig, 'utf8');
  const { contexts, ...others } = parse(text) as { contexts: { name: string }[]; 'current-context'?: string };
  return { contexts: contexts.map(({ name }) => name), current: others['current-context'] };
}

/** As inputs of properties: more in CI. */
const most = process.env['CI'] === 'true' ? 1000 : 300;

describeWith([currentKubectl], `${most} clusters`, () => {
  test('are fetched side by side within the limit of ENS, and kubectl works with each', async () => {
    addMany(most);
    sandbox.ens.latencyMs = 50;
    sandbox.ens.callsPerSecond = 100;
    const got = await sandbox.run(all, { timeoutMs: 100_000 });
    expect(got).toMatchObject({ status: 0, stdout: '' });
    expect(got.stderr.split('\n')[0]).toContain(`Contexts: ${most.toLocaleString('en-US')} added in `);

    const calls = sandbox.ens.log.filter(({ action }) => action === issuing);
    expect(calls.filter(({ outcome }) => outcome === 'Throttling.User')).toEqual([]);
    expect(calls).toHaveLength(most);
    const overlapping = calls.filter((call, index) => {
      const next = calls[index + 1];
      return next !== undefined && next.at.getTime() - call.at.getTime() < sandbox.ens.latencyMs;
    });
    expect(overlapping.length).toBeGreaterThan(most / 4);

    sandbox.ens.latencyMs = 0;
    const { kubectl } = currentKubectl;
    const contexts = await sandbox.kubectl(kubectl, ['config', 'get-contexts', '-o', 'name']);
    expect(contexts.stdout.trim().split('\n')).toHaveLength(most);
    for (let round = 0; round < 10; round += 1) {
      const context = idOf(Math.floor(Math.random() * most));
      const nodes = await sandbox.kubectl(kubectl, ['--context', context, 'get', 'nodes']);
      expect([context, nodes]).toEqual([context, expect.objectContaining({ status: 0, stderr: '' })]);
    }
    expect(sandbox.ens.calls(issuing)).toBe(most);
  }, 200_000);
});

describeWith([{ name: 'strace', available: onPath('strace') }], 'the user kubeconfig', () => {
  test('is written once, and only the summary is printed', async () => {
    addMany(30);
    const trace = join(sandbox.directory, 'trace');
    const traced = '-f -qq -e trace=rename,renameat,renameat2 -o'.split(' ');
    const argv = [...traced, trace, programs.standalone, ...all];
    const got = await runProgram('strace', argv, { env: sandbox.environment(), timeoutMs: 60_000 });
    expect(got).toMatchObject({ status: 0, stdout: '' });
    expect(got.stderr.trim().split('\n')).toHaveLength(4);
    expect(got.stderr).not.toMatch(/[^\n\P{Cc}]|Fetching/u);
    const renames = (await readFile(trace, 'utf8')).split('\n');
    expect(renames.filter((line) => line.includes('/.kube/config"'))).toHaveLength(1);
    expect((await kubeconfig()).contexts).toHaveLength(30);
  });
});

describe('clusters', () => {
  beforeEach(() => {
    addClusters(
      { clusterId: 'eck-shop', name: 'shop' },
      { clusterId: 'eck-warehouse', name: 'warehouse', region: 'cn-chengdu-3' },
      { clusterId: 'eck-twin-1', name: 'twin' },
      { clusterId: 'eck-twin-2', name: 'twin', region: 'cn-chengdu-3' },
    );
  });

  test('are found by name with one call, and each is fetched once', async () => {
    const got = await sandbox.run(['get-credentials', 'warehouse', 'shop', 'eck-shop', 'shop', 'eck-twin-1']);
    expect(got).toMatchObject({ status: 0, stdout: '' });
    const contexts = ['warehouse', 'shop', 'eck-twin-1'];
    expect(await kubeconfig()).toEqual({ contexts, current: undefined });
    expect([sandbox.ens.calls(listing), sandbox.ens.calls(issuing)]).toEqual([1, 3]);
    expect(got.stderr).toContain('the cluster\'s name "twin" is that of several clusters.\n');
    expect(got.stderr).toContain('kubectl config use-context warehouse\n');
  });

  test('need no list, and no permission for it, if ids are given', async () => {
    sandbox.ens.putIdentity({ ...sandbox.identity, allowedActions: [issuing] });
    const refused = await sandbox.run(['get-credentials', 'shop']);
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('[ens-not-allowed]\n') });
    const ids = ['get-credentials', 'eck-shop', 'eck-warehouse'];
    expect(await sandbox.run(ids)).toMatchObject({ status: 0 });
    expect((await kubeconfig()).contexts).toEqual(['eck-shop', 'eck-warehouse']);
    const lists = sandbox.ens.log.filter(({ action, params }) => action === listing && !('ClusterId' in params));
    expect(lists).toHaveLength(1);
  });

  test('have contexts of their names, which stay when a cluster gets another name', async () => {
    const names = async (...args: string[]) => (await sandbox.run(['get-credentials', ...args, '-o', 'name'])).stdout;
    expect(await names('eck-shop')).toBe('shop\n');
    addClusters({ clusterId: 'eck-shop', name: 'renamed' });
    expect(await names('eck-shop')).toBe('shop\n');
    expect(await names('eck-twin-1', 'eck-shop')).toBe('twin\nshop\n');
    const second = await sandbox.run(['get-credentials', 'eck-twin-2']);
    expect(second.stderr).toContain(
      'It is named after the cluster\'s id, since the cluster\'s name "twin" is taken in the kubeconfig.\n',
    );
    expect(await names('eck-warehouse', '--context', '{region}.{name}')).toBe('cn-chengdu-3.warehouse\n');
    expect((await kubeconfig()).contexts).toEqual(['shop', 'twin', 'eck-twin-2', 'cn-chengdu-3.warehouse']);
    expect((await sandbox.run(['status', 'warehouse'])).stdout).toMatch(/^warehouse +eck-warehouse +\*cn-chengdu/m);
    expect(await sandbox.run(['logout', 'warehouse'])).toMatchObject({ status: 0 });
  });

  test('of a region are all of that region', async () => {
    expect(await sandbox.run([...all, '--region', 'cn-chengdu-3'])).toMatchObject({ status: 0 });
    expect((await kubeconfig()).contexts).toEqual(['twin', 'warehouse']);
    const none = await sandbox.run([...all, '--region', 'cn-nowhere-1']);
    expect(none).toMatchObject({ status: 0, stdout: '' });
    expect(none.stderr).toMatch(/^No clusters in the region "cn-nowhere-1"/);
  });

  test('of the same name are found by region', async () => {
    expect(await sandbox.run(['get-credentials', 'shop', 'twin'])).toMatchObject({ status: 2, stdout: '' });
    expect(sandbox.ens.calls(issuing)).toBe(0);
    const args = ['get-credentials', 'twin', '--region', 'cn-chengdu-3'];
    expect(await sandbox.run(args)).toMatchObject({ status: 0 });
    expect(await kubeconfig()).toEqual({ contexts: ['twin'], current: 'twin' });
  });

  test('are printed in one kubeconfig, and none is written', async () => {
    const got = await sandbox.run(['get-credentials', 'shop', 'warehouse', '--print']);
    expect(got).toMatchObject({ status: 0 });
    expect(parse(got.stdout)).toMatchObject({ contexts: [{ name: 'shop' }, { name: 'warehouse' }] });
    await expect(readFile(sandbox.kubeconfig)).rejects.toThrow('ENOENT');
  });

  test('that are one get a short summary with local time, and become the current context', async () => {
    const env = { TZ: 'Asia/Shanghai' };
    const got = await sandbox.run(['get-credentials', 'shop'], { env });
    expect((await kubeconfig()).current).toBe('shop');
    const inShanghai = (sandbox.ens.issued[0]?.notAfter.getTime() ?? 0) + 8 * 3_600_000;
    const until = new Date(inShanghai).toISOString().slice(0, 16).replace('T', ' ');
    expect(got.stderr.split('\n')).toEqual([
      expect.stringMatching(/^Context shop in .* reaches the cluster as .*\.$/),
      expect.stringContaining(`CN=someone; valid until ${until}) is saved in a file`),
      'It is the current context. Try: kubectl get nodes',
      expect.stringContaining('Renewing needs the same variables.'),
      '',
    ]);
    expect(await sandbox.run(['get-credentials', 'eck-shop'], { env })).toEqual(got);
  });
});

describe('a context of ours', () => {
  const work = ['--profile', 'work'];
  const asShop = ['--context', 'eck-shop'];
  const shop = ['get-credentials', 'eck-shop', ...work];

  beforeEach(async () => {
    addClusters({ clusterId: 'eck-shop' }, { clusterId: 'eck-warehouse' });
    await sandbox.writeProfiles([{ name: 'home' }, { name: 'work' }]);
    expect(await sandbox.run(shop)).toMatchObject({ status: 0 });
  });

  test.each([
    ['identity', ['eck-shop'], 'profile work', 'profile home'],
    ['cluster', ['eck-warehouse', ...work, ...asShop], 'cluster-id eck-shop', 'cluster-id eck-warehouse'],
  ])('changes its %s only with --overwrite, and nothing is fetched without', async (_, args, old, wanted) => {
    const before = await readFile(sandbox.kubeconfig, 'utf8');
    const env = noAccessKey;
    const command = ['get-credentials', ...args];
    const refused = await sandbox.run(command, { env });
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toContain(` pins --${old} and would pin --${wanted} [kubeconfig-conflict]\n`);
    expect(refused.stderr).toMatch(/--overwrite.*--context NAME\n$/);
    expect(await readFile(sandbox.kubeconfig, 'utf8')).toBe(before);
    expect(sandbox.ens.calls()).toBe(1);
    expect(await sandbox.run([...command, '--overwrite'], { env })).toMatchObject({ status: 0 });
    expect(await readFile(sandbox.kubeconfig, 'utf8')).toContain(`--${wanted.replace(' ', ', ')}`);
  });

  test('changes what makes no other credential', async () => {
    expect(await sandbox.run([...shop, '--max-age', '1h'])).toMatchObject({ status: 0 });
    expect(await readFile(sandbox.kubeconfig, 'utf8')).toContain('--max-age, 3600s');
  });
});

describe('one of many clusters that fails', () => {
  test('does not stop the others, and is named with its code', async () => {
    addMany(20);
    sandbox.ens.removeCluster(idOf(7));
    const got = await sandbox.run(['get-credentials', 'unknown', ...idsOf(20), 'unknown']);
    expect(got).toMatchObject({ status: 1, stdout: '' });
    expect(got.stderr.match(/^error: .*$/gm)).toEqual([
      expect.stringMatching(/^error: unknown: .*\[ens-cluster-not-found\]$/),
      expect.stringMatching(/^error: eck-0007: .*\[ens-cluster-not-found\]$/),
    ]);
    expect((await kubeconfig()).contexts).toEqual(idsOf(20).filter((id) => id !== idOf(7)));
  });

  test.each([
    ['user', 'users: [{name: eck-0001, user: {token: other}}]\n', 2],
    ['cluster', 'clusters: [{name: eck-0001, cluster: {server: "https://other"}}]\n', 3],
  ])('because of the %s that another program wrote is left out', async (_, text, calls) => {
    addMany(3);
    await sandbox.writeHome('.kube/config', text);
    const got = await sandbox.run(all);
    expect(got).toMatchObject({ status: 1 });
    expect(got.stderr).toMatch(/^error: eck-0001: .*\[kubeconfig-conflict\]\n.*--overwrite$/m);
    expect(got.stderr).not.toContain('--context NAME');
    expect((await kubeconfig()).contexts).toEqual([idOf(0), idOf(2)]);
    expect(sandbox.ens.calls(issuing)).toBe(calls);
    const replaced = await sandbox.run([...all, '--overwrite']);
    expect(replaced).toMatchObject({ status: 0 });
    expect(replaced.stderr).toMatch(/^Contexts: 1 added, 2 unchanged in .* as .*\nTheir .*\nChoose one: /);
    expect((await kubeconfig()).contexts).toHaveLength(3);
  });
});

describe('what would fail for every cluster', () => {
  const many = ['get-credentials', ...idsOf(200)];

  beforeEach(() => {
    addMany(200);
  });

  test('is one error, and the rest is not tried', async () => {
    sandbox.ens.putIdentity({ ...sandbox.identity, allowedActions: [] });
    const refused = await sandbox.run(many);
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^error: .* 200 of 200 clusters .* \[ens-not-allowed\]\n/);
    expect(sandbox.ens.calls()).toBeLessThanOrEqual(32);
  });

  test('leaves what was fetched before', async () => {
    sandbox.ens.latencyMs = 20;
    const running = sandbox.run(many);
    await sandbox.ens.waitForCalls(60);
    sandbox.ens.removeIdentity(sandbox.identity.accessKeyId);
    const got = await running;
    expect(got).toMatchObject({ status: 1, stdout: '' });
    expect(got.stderr).toMatch(/ of 200 clusters were not set up \[ens-unauthenticated\]\n/);
    const { contexts } = await kubeconfig();
    expect(contexts.length).toBeGreaterThan(20);
    expect(contexts.length).toBe(sandbox.ens.issued.length);
  });

  test('such as an outage of ENS is not waited for 200 times', async () => {
    sandbox.ens.failNext('always', apiError('ServiceUnavailable'));
    const got = await sandbox.run([...many, '--timeout', '1s']);
    expect(got).toMatchObject({ status: 1, stdout: '' });
    expect(got.stderr).toMatch(/^error: .* 200 of 200 clusters were not set up \[ens-unavailable\]\n/);
    expect(new Set(sandbox.ens.log.map(({ params }) => params['ClusterId'])).size).toBeLessThanOrEqual(40);
  });
});

test('an account whose calls are shared with another program slows down, and gets everything', async () => {
  addMany(60);
  sandbox.ens.callsPerSecond = 20;
  expect(await sandbox.run(all)).toMatchObject({ status: 0 });
  expect((await kubeconfig()).contexts).toHaveLength(60);
  const refused = sandbox.ens.log.filter(({ outcome }) => outcome === 'Throttling.User');
  expect(refused.length).toBeLessThan(60);
});

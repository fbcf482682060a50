import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { apiError } from '../support/ens-faults.js';
import type { EnsCluster } from '../support/ens-account.js';
import { currentKubectl } from '../support/kubectl.js';
import { onPath } from '../support/on-path.js';
import { describeWith } from '../support/requirements.js';
import { programs, runProgram, Sandbox } from '../support/sandbox.js';
import { startTmux, tmuxRequirement, type Terminal } from '../support/tmux.js';

const issuing = 'DescribeClusterUserKubeconfig';
const listing = 'DescribeClustersV1';

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await Sandbox.create();
  sandbox.ens.removeCluster(sandbox.clusterId);
});

afterEach(async () => {
  await sandbox.dispose();
});

/** Adds clusters that are all the sandbox's own, under other ids and names. */
function addClusters(...clusters: readonly Partial<EnsCluster>[]): void {
  for (const [index, cluster] of clusters.entries()) {
    const { authority, apiServer } = sandbox;
    sandbox.ens.putCluster({ clusterId: idOf(index), authority, server: apiServer.url, ...cluster });
  }
}

function idOf(index: number): string {
  return `eck-${String(index).padStart(4, '0')}`;
}

function times(count: number): Partial<EnsCluster>[] {
  return Array.from({ length: count }, (_, index) => ({ name: `site-${index}` }));
}

async function contextNames(): Promise<string[]> {
  const kubeconfig = parse(await readFile(sandbox.kubeconfig, 'utf8')) as { contexts: { name: string }[] };
  return kubeconfig.contexts.map(({ name }) => name);
}

async function currentContext(): Promise<unknown> {
  const kubeconfig = parse(await readFile(sandbox.kubeconfig, 'utf8')) as Record<string, unknown>;
  return kubeconfig['current-context'];
}

describeWith([currentKubectl], 'a thousand clusters', () => {
  test('are fetched side by side within the limit of ENS, and kubectl works with each', async () => {
    addClusters(...times(1000));
    sandbox.ens.latencyMs = 50;
    sandbox.ens.callsPerSecond = 100;
    const got = await sandbox.run(['get-credentials', '--all'], { timeoutMs: 100_000 });
    expect(got).toMatchObject({ status: 0, stdout: '' });
    expect(got.stderr.split('\n')[0]).toMatch(/^1,000 contexts in .*: 1,000 added\.$/);

    const calls = sandbox.ens.log.filter(({ action }) => action === issuing);
    expect(calls.filter(({ outcome }) => outcome === 'Throttling.User')).toEqual([]);
    expect(calls).toHaveLength(1000);
    const overlapping = calls.filter((call, index) => {
      const next = calls[index + 1];
      return next !== undefined && next.at.getTime() - call.at.getTime() < sandbox.ens.latencyMs;
    });
    // One after the other, none would.
    expect(overlapping.length).toBeGreaterThan(250);

    sandbox.ens.latencyMs = 0;
    const { kubectl } = currentKubectl;
    const contexts = await sandbox.kubectl(kubectl, ['config', 'get-contexts', '-o', 'name']);
    expect(contexts.stdout.trim().split('\n')).toHaveLength(1000);
    for (let round = 0; round < 10; round += 1) {
      const context = idOf(Math.floor(Math.random() * 1000));
      const nodes = await sandbox.kubectl(kubectl, ['--context', context, 'get', 'nodes']);
      expect([context, nodes]).toEqual([context, expect.objectContaining({ status: 0, stderr: '' })]);
    }
    expect(sandbox.ens.calls(issuing)).toBe(1000);
  }, 200_000);
});

describeWith([{ name: 'strace', available: onPath('strace') }], 'the user kubeconfig', () => {
  test('is written once, however many clusters there are', async () => {
    addClusters(...times(30));
    const trace = join(sandbox.directory, 'trace');
    const traced = [programs.standalone, 'get-credentials', '--all'];
    const argv = ['-f', '-qq', '-e', 'trace=rename,renameat,renameat2', '-o', trace, ...traced];
    const got = await runProgram('strace', argv, { env: sandbox.environment(), timeoutMs: 60_000 });
    expect(got).toMatchObject({ status: 0 });
    const renames = (await readFile(trace, 'utf8'))
      .split('\n')
      .filter((line) => line.includes('/.kube/config"'));
    expect(renames).toHaveLength(1);
    expect(await contextNames()).toHaveLength(30);
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

  test('are found by their names with one call, and each is fetched once', async () => {
    const got = await sandbox.run(['get-credentials', 'warehouse', 'shop', 'eck-shop', 'shop', 'eck-twin-1']);
    expect(got).toMatchObject({ status: 0, stdout: '' });
    expect(await contextNames()).toEqual(['eck-warehouse', 'eck-shop', 'eck-twin-1']);
    expect([sandbox.ens.calls(listing), sandbox.ens.calls(issuing)]).toEqual([1, 3]);
  });

  test('that are several do not switch the current context, and the summary says how to', async () => {
    const got = await sandbox.run(['get-credentials', 'shop', 'warehouse']);
    expect(await currentContext()).toBeUndefined();
    expect(got.stderr).toContain('kubectl config use-context eck-shop\n');
  });

  test('that are one, by name, are set up as by id', async () => {
    const byName = await sandbox.run(['get-credentials', 'shop']);
    expect(await currentContext()).toBe('eck-shop');
    expect(await sandbox.run(['get-credentials', 'eck-shop'])).toEqual(byName);
  });

  test('that are named by id need no list', async () => {
    expect(await sandbox.run(['get-credentials', 'eck-shop', 'eck-warehouse'])).toMatchObject({ status: 0 });
    expect(sandbox.ens.calls(listing)).toBe(0);
  });

  test('of a region are all of that region', async () => {
    const got = await sandbox.run(['get-credentials', '--all', '--region', 'cn-chengdu-3']);
    expect(got).toMatchObject({ status: 0 });
    expect(await contextNames()).toEqual(['eck-twin-2', 'eck-warehouse']);
  });

  test('of a region that has none are told to be none', async () => {
    const got = await sandbox.run(['get-credentials', '--all', '--region', 'cn-nowhere-1']);
    expect(got).toMatchObject({ status: 0, stdout: '' });
    expect(got.stderr).toContain('knows no clusters in the region "cn-nowhere-1"');
  });

  test('with the same name are told apart by region', async () => {
    const refused = await sandbox.run(['get-credentials', 'shop', 'twin']);
    expect(refused).toMatchObject({ status: 2, stdout: '' });
    expect(refused.stderr).toMatch(
      /eck-twin-1 \(cn-hangzhou-58\), eck-twin-2 \(cn-chengdu-3\).*\[usage\]\n$/,
    );
    expect(sandbox.ens.calls(issuing)).toBe(0);
    expect(await sandbox.run(['get-credentials', 'twin', '--region', 'cn-chengdu-3'])).toMatchObject({
      status: 0,
    });
    expect(await contextNames()).toEqual(['eck-twin-2']);
  });

  test('of unknown names fail, and the others are done', async () => {
    const got = await sandbox.run(['get-credentials', 'shpo', 'warehouse']);
    expect(got).toMatchObject({ status: 1, stdout: '' });
    expect(got.stderr).toMatch(/^kubectl-eck: shpo: .*did you mean "shop".*\[ens-cluster-not-found\]$/m);
    expect(await contextNames()).toEqual(['eck-warehouse']);
  });

  test('by a name alone that is unknown are one error', async () => {
    const got = await sandbox.run(['get-credentials', 'nothing-like-it']);
    expect(got).toMatchObject({ status: 1, stdout: '' });
    expect(got.stderr).toMatch(/^kubectl-eck: .*"kubectl eck list".*\[ens-cluster-not-found\]\n$/);
  });

  test('by names are refused where the list is, and ids are not', async () => {
    sandbox.ens.putIdentity({ ...sandbox.identity, allowedActions: [issuing] });
    const refused = await sandbox.run(['get-credentials', 'shop']);
    expect(refused).toMatchObject({ status: 1 });
    expect(refused.stderr).toMatch(
      /ens:DescribeClustersV1.*an id \(eck-…\) works without.*\[ens-not-allowed\]\n$/,
    );
    expect(await sandbox.run(['get-credentials', 'eck-shop'])).toMatchObject({ status: 0 });
  });

  test('are printed in one kubeconfig, and none is written', async () => {
    const got = await sandbox.run(['get-credentials', 'shop', 'warehouse', '--print']);
    expect(got).toMatchObject({ status: 0 });
    expect(parse(got.stdout)).toMatchObject({ contexts: [{ name: 'eck-shop' }, { name: 'eck-warehouse' }] });
    await expect(readFile(sandbox.kubeconfig)).rejects.toThrow('ENOENT');
  });

  test.each([
    ['several clusters', ['shop', 'warehouse', '--context', 'edge']],
    ['all clusters', ['--all', '--context', 'edge']],
  ])('cannot share a name of a context: %s', async (_, args) => {
    const refused = await sandbox.run(['get-credentials', ...args]);
    expect(refused).toMatchObject({ status: 2, stdout: '' });
    expect(refused.stderr).toContain('--context');
    expect(sandbox.ens.calls(issuing)).toBe(0);
  });

  test('of which kubectl asks for two are wrong usage', async () => {
    const env = {
      KUBERNETES_EXEC_INFO: '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential"}',
    };
    const refused = await sandbox.run(['get-credentials', 'eck-shop', 'eck-warehouse'], { env });
    expect(refused).toMatchObject({ status: 2, stdout: '' });
  });
});

describe('one of many clusters that fails', () => {
  test('does not keep the others from being done, and is told with its code', async () => {
    addClusters(...times(20));
    sandbox.ens.removeCluster(idOf(7));
    const ids = Array.from({ length: 20 }, (_, index) => idOf(index));
    const got = await sandbox.run(['get-credentials', ...ids]);
    expect(got).toMatchObject({ status: 1, stdout: '' });
    expect(got.stderr.match(/^kubectl-eck: .*$/gm)).toEqual([
      expect.stringMatching(/^kubectl-eck: eck-0007: .*\[ens-cluster-not-found\]$/),
    ]);
    expect(await contextNames()).toEqual(ids.filter((id) => id !== idOf(7)));
  });

  test('because of what somebody else wrote is not even asked for', async () => {
    addClusters(...times(3));
    await sandbox.writeHome('.kube/config', `users:\n- name: ${idOf(1)}\n  user: {token: other}\n`);
    const got = await sandbox.run(['get-credentials', '--all']);
    expect(got).toMatchObject({ status: 1 });
    expect(got.stderr).toMatch(/^kubectl-eck: eck-0001: .*--overwrite.*\[kubeconfig-conflict\]$/m);
    expect(await contextNames()).toEqual([idOf(0), idOf(2)]);
    expect(sandbox.ens.calls(issuing)).toBe(2);

    expect(await sandbox.run(['get-credentials', '--all', '--overwrite'])).toMatchObject({ status: 0 });
    expect(await contextNames()).toHaveLength(3);
  });

  test('because of a cluster of the same name that somebody else wrote is left out of the file', async () => {
    addClusters(...times(3));
    await sandbox.writeHome(
      '.kube/config',
      `clusters:\n- name: ${idOf(1)}\n  cluster: {server: "https://other"}\n`,
    );
    const got = await sandbox.run(['get-credentials', '--all']);
    expect(got).toMatchObject({ status: 1 });
    expect(got.stderr).toMatch(/^kubectl-eck: eck-0001: .*\[kubeconfig-conflict\]$/m);
    expect(await contextNames()).toEqual([idOf(0), idOf(2)]);
  });
});

describe('what would fail for every cluster', () => {
  const ids = Array.from({ length: 200 }, (_, index) => idOf(index));

  beforeEach(() => {
    addClusters(...times(200));
  });

  test('is told once, and the rest is not tried', async () => {
    sandbox.ens.putIdentity({ ...sandbox.identity, allowedActions: [] });
    const refused = await sandbox.run(['get-credentials', ...ids]);
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toMatch(
      /^kubectl-eck: .* 200 of 200 clusters were not done \[ens-not-allowed\]\n$/,
    );
    expect(sandbox.ens.calls()).toBeLessThanOrEqual(32);
  });

  test('in the middle leaves what was fetched until then', async () => {
    sandbox.ens.latencyMs = 20;
    const running = sandbox.run(['get-credentials', ...ids]);
    await sandbox.ens.waitForCalls(60);
    sandbox.ens.removeIdentity(sandbox.identity.accessKeyId);
    const got = await running;
    expect(got).toMatchObject({ status: 1, stdout: '' });
    expect(got.stderr).toMatch(/ of 200 clusters were not done \[ens-unauthenticated\]\n$/);
    const names = await contextNames();
    expect(names.length).toBeGreaterThan(20);
    expect(names.length).toBe(sandbox.ens.issued.length);
  });

  test('such as an outage of ENS is given up, and not waited for 200 times', async () => {
    sandbox.ens.failNext('always', apiError('ServiceUnavailable'));
    const got = await sandbox.run(['get-credentials', ...ids, '--timeout', '1s']);
    expect(got).toMatchObject({ status: 1, stdout: '' });
    expect(got.stderr).toMatch(/^kubectl-eck: .* 200 of 200 clusters were not done \[ens-unavailable\]\n$/);
    expect(new Set(sandbox.ens.log.map(({ params }) => params['ClusterId'])).size).toBeLessThanOrEqual(40);
  });

  test('such as a kubeconfig that cannot be read is found out before any call', async () => {
    await sandbox.writeHome('.kube/config', 'clusters: [}');
    const refused = await sandbox.run(['get-credentials', '--all']);
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toMatch(/\[kubeconfig-unusable\]\n$/);
    expect(sandbox.ens.calls()).toBe(0);
  });
});

test('an account whose calls are shared with another program slows down, and gets everything', async () => {
  addClusters(...times(60));
  sandbox.ens.callsPerSecond = 20;
  const got = await sandbox.run(['get-credentials', '--all']);
  expect(got).toMatchObject({ status: 0 });
  expect(await contextNames()).toHaveLength(60);
  const refused = sandbox.ens.log.filter(({ outcome }) => outcome === 'Throttling.User');
  expect(refused.length).toBeLessThan(60);
});

describe('in a pipe', () => {
  test('nothing but the summary is printed', async () => {
    addClusters(...times(40));
    const got = await sandbox.run(['get-credentials', '--all']);
    expect(got.stdout).toBe('');
    expect(got.stderr).not.toMatch(/[^\n\P{Cc}]|Fetching/u);
    expect(got.stderr.trim().split('\n')).toHaveLength(3);
  });

  test('nobody is asked to pick', async () => {
    const refused = await sandbox.run(['get-credentials']);
    expect(refused).toMatchObject({ status: 2, stdout: '' });
    expect(refused.stderr).toContain('--all');
    expect(sandbox.ens.calls()).toBe(0);
  });
});

describeWith([tmuxRequirement], 'at a terminal', () => {
  let terminal: Terminal | undefined;

  afterEach(async () => {
    await terminal?.stop();
  });

  /** Runs the program as a shell does, which itself lives through Ctrl-C. */
  async function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Terminal> {
    const shell = 'trap : INT; "$@"; echo "[exit status $?]"; exec sleep 100';
    const argv = ['/bin/sh', '-c', shell, 'shell', programs.standalone, ...args];
    terminal = await startTmux(argv, sandbox.environment(env));
    return terminal;
  }

  describe('without a cluster', () => {
    beforeEach(() => {
      addClusters({ name: 'shop' }, { name: 'shop-2' }, { name: '仓库' });
    });

    test('a picker filters as one types, and what is picked is fetched', async () => {
      const tty = await start(['get-credentials']);
      await tty.waitFor(/仓库 +eck-0002 +cn-hangzhou-58/);
      await tty.type('sho');
      await tty.waitFor(/2 matches/);
      await tty.type('Tab', 'Down', 'Tab', 'Enter');
      await tty.waitFor(/2 contexts in [^]*2 added[^]*\[exit status 0\]/);
      expect(await contextNames()).toEqual([idOf(0), idOf(1)]);
    });

    test('one that is picked becomes the current context', async () => {
      const tty = await start(['get-credentials']);
      await tty.waitFor(/仓库/);
      await tty.type('仓');
      await tty.waitFor(/1 match\b/);
      await tty.type('Tab', 'Enter');
      await tty.waitFor(/exit status 0/);
      expect(await currentContext()).toBe(idOf(2));
    });

    test('the one that is pointed at is taken where none was ticked', async () => {
      const tty = await start(['get-credentials']);
      await tty.waitFor(/仓库/);
      await tty.type('sho');
      await tty.waitFor(/2 matches/);
      await tty.type('Down', 'Enter');
      await tty.waitFor(/exit status 0/);
      expect(await contextNames()).toEqual([idOf(1)]);
    });

    test.each(['C-c', 'Escape'])('%s picks nothing, in one line', async (key) => {
      const tty = await start(['get-credentials']);
      await tty.waitFor(/仓库/);
      await tty.type(key);
      const screen = await tty.waitFor(/exit status/);
      expect(screen).toMatch(/\nkubectl-eck: Nothing was picked, .* \[interrupted\]\n\[exit status 130\]/);
      expect(sandbox.ens.calls(issuing)).toBe(0);
    });
  });

  describe('with many clusters', () => {
    beforeEach(() => {
      addClusters(...times(100));
      sandbox.ens.latencyMs = 200;
    });

    test('a bar shows how far it got, and is gone at the end', async () => {
      const tty = await start(['get-credentials', '--all']);
      await tty.waitFor(/Fetching credentials \[#+-+\] \d+\/100/);
      expect(await tty.waitFor(/exit status 0/)).not.toContain('Fetching');
    });

    test('NO_COLOR shows no bar', async () => {
      const tty = await start(['get-credentials', '--all'], { NO_COLOR: '1' });
      await sandbox.ens.waitForCalls(60, issuing);
      expect((await tty.screen()).trim()).toBe('');
      await tty.waitFor(/exit status 0/);
    });

    test('Ctrl-C ends it, and what was fetched until then is written', async () => {
      const tty = await start(['get-credentials', '--all']);
      await tty.waitFor(/ [3-9]\d\/100/);
      await tty.type('C-c');
      const screen = await tty.waitFor(/exit status/);
      expect(screen).toMatch(/\d+ of 100 clusters were not done \[interrupted\]\n\[exit status 130\]/);
      const [, written] = /^(\d+) contexts in/m.exec(screen) ?? [];
      const names = await contextNames();
      expect(names).toHaveLength(Number(written));
      expect(names.length).toBeGreaterThanOrEqual(30);
    });
  });
});

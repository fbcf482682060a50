import { beforeEach, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { describeWith } from '../support/requirements.js';
import { programs } from '../support/sandbox.js';
import { stopAfterTest } from '../support/stop-after-test.js';
import { startTmux, tmuxRequirement, type Terminal } from '../support/tmux.js';

useSandbox();

/** Types a command at a terminal, with its exit status after it. The shell survives Ctrl-C. */
async function start(args: readonly string[], env: NodeJS.ProcessEnv = {}, columns = 80): Promise<Terminal> {
  const script = 'trap : INT; "$@"; echo "[exit status $?]"; exec cat';
  const argv = ['/bin/sh', '-c', script, 'shell', programs.standalone, ...args];
  return stopAfterTest(await startTmux(argv, sandbox.environment(env), sandbox.directory, columns));
}

function addClusters(...names: readonly string[]): void {
  sandbox.ens.removeCluster(sandbox.clusterId);
  for (const [index, name] of names.entries()) sandbox.putCluster({ clusterId: `eck-${index}`, name });
}

const kubeconfig = () =>
  parse(readFileSync(sandbox.kubeconfig, 'utf8')) as { contexts: { name: string }[]; 'current-context'?: string };
const contexts = (): string[] => kubeconfig().contexts.map(({ name }) => name);

describeWith([tmuxRequirement], 'at a terminal', () => {
  test.each([
    ['list'],
    ['get-credentials', 'eck-0123abcd'],
    ['get-credentials', '--all'],
    ['get-credentials'],
    ['doctor', 'eck-0123abcd'],
  ])('something is shown within a second while ENS does not answer: %s %s', async (...args) => {
    sandbox.ens.failNext('always', { kind: 'hang' });
    const started = performance.now();
    const screen = await (await start(args.filter(Boolean))).waitFor(/Working…|\bok\b/);
    expect(performance.now() - started).toBeLessThan(1500);
    expect(screen).not.toContain('exit status');
  });

  test('the spinner leaves nothing behind', async () => {
    addClusters('shop');
    sandbox.ens.latencyMs = 1200;
    const tty = await start(['list']);
    await tty.waitFor(/[|/\\-] Working…/);
    const screen = await tty.waitFor(/\[exit status 0\]/);
    expect(screen).toMatch(/^NAME +ID +VERSION.*\nshop +eck-0 .*\n\[exit status 0\]/);
    expect(screen).not.toContain('Working');
  });

  test.each([{ NO_COLOR: '1' }, { TERM: 'dumb' }])(
    'without colours (%o) a list has numbers to pick from',
    async (env) => {
      addClusters('cafe', 'shop-2', 'shop-10', '仓库');
      const tty = await start(['get-credentials'], env);
      const list = ['1) cafe', '2) shop-2', '3) shop-10', '4) 仓库'].map((item) => `${item}[^\n]*\n`).join('');
      await tty.waitFor(new RegExp(`^${list.replaceAll(')', '\\)')}Which clusters\\? Their numbers, such as 1 3:`));
      await tty.type('9', 'Enter');
      await tty.waitFor(/Type one or more numbers from 1 to 4\.\nWhich/);
      await tty.type('2, 3', 'Enter');
      await tty.waitFor(/\[exit status 0\]/);
      expect(contexts()).toEqual(['shop-2', 'shop-10']);
    },
  );

  test.each(['C-c', 'C-d'])('without colours %s picks nothing', async (key) => {
    addClusters('cafe', 'shop');
    const tty = await start(['get-credentials'], { NO_COLOR: '1' });
    await tty.waitFor(/Their numbers/);
    await tty.type(key);
    await tty.waitFor(/Nothing was picked, so nothing was done \[interrupted\]\n\[exit status 130\]/);
  });

  test.each([
    [60, ['NAME', 'ID', 'REGION', 'CONTEXT']],
    [80, ['NAME', 'ID', 'VERSION', 'REGION', 'CONTEXT']],
    [120, ['NAME', 'ID', 'VERSION', 'REGION', 'ACCESS', 'CONTEXT']],
  ])('a table fits %d columns', async (columns, headings) => {
    addClusters('a-shop-with-a-long-name');
    const screen = await (await start(['list'], {}, columns)).waitFor(/\[exit status 0\]/);
    expect(screen.split('\n')[0]?.split(/ +/)).toEqual(headings);
    expect(screen.split('\n')[2]).toMatch(/^\[exit/);
  });

  test('doctor shows each status in its colour', async () => {
    const tty = await start(['doctor', 'eck-0123abcd']);
    await tty.waitFor(/\[exit status \d\]/);
    expect((await tty.screen('-e')).replaceAll('\u001b', 'ESC')).toMatch(/^ESC\[32mok {8}ESC\[\d+mprogram /m);
  });

  test.each<[string, NodeJS.ProcessEnv, RegExp]>([
    ['red', {}, /^ESC\[31merror:ESC\[\d+m unknown command/],
    ['plain with NO_COLOR', { NO_COLOR: '1' }, /^error: unknown command/],
    ['plain at a dumb terminal', { TERM: 'dumb' }, /^error: unknown command/],
  ])('an error is %s', async (_, env, expected) => {
    const tty = await start(['nonsense'], env);
    await tty.waitFor(/\[exit status 2\]/);
    expect((await tty.screen('-e')).replaceAll('\u001b', 'ESC')).toMatch(expected);
  });

  describe('without a cluster', () => {
    beforeEach(() => {
      addClusters('shop', 'shop-2', '仓库');
    });

    test.each<[string, string[], string[], string?]>([
      ['what is picked is fetched', ['Tab', 'Down', 'Tab', 'Enter'], ['shop', 'shop-2']],
      ['without a pick the focused one is, and becomes the current context', ['Down', 'Enter'], ['shop-2'], 'shop-2'],
    ])('a picker filters while one types, and %s', async (...[, keys, expected, current]) => {
      const tty = await start(['get-credentials']);
      await tty.waitFor(/仓库 +eck-2 +cn-hangzhou-58/);
      await tty.type('sho');
      await tty.waitFor(/2 matches/);
      await tty.type(...keys);
      expect(await tty.waitFor(/\[exit status 0\]/)).toMatch(/Which clusters\?\nContext/);
      expect([contexts(), kubeconfig()['current-context']]).toEqual([expected, current]);
    });

    test.each(['C-c', 'Escape'])('%s picks nothing, in one line', async (key) => {
      const tty = await start(['get-credentials']);
      await tty.waitFor(/仓库/);
      await tty.type(key);
      const screen = await tty.waitFor(/exit status/);
      expect(screen).toMatch(/\nerror: .* \[interrupted\]\n\[exit status 130\]/);
      expect(sandbox.ens.calls('DescribeClusterUserKubeconfig')).toBe(0);
    });
  });

  test('a bar shows the progress, and is gone at the end', async () => {
    addClusters(...Array.from({ length: 60 }, (_, index) => `shop-${index}`));
    sandbox.ens.latencyMs = 200;
    const tty = await start(['get-credentials', '--all']);
    await tty.waitFor(/Fetching credentials \[#+-+\] \d+\/60/);
    expect(await tty.waitFor(/exit status 0/)).not.toContain('Fetching');
  });

  test('Ctrl-C ends it, and what was fetched before is written', async () => {
    addClusters(...Array.from({ length: 100 }, (_, index) => `shop-${index}`));
    sandbox.ens.latencyMs = 200;
    const tty = await start(['get-credentials', '--all']);
    await tty.waitFor(/ [3-9]\d\/100/);
    await tty.type('C-c');
    const screen = await tty.waitFor(/exit status/);
    expect(screen).toMatch(/\d+ of 100 clusters were not set up \[interrupted\]\n\[exit status 130\]/);
    const [, written] = /^Contexts: (\d+) added/m.exec(screen) ?? [];
    expect(contexts()).toHaveLength(Number(written));
    expect(contexts().length).toBeGreaterThanOrEqual(30);
  });
});

describe('with many clusters', () => {
  test('status counts as people do, and logout says it in one line', async () => {
    addClusters(...Array.from({ length: 12 }, (_, index) => `shop-${index}`));
    await sandbox.run(['get-credentials', '--all']);
    const ids = (await sandbox.run(['status'])).stdout.match(/eck-\d+(?= {2})/g);
    expect(ids).toEqual(Array.from({ length: 12 }, (_, index) => `eck-${index}`));
    const { stderr } = await sandbox.run(['logout', '--all', '--remove-contexts']);
    expect(stderr.split('\n')).toEqual([
      'Removed from the kubeconfig: shop-0, shop-1, shop-2, shop-3, shop-4, and 7 more',
      'Deleted the credentials of 12, and 0 were not cached.',
      expect.stringContaining('stays valid until it expires'),
      '',
    ]);
  });
});

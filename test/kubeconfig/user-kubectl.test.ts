import { afterEach, beforeEach, expect, test } from '@jest/globals';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { locateKubeconfig, writeContexts } from '../../src/kubeconfig/user.js';
import { defaultPatience, withLocks } from '../../src/kubeconfig/user-lock.js';
import { currentKubectl, oldKubectl, runKubectl } from '../support/kubectl.js';
import type { KubectlRequirement } from '../support/kubectl.js';
import { describeWith } from '../support/requirements.js';
import { contextEntry, lovedKubeconfig, makeDirectory, snapshot, withPlaces } from './fixtures.js';

interface Config {
  readonly clusters: { name: string; cluster: object }[] | null;
  readonly users: { name: string; user: { exec?: object } }[] | null;
  readonly contexts: { name: string; context: object }[] | null;
  readonly 'current-context': string;
}

const setCurrent = { overwrite: false, setCurrentContext: true };
let directory: string;

beforeEach(() => {
  directory = makeDirectory();
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** Runs `kubectl config`, which has to work. */
async function kubectlConfig(
  { kubectl }: KubectlRequirement,
  kubeconfig: string,
  ...args: string[]
): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: directory, KUBECONFIG: kubeconfig };
  const { status, stdout, stderr } = await runKubectl(kubectl, ['config', ...args], { env });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

async function view(requirement: KubectlRequirement, kubeconfig: string): Promise<Config> {
  return JSON.parse(await kubectlConfig(requirement, kubeconfig, 'view', '--raw', '-o', 'json')) as Config;
}

const yaml = withPlaces(lovedKubeconfig, '').before;
const json = JSON.stringify({ contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }] }, null, 2);

for (const requirement of [oldKubectl, currentKubectl]) {
  const isOld = requirement === oldKubectl;

  describeWith([requirement], `${requirement.name} reads what was written`, () => {
    test.each([
      ['in YAML', yaml],
      ['on Windows', `\ufeff${yaml.replaceAll('\n', '\r\n')}`],
      ['without a line end at the end', yaml.trimEnd()],
      ['in JSON', json],
      ['in compact JSON', JSON.stringify(JSON.parse(json))],
      ['in a flow mapping', 'contexts: [{name: a, context: {cluster: a}}, ]\nclusters: []\n'],
      ['in an empty file', ''],
      ['between document markers', '---\ncontexts:\n- name: a\n---\ncontexts:\n- name: b\n'],
    ])('%s', async (_, text) => {
      const config = join(directory, 'config');
      writeFileSync(config, text);
      const before = await view(requirement, config);
      const entry = contextEntry('eck-1', { namespace: 'edge', tlsServerName: 'tls.example' });
      const exec = isOld
        ? { ...entry.exec, apiVersion: 'client.authentication.k8s.io/v1beta1' as const }
        : entry.exec;
      await writeContexts([config], [{ ...entry, exec }], setCurrent);

      const after = await view(requirement, config);
      const { interactiveMode, provideClusterInfo, ...known } = exec;
      expect(after).toEqual({
        ...before,
        clusters: byName(before.clusters, {
          name: 'eck-1',
          cluster: {
            server: entry.server,
            'tls-server-name': 'tls.example',
            'certificate-authority-data': Buffer.from(entry.certificateAuthorityPem).toString('base64'),
          },
        }),
        // An old kubectl passes over what it does not know.
        users: byName(before.users, {
          name: 'eck-1',
          user: {
            exec: { ...known, provideClusterInfo, env: null, ...(isOld ? {} : { interactiveMode }) },
          },
        }),
        contexts: byName(before.contexts, {
          name: 'eck-1',
          context: { cluster: 'eck-1', user: 'eck-1', namespace: 'edge' },
        }),
        'current-context': 'eck-1',
      });
      const names = await kubectlConfig(requirement, config, 'get-contexts', '-o', 'name');
      expect(names.split('\n').filter((name) => name !== '')).toEqual(
        after.contexts?.map(({ name }) => name),
      );
    });

    test('under names that YAML would take for something else', async () => {
      const config = join(directory, 'config');
      const names = [
        'yes',
        '0123',
        '1e3',
        'null',
        '~',
        '1:20',
        '2001-01-01',
        '- x',
        'a: b',
        "it's",
        '日本',
        'a\u2028b',
        '.5',
        '0o7',
        '=',
      ];
      await writeContexts(
        [config],
        names.map((name) => contextEntry(name)),
        setCurrent,
      );
      const { contexts, clusters, users } = await view(requirement, config);
      for (const list of [contexts, clusters, users])
        expect(list?.map(({ name }) => name).sort()).toEqual([...names].sort());
    });
  });

  describeWith([requirement], `${requirement.name} respects the same lock`, () => {
    test('and fails while it is held here', async () => {
      const config = join(directory, 'config');
      writeFileSync(config, 'kind: Config\n');
      const before = snapshot(directory)['config'];
      const env = { PATH: process.env['PATH'], HOME: directory, KUBECONFIG: config };
      const { status, stderr } = await withLocks([config], defaultPatience, () =>
        runKubectl(requirement.kubectl, ['config', 'set-context', 'a'], { env }),
      );
      expect(status).toBe(1);
      expect(stderr).toContain('config.lock');
      expect(snapshot(directory)).toEqual({ config: before });
    });

    test('through a link as well', async () => {
      mkdirSync(join(directory, 'a'));
      const config = join(directory, 'a', 'config');
      await writeContexts([config], [contextEntry('eck-1')], setCurrent);
      await kubectlConfig(requirement, config, 'set-context', 'other');
      await writeContexts([config], [contextEntry('eck-2')], setCurrent);
      expect(existsSync(`${config}.lock`)).toBe(false);
      expect(readFileSync(config, 'utf8')).toContain('current-context: eck-2');
    });
  });
}

// Debian's kubectl 1.20 crashes when it writes a user with an exec entry.
describeWith([currentKubectl], `${currentKubectl.name} puts entries into the same files`, () => {
  const ours =
    'users:\n- {name: eck-1, user: {exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: kubectl-eck}}}\n';
  test.each<[string, Record<string, string>, string]>([
    ['one file', { a: '' }, 'a'],
    ['one file that is missing', {}, 'a'],
    ['a list, all missing', {}, 'a:b:c'],
    ['a list, the first missing', { b: 'kind: Config\n', c: '' }, 'a:b:c'],
    ['a list with empty parts', { b: '' }, ':a::b:'],
    ['a list with a file twice', { a: '', b: '' }, 'b:a:b'],
    ['an entry in the second file', { a: 'kind: Config\n', b: ours }, 'a:b'],
    ['an entry in both files', { a: ours, b: ours }, 'b:a'],
    ['the current context in the second file', { a: 'kind: Config\n', b: 'current-context: b\n' }, 'a:b'],
    ['the current context in both files', { a: 'current-context: a\n', b: 'current-context: b\n' }, 'b:a'],
  ])('%s', async (_, files, list) => {
    const roots = ['theirs', 'ours'].map((name) => mkdtempSync(join(directory, `${name}-`)));
    const [theirRoot = '', ourRoot = ''] = roots;
    for (const root of roots) {
      for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
    }
    const listIn = (root: string) => list.replace(/[a-z]/g, (name) => join(root, name));
    const apiVersion = 'client.authentication.k8s.io/v1beta1';
    const entry = contextEntry('eck-1', { exec: { ...contextEntry('eck-1').exec, apiVersion } });
    const paths = locateKubeconfig({
      environment: { KUBECONFIG: listIn(ourRoot) },
      homeDirectory: directory,
      platform: 'linux',
    });
    await writeContexts(paths, [entry], setCurrent);

    const run = (...args: string[]) => kubectlConfig(currentKubectl, listIn(theirRoot), ...args);
    await run('set-cluster', 'eck-1', `--server=${entry.server}`);
    await run(
      'set-credentials',
      'eck-1',
      '--exec-command=kubectl-eck',
      `--exec-api-version=${apiVersion}`,
      '--exec-arg=exec-credential',
    );
    await run('set-context', 'eck-1', '--cluster=eck-1', '--user=eck-1');
    await run('use-context', 'eck-1');

    expect(readdirSync(ourRoot)).toEqual(readdirSync(theirRoot));
    for (const name of readdirSync(theirRoot)) {
      const contents = await Promise.all(roots.map((root) => view(currentKubectl, join(root, name))));
      const [theirs, mine] = contents.map((content) => ({
        clusters: content.clusters?.map((item) => item.name) ?? [],
        users: content.users?.map((item) => [item.name, 'args' in (item.user.exec ?? {})]) ?? [],
        contexts: content.contexts?.map((item) => item.name) ?? [],
        currentContext: content['current-context'],
      }));
      expect({ name, ...mine }).toEqual({ name, ...theirs });
    }
  });
});

/** kubectl sorts entries by name. */
function byName<Entry extends { name: string }>(entries: readonly Entry[] | null, added: Entry): Entry[] {
  return [...(entries ?? []), added].sort((a, b) => (a.name < b.name ? -1 : 1));
}

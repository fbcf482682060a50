import { expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';
import { messageOf } from '../../src/errors.js';
import { writeContexts } from '../../src/kubeconfig/change.js';
import { locateKubeconfig } from '../../src/kubeconfig/files.js';
import { withLocks } from '../../src/kubeconfig/write.js';
import { readContexts } from '../../src/kubeconfig/read.js';
import { currentKubectl, oldKubectl, runKubectl, type KubectlRequirement } from '../support/kubectl.js';
import { describeWith } from '../support/requirements.js';
import { corpus, disagreements } from './corpus.js';
import { config, directory } from '../support/directory.js';
import { contextEntry, snapshot } from './fixtures.js';

interface Config {
  readonly clusters: { name: string; cluster: object }[] | null;
  readonly users: { name: string; user: { exec?: object } }[] | null;
  readonly contexts: { name: string; context: object }[] | null;
  readonly 'current-context': string;
}

const setCurrent = { overwrite: false, setCurrentContext: true };
const v1beta1 = 'client.authentication.k8s.io/v1beta1';
function run({ kubectl }: KubectlRequirement, kubeconfig: string, ...args: string[]) {
  const env = { PATH: process.env['PATH'], HOME: directory, KUBECONFIG: kubeconfig };
  return runKubectl(kubectl, ['config', ...args], { env });
}

async function view(requirement: KubectlRequirement, kubeconfig: string): Promise<Config> {
  const { status, stdout, stderr } = await run(requirement, kubeconfig, 'view', '--raw', '-o', 'json');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout) as Config;
}

for (const requirement of [oldKubectl, currentKubectl]) {
  describeWith([requirement], `${requirement.name} agrees`, () => {
    test('on names that YAML could read as something else', async () => {
      const text = `yes|y|0123|1_000|0o17|1e3|null|~|1:20|2001-01-01|- x|a: b|it's|日本|a\u2028b|.5|=|"|<<|a\u0085`;
      const names = text.split('|');
      const entries = names.map((name) => contextEntry(name));
      await writeContexts([config], entries, setCurrent);
      const { contexts, clusters, users } = await view(requirement, config);
      for (const list of [contexts, clusters, users])
        expect(list?.map(({ name }) => name).sort()).toEqual([...names].sort());
    });

    test('on the lock', async () => {
      writeFileSync(config, 'kind: Config\n');
      const before = snapshot(directory)['config'];
      const set = () => run(requirement, config, 'set-context', 'a');
      const { status, stderr } = await withLocks([config], set);
      expect(status).toBe(1);
      expect(stderr).toContain('config.lock');
      expect(snapshot(directory)).toEqual({ config: before });
      expect(await set()).toMatchObject({ status: 0 });
      await writeContexts([config], [contextEntry('eck-2')], setCurrent);
      expect(existsSync(`${config}.lock`)).toBe(false);
      expect(readFileSync(config, 'utf8')).toContain('current-context: eck-2');
    });
  });
}

describeWith([currentKubectl], `${currentKubectl.name} agrees`, () => {
  test('on a corpus of kubeconfigs, or the reason is known', async () => {
    for (const [index, text] of corpus.entries()) writeFileSync(join(directory, String(index)), text);
    // One shell for many kubeconfigs, beside others.
    const script = `for file; do '${currentKubectl.kubectl.path}' config view --raw -o json --kubeconfig "$file" \
      >"$file.json" 2>"$file.error" </dev/null || rm "$file.json"; done`;
    const shells = Array.from({ length: 4 }, (_, shell) => {
      const files = Array.from(corpus.keys(), String).filter((_, index) => index % 4 === shell);
      return promisify(execFile)('/bin/sh', ['-c', script, 'sh', ...files], { cwd: directory });
    });
    await Promise.all(shells);

    const used = new Set<unknown>();
    const wrong: unknown[] = [];
    for (const [index, text] of corpus.entries()) {
      const file = join(directory, String(index));
      const read = readContexts([file]).then(({ contexts }) => contexts.map(({ name }) => name).filter(Boolean));
      const ours = await read.catch((error: unknown) => messageOf(error));
      const isAccepted = existsSync(`${file}.json`);
      const config = isAccepted ? (JSON.parse(readFileSync(`${file}.json`, 'utf8')) as Config) : undefined;
      const theirs = config?.contexts?.map(({ name }) => name).filter(Boolean) ?? [];
      const known = disagreements.find((row) => row[1] === isAccepted && row[2].test(text));
      const isSame = isAccepted
        ? Array.isArray(ours) && isDeepStrictEqual(ours.sort(), theirs.sort())
        : !Array.isArray(ours);
      if (!isSame) used.add(known);
      if (!isSame && !known) wrong.push({ text, ours, theirs, error: readFileSync(`${file}.error`, 'utf8') });
    }
    expect(wrong).toEqual([]);
    expect(disagreements.filter((row) => !used.has(row))).toEqual([]);
    expect(corpus.length).toBeGreaterThan(500);
  }, 120_000);
});

// kubectl 1.20 crashes when it writes a user with an exec entry.
describeWith([currentKubectl], `${currentKubectl.name} puts entries into the same files`, () => {
  const ours = `users:\n- {name: eck-1, user: {exec: {apiVersion: ${v1beta1}, command: kubectl-eck}}}\n`;
  test.each<[string, Record<string, string>, string]>([
    ['one file', { a: '' }, 'a'],
    ['a list, all missing', {}, 'a:b:c'],
    ['a list, the first missing', { b: 'kind: Config\n', c: '' }, 'a:b:c'],
    ['a list with empty parts', { b: '' }, ':a::b:'],
    ['a list with a file twice', { a: '', b: '' }, 'b:a:b'],
    ['an entry in the second file', { a: 'kind: Config\n', b: ours }, 'a:b'],
    ['an entry in both files', { a: ours, b: ours }, 'b:a'],
    ['the current context in both files', { a: 'current-context: a\n', b: 'current-context: b\n' }, 'b:a'],
  ])('%s', async (_, files, list) => {
    const makeRoot = (): string => {
      const root = mkdtempSync(join(directory, 'root-'));
      for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
      return root;
    };
    const [theirRoot, ourRoot] = [makeRoot(), makeRoot()];
    const listIn = (root: string) => list.replace(/[a-z]/g, (name) => join(root, name));
    const entry = contextEntry('eck-1', { exec: { ...contextEntry('eck-1').exec, apiVersion: v1beta1 } });
    const environment = { KUBECONFIG: listIn(ourRoot) };
    const paths = locateKubeconfig({ environment, homeDirectory: () => directory, platform: 'linux' });
    await writeContexts(paths, [entry], setCurrent);

    const exec = `--exec-command=kubectl-eck --exec-api-version=${v1beta1} --exec-arg=a`;
    for (const command of [
      `set-cluster eck-1 --server=${entry.server}`,
      `set-credentials eck-1 ${exec}`,
      'set-context eck-1 --cluster=eck-1 --user=eck-1',
      'use-context eck-1',
    ]) {
      const outcome = await run(currentKubectl, listIn(theirRoot), ...command.split(' '));
      expect(outcome).toMatchObject({ status: 0 });
    }
    expect(readdirSync(ourRoot)).toEqual(readdirSync(theirRoot));
    for (const name of readdirSync(theirRoot)) {
      const facts = async (root: string) => {
        const { clusters, users, contexts, ...content } = await view(currentKubectl, join(root, name));
        const names = [clusters, users, contexts].map((list) => list?.map((item) => item.name) ?? []);
        const haveArgs = users?.map(({ user }) => 'args' in (user.exec ?? {})) ?? [];
        return { names, haveArgs, currentContext: content['current-context'] };
      };
      expect(await facts(ourRoot)).toEqual(await facts(theirRoot));
    }
  });
});

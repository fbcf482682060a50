import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { readContexts, removeContexts, writeContexts } from '../../src/kubeconfig/user.js';
import { currentKubectl, oldKubectl } from '../support/kubectl.js';
import { describeWith } from '../support/requirements.js';
import { runProgram } from '../support/sandbox.js';
import { contextEntry, lovedKubeconfig, makeDirectory, snapshot, withPlaces } from './fixtures.js';

let directory: string;
let config: string;

beforeEach(() => {
  directory = makeDirectory();
  config = join(directory, 'config');
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const text = (path = config): string => readFileSync(path, 'utf8');
const keepCurrent = { overwrite: false, setCurrentContext: false };
const ownUser = (name: string) => `{name: ${name}, user: {exec: {command: kubectl-eck}}}`;

describe('taking contexts out', () => {
  test.each([
    ['somebody’s own work', lovedKubeconfig],
    ['one from Windows', `\ufeff${lovedKubeconfig.replaceAll('\n', '\r\n')}`],
    [
      'one with empty lists',
      'apiVersion: v1\nclusters:\n«clusters»\nusers: # none\n«users»\ncontexts:\n«contexts»\n',
    ],
    [
      'one as kubectl writes it',
      'apiVersion: v1\nclusters:\n- cluster:\n    server: https://a\n  name: a\n«clusters»\ncontexts:\n- context:\n    cluster: a\n    user: a\n  name: a\n«contexts»\ncurrent-context: a\nkind: Config\npreferences: {}\nusers:\n- name: a\n  user: {}\n«users»\n',
    ],
  ])('gives %s back as it was before they were put in', async (_, template) => {
    const { before, after } = withPlaces(template, 'eck-1');
    writeFileSync(config, after);
    expect(await removeContexts([config], ['eck-1'])).toMatchObject({
      contextNames: ['eck-1'],
      writtenFiles: [config],
    });
    expect(text()).toBe(before);
  });

  test('leaves a JSON file JSON', async () => {
    writeFileSync(
      config,
      '{"clusters": [{"name": "a", "cluster": {"server": "https://a"}}], "users": [], "contexts": []}',
    );
    const before = parse(text()) as unknown;
    await writeContexts([config], [contextEntry('eck-1'), contextEntry('eck-2')], keepCurrent);
    await removeContexts([config], ['eck-1', 'eck-2']);
    expect(JSON.parse(text())).toEqual({ ...(before as object), users: null, contexts: null });
  });

  test('empties current-context where it is one of them', async () => {
    await writeContexts([config], [contextEntry('eck-1')], { overwrite: false, setCurrentContext: true });
    expect(await removeContexts([config], ['eck-1'])).toMatchObject({
      currentContext: { before: 'eck-1', after: undefined },
    });
    expect(parse(text())).toMatchObject({
      'current-context': '',
      clusters: null,
      users: null,
      contexts: null,
    });
  });

  test('leaves a user and a cluster that another context refers to', async () => {
    await writeContexts([config], [contextEntry('eck-1')], keepCurrent);
    writeFileSync(
      config,
      text().replace('contexts:\n', 'contexts:\n- name: mine\n  context: {cluster: eck-1, user: eck-1}\n'),
    );
    await removeContexts([config], ['eck-1']);
    expect((await readContexts([config])).contexts).toMatchObject([
      { name: 'mine', isOwn: true, server: 'https://eck-1.example:6443' },
    ]);
  });

  test('leaves contexts that are not ours, and writes nothing then', async () => {
    const { before } = withPlaces(lovedKubeconfig, '');
    writeFileSync(config, before);
    const written = snapshot(directory);
    expect(await removeContexts([config], ['prod', 'prod-robot', 'missing'])).toMatchObject({
      contextNames: [],
      writtenFiles: [],
    });
    expect(snapshot(directory)).toEqual(written);
  });

  test('takes them out of every file, and leaves entries of others that have the same names', async () => {
    const other = join(directory, 'other');
    writeFileSync(config, `users: [${ownUser('u')}]\ncurrent-context: x\n`);
    const theirs =
      'users:\n- {name: u, user: {token: t}}\nclusters:\n- {name: c, cluster: {server: "https://c"}}\n';
    writeFileSync(
      other,
      `${theirs}contexts:\n- {name: x, context: {cluster: c2, user: u}}\n- {name: y, context: {cluster: c}}\ncurrent-context: x\n`,
    );
    expect(await removeContexts([config, other], ['x'])).toMatchObject({
      contextNames: ['x'],
      writtenFiles: [config, other],
      currentContext: { before: 'x', after: undefined },
    });
    expect(text()).toBe('users: null\ncurrent-context: ""\n');
    expect(text(other)).toBe(`${theirs}contexts:\n- {name: y, context: {cluster: c}}\ncurrent-context: ""\n`);
  });

  test('changes nothing where it would harm others', async () => {
    const shared = `users:\n- ${ownUser('u')}\ncontexts:\n- {name: x, context: &c {user: u}}\n- {name: y, context: *c}\n`;
    writeFileSync(config, shared);
    await expect(removeContexts([config], ['x'])).rejects.toMatchObject({
      code: 'kubeconfig-unusable',
      message: expect.stringContaining('take the entries out with an editor'),
    });
    expect(text()).toBe(shared);
  });
});

for (const requirement of [oldKubectl, currentKubectl]) {
  describeWith([requirement], `${requirement.name} after contexts were taken out`, () => {
    test.each([
      ['all of them', ['eck-1', 'eck-2'], ''],
      ['one', ['eck-1'], 'eck-2\n'],
    ])('reads the file: %s', async (_, names, left) => {
      await writeContexts([config], [contextEntry('eck-1'), contextEntry('eck-2')], {
        overwrite: false,
        setCurrentContext: true,
      });
      await removeContexts([config], names);
      const kubectl = (...args: string[]) =>
        runProgram(requirement.kubectl.path, ['--kubeconfig', config, 'config', ...args], {
          env: { HOME: directory },
          timeoutMs: 20_000,
        });
      expect(await kubectl('get-contexts', '-o', 'name')).toEqual({ status: 0, stdout: left, stderr: '' });
      expect(await kubectl('current-context')).toMatchObject({ status: 1, stdout: '' });
    });
  });
}

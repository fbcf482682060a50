import { describe, expect, test } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import {
  readBeforeWriting,
  removeContexts,
  renderKubeconfig,
  replaceUsers,
  writeContexts,
  type WriteRules,
} from '../../src/kubeconfig/change.js';
import type { ContextEntry } from '../../src/kubeconfig/entry.js';
import { readContexts, readUsers } from '../../src/kubeconfig/read.js';
import { directory } from '../support/directory.js';
import { contextEntry, entryLines, lovedKubeconfig, sectionsText, snapshot, withPlaces } from './fixtures.js';

const eck1 = contextEntry('eck-1');
/** Paths of files with these texts; undefined is a missing file. */
function files(texts: Record<string, string | undefined>): [string, ...string[]] {
  const paths = Object.entries(texts).map(([name, text]) => {
    if (text !== undefined) writeFileSync(join(directory, name), text);
    return join(directory, name);
  });
  return [paths[0] ?? '', ...paths.slice(1)];
}

function text(name: string): string {
  return readFileSync(join(directory, name), 'utf8');
}

const noRules: WriteRules = { overwrite: false, setCurrentContext: false };

/** Writes into files, and returns the report and what each changed file contains then, by their names. */
async function write(
  texts: Record<string, string | undefined>,
  entries: readonly ContextEntry[] = [eck1],
  rules: Partial<WriteRules> = {},
) {
  const paths = files(texts);
  const before = snapshot(directory);
  const report = await writeContexts(paths, entries, { ...noRules, ...rules });
  const after = snapshot(directory);
  const changed = Object.keys(texts).filter((name) => after[name] !== before[name]);
  return { report, changed: Object.fromEntries(changed.map((name) => [name, parse(text(name)) as unknown])) };
}

/** One section with one entry. */
function entry(section: 'clusters' | 'users' | 'contexts', name: string, content: string): string {
  return `${section}: [{name: ${name}, ${section.slice(0, -1)}: ${content}}]\n`;
}

const ownUser = entry('users', 'eck-1', '{exec: {command: kubectl-eck}}');
const ownContext = entry('contexts', 'eck-1', '{cluster: eck-1, user: eck-1}');
const withoutUsers = sectionsText('eck-1').replace(/^users:\n[^]*(?=contexts:)/m, '');

test('an entry that exists is changed in its file', async () => {
  const { changed, report } = await write({ a: 'kind: Config\n', b: ownUser, c: ownUser });
  expect(changed).toEqual({
    a: parse(`kind: Config\n${withoutUsers}`) as unknown,
    b: parse(`users:\n${entryLines('eck-1', 'users').join('\n')}\n`) as unknown,
  });
  expect(report.entries).toEqual([{ contextName: 'eck-1', file: join(directory, 'a'), outcome: 'added' }]);
});

describe('the current context', () => {
  const there = sectionsText('eck-1');
  const b = 'current-context: b\n';
  test.each<[string, Record<string, string | undefined>, string[], string | undefined]>([
    ['is replaced', { a: there + b }, ['a'], 'b'],
    ['is not written again in another file', { a: there, b: 'current-context: eck-1\n' }, [], 'eck-1'],
    ['is none if it is empty', { a: `${there}current-context: ""\n`, b }, ['a'], 'b'],
  ])('%s', async (_, texts, changedFiles, before) => {
    const { changed, report } = await write(texts, [eck1], { setCurrentContext: true });
    expect(Object.keys(changed)).toEqual(changedFiles);
    for (const content of Object.values(changed)) expect(content).toHaveProperty('current-context', 'eck-1');
    expect(report.currentContext).toEqual({ before, after: 'eck-1' });
  });
});

describe('an entry that this plugin did not write', () => {
  test.each<[string, string]>([
    ['user', entry('users', 'eck-1', '{token: TOPSECRET}')],
    ['user', entry('users', 'eck-1', '{exec: {command: aws}}')],
    ['context', entry('contexts', 'eck-1', '{cluster: a, user: a}')],
    ['context', ownUser + entry('contexts', 'eck-1', '{user: a}')],
    [
      'cluster',
      `${ownUser}${entry('clusters', 'eck-1', '{server: a}')}${entry('contexts', 'a', '{cluster: eck-1, user: a}')}`,
    ],
  ])('is a conflict, and nothing is written: a %s in %j', async (kind, before) => {
    const { report, changed } = await write({ config: before }, [eck1], { setCurrentContext: true });
    expect(report).toMatchObject({ entries: [], conflicts: [{ contextName: 'eck-1' }] });
    expect(report.conflicts[0]?.error).toMatchObject({
      code: 'kubeconfig-conflict',
      message: `The ${kind} "eck-1" in ${directory}/config was not written by kubectl-eck`,
      fix: expect.stringContaining('--overwrite'),
    });
    expect(changed).toEqual({});
  });

  test('is replaced as a whole with --overwrite', async () => {
    const theirs =
      entry('users', 'eck-1', '{token: a}') +
      entry('clusters', 'eck-1', '{server: a, insecure-skip-tls-verify: true, proxy-url: b}') +
      entry('contexts', 'eck-1', '{cluster: a, user: a, namespace: b}');
    const { changed, report } = await write({ a: theirs }, [eck1], { overwrite: true });
    expect(changed['a']).toEqual(parse(sectionsText('eck-1')));
    expect(report.entries).toMatchObject([{ outcome: 'updated' }]);
  });

  test('is found before anything is written, if it is a user', async () => {
    const paths = files({ a: ownUser + ownContext, b: entry('users', 'theirs', '{}') });
    const { conflicts } = await readBeforeWriting(paths);
    expect([...conflicts]).toMatchObject([['theirs', { code: 'kubeconfig-conflict' }]]);
  });
});

describe('an entry of ours that is written again', () => {
  const context = entry('contexts', 'eck-1', '{cluster: eck-1, user: eck-1, namespace: mine}');

  test('gets another namespace', async () => {
    const { changed } = await write({ a: ownUser + context }, [contextEntry('eck-1', { namespace: 'b' })]);
    expect(changed['a']).toMatchObject({ contexts: [{ context: { namespace: 'b' } }] });
  });

  test('preserves what a person added, and no other credential or verification', async () => {
    const cluster =
      '{server: a, proxy-url: b, tls-server-name: c, insecure-skip-tls-verify: true, certificate-authority: d}';
    const user =
      '{as: me, token: a, client-key-data: YQ==, client-certificate: c, exec: {command: kubectl-eck, env: [{name: A, value: b}]}}';
    const before = entry('clusters', 'eck-1', cluster) + entry('users', 'eck-1', user) + context;
    const { changed } = await write({ a: before });
    const expected = sectionsText('eck-1')
      .replace(/(?<=cluster:\n)/, '    proxy-url: b\n')
      .replace(/(?<=user:\n)/, '    as: me\n')
      .replace(/(?<=user: eck-1\n)/, '    namespace: mine\n')
      .replace(/(?<=exec:\n)/, '      env: [{name: A, value: b}]\n');
    expect(changed['a']).toEqual(parse(expected));
  });
});

test('a kubeconfig of its own has the entries and nothing else', () => {
  const sections = sectionsText('eck-1').replace(/certificate-authority-data.*\n/, '$&    tls-server-name: a\n');
  const named = { ...eck1, tlsServerName: 'a' };
  expect(renderKubeconfig([named], { ...noRules, setCurrentContext: true })).toBe(
    `apiVersion: v1\nkind: Config\npreferences: {}\n${sections}current-context: eck-1\n`,
  );
});

describe('contexts are removed', () => {
  test('with their users and clusters, and current-context becomes empty', async () => {
    const paths = files({ a: `${sectionsText('eck-1')}current-context: eck-1 # x\n` });
    expect(await removeContexts(paths, ['eck-1'])).toEqual({
      contextNames: ['eck-1'],
      currentContext: { before: 'eck-1', after: undefined },
    });
    expect(text('a')).toBe('clusters:\nusers:\ncontexts:\ncurrent-context: "" # x\n');
  });

  test('but not a user and a cluster that another context refers to', async () => {
    const mine = '- name: mine\n  context: {cluster: eck-1, user: eck-1}\n';
    const paths = files({ a: sectionsText('eck-1') + mine });
    await removeContexts(paths, ['eck-1']);
    const cluster = { server: eck1.server };
    expect((await readContexts(paths)).contexts).toMatchObject([{ name: 'mine', isOwn: true, cluster }]);
  });

  test('but not those of other programs', async () => {
    const paths = files({ a: withPlaces(lovedKubeconfig, '').before });
    const before = snapshot(directory);
    const { contextNames } = await removeContexts(paths, ['prod', 'prod-robot', 'missing']);
    expect(contextNames).toEqual([]);
    expect(snapshot(directory)).toEqual(before);
  });

  test('from every file, and entries of others with the same names stay', async () => {
    const theirs = 'users:\n- {name: u, user: {token: t}}\nclusters:\n- {name: c, cluster: {server: "https://c"}}\n';
    const y = '- {name: z, context: {cluster: c}}\n';
    const paths = files({
      a: `${entry('users', 'u', '{exec: {command: kubectl-eck}}')}current-context: x\n`,
      b: `${theirs}contexts:\n- {name: x, context: {cluster: c2, user: u}}\n${y}current-context: x\n`,
    });
    const { currentContext } = await removeContexts(paths, ['x']);
    expect(currentContext).toEqual({ before: 'x', after: undefined });
    expect([text('a'), text('b')]).toEqual([
      'users:\ncurrent-context: ""\n',
      `${theirs}contexts:\n${y}current-context: ""\n`,
    ]);
  });
});

describe('users are replaced', () => {
  const before = '# mine\nusers:\n- name: u # the console\n  user: {as: me, client-key-data: aw==}\n# b\n- name: v\n';
  const contexts = 'contexts:\n- {name: x, context: {user: u}}\n';
  const replacement = async (paths: [string, ...string[]]) =>
    (await readUsers(paths)).slice(0, 1).map((user) => ({ ...user, exec: eck1.exec }));

  test('in place, and nothing else changes', async () => {
    const paths = files({ a: before + contexts, b: '' });
    await replaceUsers(paths, await replacement(paths));
    const user = ['- name: u', '  user:', '    as: me', ...entryLines('eck-1', 'users').slice(2)].join('\n');
    expect(text('a')).toBe(`# mine\nusers:\n${user}\n# b\n- name: v\n${contexts}`);
  });

  test.each([
    ['that changed meanwhile', before.replace('aw==', 'bw==')],
    ['that is gone', before.replace('name: u', 'name: w')],
  ])('but not one %s', async (_, meanwhile) => {
    const paths = files({ a: before });
    const replacements = await replacement(paths);
    files({ a: meanwhile });
    await expect(replaceUsers(paths, replacements)).rejects.toMatchObject({
      code: 'kubeconfig-unusable',
      fix: 'Run the command again',
    });
    expect(text('a')).toBe(meanwhile);
  });
});

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { readContexts, writeContexts } from '../../src/kubeconfig/user.js';
import {
  contextEntry,
  lovedKubeconfig,
  makeDirectory,
  sectionsText,
  snapshot,
  withPlaces,
} from './fixtures.js';

const keep = { overwrite: false, setCurrentContext: false };
const eck1 = contextEntry('eck-1');
const isRoot = process.getuid?.() === 0;

let directory: string;
let config: string;

beforeEach(() => {
  directory = makeDirectory();
  config = join(directory, 'config');
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe('a kubeconfig that somebody wrote by hand', () => {
  const { before, after } = withPlaces(lovedKubeconfig, 'eck-1');

  test('is the same text plus the new entries, byte for byte', async () => {
    writeFileSync(config, before);
    const report = await writeContexts([config], [eck1], keep);
    expect(report).toEqual({
      entries: [{ contextName: 'eck-1', file: config, outcome: 'added' }],
      conflicts: [],
      writtenFiles: [config],
      currentContext: { before: 'prod', after: 'prod' },
    });

    const written = readFileSync(config, 'utf8');
    expect(written).toBe(after);
    let rest = written;
    for (const inserted of lovedKubeconfig.match(/^ *«\w+»$/gm) ?? []) {
      const { after: text } = withPlaces(`${inserted}\n`, 'eck-1');
      expect(rest.split(text)).toHaveLength(2);
      rest = rest.replace(text, '');
    }
    expect(Buffer.from(rest)).toEqual(Buffer.from(before));
  });

  test('says what it said before, and the new entries', async () => {
    writeFileSync(config, before);
    await writeContexts([config], [eck1], keep);
    const read = (text: string) => parse(text, { merge: true }) as Record<string, unknown[]>;
    const old = read(before);
    const added = read(sectionsText('eck-1'));
    expect(old['contexts']).toHaveLength(10);
    expect(read(readFileSync(config, 'utf8'))).toEqual({
      ...old,
      clusters: [...(old['clusters'] ?? []), ...(added['clusters'] ?? [])],
      users: [...(old['users'] ?? []), ...(added['users'] ?? [])],
      contexts: [...(old['contexts'] ?? []), ...(added['contexts'] ?? [])],
    });
  });

  test('keeps its byte order mark and its line ends', async () => {
    const onWindows = (text: string) => `\ufeff${text.replaceAll('\n', '\r\n')}`;
    writeFileSync(config, onWindows(before));
    await writeContexts([config], [eck1], keep);
    expect(readFileSync(config)).toEqual(Buffer.from(onWindows(after)));
  });

  test('is not touched the second time', async () => {
    writeFileSync(config, before);
    await writeContexts([config], [eck1], { ...keep, setCurrentContext: true });
    const written = snapshot(directory);
    expect(readFileSync(config, 'utf8')).toBe(
      after.replace('current-context: prod  #', 'current-context: eck-1  #'),
    );

    const report = await writeContexts([config], [eck1], { ...keep, setCurrentContext: true });
    expect(report).toEqual({
      entries: [{ contextName: 'eck-1', file: config, outcome: 'unchanged' }],
      conflicts: [],
      writtenFiles: [],
      currentContext: { before: 'eck-1', after: 'eck-1' },
    });
    expect(snapshot(directory)).toEqual(written);
  });
});

describe('a kubeconfig that does not exist', () => {
  test('is made for this user alone, with its directory', async () => {
    const path = join(directory, 'home', '.kube', 'config');
    await writeContexts([path], [eck1], { ...keep, setCurrentContext: true });
    expect(readFileSync(path, 'utf8')).toBe(
      `apiVersion: v1\nkind: Config\npreferences: {}\n${sectionsText('eck-1')}current-context: eck-1\n`,
    );
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'home', '.kube')).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, 'home')).mode & 0o777).toBe(0o700);
    expect(Object.keys(snapshot(directory))).toEqual(['home', 'home/.kube', 'home/.kube/config']);
  });

  test('is the last of a list, and the directories of the others are not made', async () => {
    const paths = [join(directory, 'a', 'config'), join(directory, 'b', 'config')] as const;
    await writeContexts([...paths], [eck1], keep);
    expect(Object.keys(snapshot(directory))).toEqual(['b', 'b/config']);
  });

  test('may be meant relative to where the process is', async () => {
    const before = process.cwd();
    process.chdir(directory);
    try {
      const report = await writeContexts(['new/config'], [eck1], keep);
      expect(report.writtenFiles).toEqual(['new/config']);
    } finally {
      process.chdir(before);
    }
    expect(existsSync(join(directory, 'new', 'config'))).toBe(true);
  });
});

describe('a kubeconfig in several files', () => {
  test('is changed where each entry is, and nowhere else', async () => {
    const paths = ['missing', 'a', 'b', 'c'].map((name) => join(directory, name));
    const [missing = '', a = '', b = '', c = ''] = paths;
    writeFileSync(a, '# a\nkind: Config\n');
    writeFileSync(
      b,
      '# b\nusers:\n- name: eck-1\n  user:\n    exec:\n      command: /opt/kubectl-eck # mine\n',
    );
    writeFileSync(c, '# c\ncurrent-context: other\n');
    const untouched = snapshot(directory)['c'];

    const report = await writeContexts([missing, a, b, c], [eck1], { ...keep, setCurrentContext: true });
    expect(report).toEqual({
      entries: [{ contextName: 'eck-1', file: a, outcome: 'added' }],
      conflicts: [],
      writtenFiles: [a, b],
      currentContext: { before: 'other', after: 'eck-1' },
    });
    expect(readFileSync(a, 'utf8')).toBe(
      `# a\nkind: Config\n${sectionsText('eck-1').replace(/^users:\n[^]*(?=contexts:)/m, '')}current-context: eck-1\n`,
    );
    expect(readFileSync(b, 'utf8')).toMatch(
      /^# b\nusers:\n- name: eck-1\n {2}user:\n {4}exec:\n {6}command: kubectl-eck # mine\n {6}apiVersion: /,
    );
    expect(snapshot(directory)['c']).toBe(untouched);
    expect(Object.keys(snapshot(directory))).toEqual(['a', 'b', 'c']);
  });

  test('may name one file twice', async () => {
    writeFileSync(config, '');
    symlinkSync('config', join(directory, 'link'));
    const report = await writeContexts(
      [`${directory}/./config`, config, join(directory, 'link')],
      [eck1],
      keep,
    );
    expect(report.writtenFiles).toEqual([`${directory}/./config`]);
    expect(Object.keys(snapshot(directory))).toEqual(['config', 'link']);
  });
});

describe('symbolic links', () => {
  test('stay links, and what they point at is replaced', async () => {
    mkdirSync(join(directory, 'dotfiles'));
    mkdirSync(join(directory, 'home'));
    const target = join(directory, 'dotfiles', 'kube');
    const link = join(directory, 'home', 'config');
    writeFileSync(target, '# dotfiles\n', { mode: 0o640 });
    symlinkSync('../dotfiles/kube', join(directory, 'home', 'step'));
    symlinkSync('step', link);

    await writeContexts([link], [eck1], keep);
    expect(readlinkSync(link)).toBe('step');
    expect(readFileSync(target, 'utf8')).toMatch(/^# dotfiles\napiVersion: v1\n/);
    expect(statSync(target).mode & 0o777).toBe(0o640);
    expect(Object.keys(snapshot(directory))).toEqual([
      'dotfiles',
      'dotfiles/kube',
      'home',
      'home/config',
      'home/step',
    ]);
  });

  test('to nowhere lead to a new file', async () => {
    symlinkSync('dotfiles/kube', config);
    await writeContexts([config], [eck1], keep);
    expect(readlinkSync(config)).toBe('dotfiles/kube');
    expect(statSync(join(directory, 'dotfiles', 'kube')).mode & 0o777).toBe(0o600);
  });
});

describe('who may read and write a kubeconfig', () => {
  test.each([0o600, 0o644, 0o660])('stays as it was: %o', async (mode) => {
    writeFileSync(config, '');
    chmodSync(config, mode);
    await writeContexts([config], [eck1], keep);
    expect(statSync(config).mode & 0o7777).toBe(mode);
  });

  // Only root can give a file to somebody else, to begin with.
  (isRoot ? test : test.skip)('and so does its owner, when root writes it', async () => {
    writeFileSync(config, '');
    chownSync(config, 12345, 23456);
    await writeContexts([config], [eck1], keep);
    expect(statSync(config)).toMatchObject({ uid: 12345, gid: 23456 });
  });
});

test('a thousand clusters are written at once', async () => {
  const entries = Array.from({ length: 1000 }, (_, index) =>
    contextEntry(`eck-${index}`, { certificateAuthorityPem: 'x'.repeat(1500) }),
  );
  writeFileSync(config, withPlaces(lovedKubeconfig, '').before);
  const report = await writeContexts([config], entries, keep);
  expect(report.entries.filter(({ outcome }) => outcome === 'added')).toHaveLength(1000);
  const { contexts } = await readContexts([config]);
  expect(contexts).toHaveLength(1010);
  expect(contexts.slice(10).map(({ name, isOwn }) => isOwn && name)).toEqual(
    entries.map(({ contextName }) => contextName),
  );

  const written = snapshot(directory);
  expect((await writeContexts([config], entries, keep)).writtenFiles).toEqual([]);
  expect(snapshot(directory)).toEqual(written);
});

describe('the contexts of the user kubeconfig', () => {
  test('are those of all files, as kubectl sees them', async () => {
    const other = join(directory, 'other');
    writeFileSync(config, withPlaces(lovedKubeconfig, '').before);
    await writeContexts([other], [contextEntry('eck-1', { namespace: 'edge' })], keep);
    writeFileSync(other, `${readFileSync(other, 'utf8')}current-context: eck-1\n`);

    const { contexts, currentContext } = await readContexts([join(directory, 'missing'), other, config]);
    expect(currentContext).toBe('eck-1');
    expect(contexts).toHaveLength(11);
    expect(contexts[0]).toEqual({
      name: 'eck-1',
      file: other,
      clusterName: 'eck-1',
      userName: 'eck-1',
      namespace: 'edge',
      server: eck1.server,
      isOwn: true,
      execArgs: eck1.exec.args,
      execEnvironment: {},
      clusterInfoId: undefined,
    });
    expect(contexts.at(-1)).toEqual({
      name: 'last',
      file: config,
      clusterName: 'lab',
      userName: 'me',
      namespace: 'last',
      server: 'https://lab.example',
      isOwn: false,
      execArgs: [],
      execEnvironment: {},
      clusterInfoId: undefined,
    });
  });

  test('are none where no file exists', async () => {
    expect(await readContexts([config])).toEqual({ currentContext: undefined, contexts: [] });
  });

  test('may refer to what does not exist', async () => {
    writeFileSync(config, 'contexts:\n- {name: a, context: {cluster: b, user: c}}\n- name: d\n');
    const { contexts } = await readContexts([config]);
    expect(contexts).toMatchObject([
      { name: 'a', clusterName: 'b', userName: 'c', server: undefined, isOwn: false },
      { name: 'd', clusterName: undefined, userName: undefined },
    ]);
  });
});

import { describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { basename, join } from 'node:path';
import { writeContexts } from '../../src/kubeconfig/change.js';
import { locateKubeconfig, type KubeconfigPaths } from '../../src/kubeconfig/files.js';
import { readContexts } from '../../src/kubeconfig/read.js';
import { describeWith } from '../support/requirements.js';
import { config, directory } from '../support/directory.js';
import { contextEntry, lovedKubeconfig, sectionsText, snapshot, withPlaces } from './fixtures.js';

const eck1 = contextEntry('eck-1');
const { before: fine, after: written } = withPlaces(lovedKubeconfig, 'eck-1');
const isRoot = process.getuid?.() === 0;
const otherUser = 65534;

function write(paths: KubeconfigPaths = [config]): ReturnType<typeof writeContexts> {
  return writeContexts(paths, [eck1], { overwrite: false, setCurrentContext: false });
}

/** Root may do anything, so what is forbidden has to be tried as another user. */
async function asOrdinaryUser<Result>(action: () => Promise<Result>): Promise<Result> {
  if (!isRoot) return action();
  for (const name of ['', ...fs.readdirSync(directory)]) fs.lchownSync(join(directory, name), otherUser, otherUser);
  process.seteuid?.(otherUser);
  try {
    return await action();
  } finally {
    process.seteuid?.(0);
  }
}

describe('the user kubeconfig is', () => {
  const here = process.cwd();
  const linux = { homeDirectory: () => '/home/me', platform: 'linux' } as const;
  const windows = { homeDirectory: () => 'C:\\Users\\me', platform: 'win32' } as const;
  test.each<[string, string | undefined, string | undefined, string[]]>([
    ['in the home directory', undefined, undefined, ['/home/me/.kube/config']],
    ['there if KUBECONFIG is empty', undefined, '', ['/home/me/.kube/config']],
    ['the list of KUBECONFIG', undefined, 'b:/a:c/../d', [`${here}/b`, '/a', `${here}/c/../d`]],
    ['each of its files once', undefined, ':b::a:./b:a:', [`${here}/b`, `${here}/a`]],
    ['the one of the flag', 'x:y', '/a:/b', [`${here}/x:y`]],
    ['not an empty flag', '', '/a', ['/a']],
  ])('%s', (_, flag, variable, expected) => {
    expect(locateKubeconfig({ ...linux, environment: { KUBECONFIG: variable } }, flag)).toEqual(expected);
  });

  test('none, if KUBECONFIG is a list of empty names', () => {
    const locate = () => locateKubeconfig({ ...linux, environment: { KUBECONFIG: '::' } });
    expect(locate).toThrow('KUBECONFIG names no file');
  });

  test('found on Windows, too', () => {
    const locate = (KUBECONFIG?: string) => locateKubeconfig({ ...windows, environment: { KUBECONFIG } });
    expect(locate()).toEqual(['C:\\Users\\me\\.kube\\config']);
    expect(locate('C:\\a;;"D:\\b;c"')).toEqual(['C:\\a', 'D:\\b;c']);
  });

  test('one file, if all names are of the same file', () => {
    const [link, same] = [join(directory, 'link'), `${directory}/../${basename(directory)}/config`];
    const locate = () => locateKubeconfig({ ...linux, environment: { KUBECONFIG: `${config}:${same}:${link}` } });
    expect(locate()).toEqual([config, link]);
    fs.writeFileSync(config, '');
    fs.symlinkSync('config', link);
    expect(locate()).toEqual([config]);
  });
});

/** Writing fails for this reason, and leaves everything in the directory as it was. */
async function expectRefusal(paths: KubeconfigPaths, reason: string): Promise<void> {
  const before = snapshot(directory);
  const attempt = asOrdinaryUser(() => write(paths));
  await expect(attempt).rejects.toThrow(reason);
  expect(snapshot(directory)).toEqual(before);
}

describe('a kubeconfig is refused and left as it was', () => {
  test.each<[string, string | Buffer, number, string]>([
    ['is not YAML', `${fine}: [\n`, 0o600, 'not YAML: line '],
    ['is binary', Buffer.from([0x6b, 0x3a, 0x20, 0xff]), 0o600, 'not UTF-8'],
    ['is UTF-16', Buffer.from('\ufeffkind: Config\n', 'utf16le'), 0o600, 'it is UTF-16'],
    ['is too large', Buffer.alloc(16 * 1024 * 1024 + 1), 0o600, 'larger than 16 MiB'],
    ['cannot be read', fine, 0o000, 'Cannot read'],
    ['is read-only', fine, 0o444, 'permission denied'],
  ])('that %s', async (_, content, mode, reason) => {
    fs.writeFileSync(config, content);
    fs.chmodSync(config, mode);
    await expectRefusal([config], reason);
  });

  test('that is a directory, a pipe, or a loop of links', async () => {
    const [path, pipe, loop] = ['directory', 'pipe', 'loop'].map((name) => join(directory, name));
    fs.mkdirSync(path ?? '');
    spawnSync('mkfifo', [pipe ?? '']);
    fs.symlinkSync('loop', loop ?? '');
    await expectRefusal([path ?? ''], 'it is a directory');
    await expectRefusal([config, path ?? ''], 'it is a directory');
    await expectRefusal([pipe ?? ''], 'not a regular file');
    await expectRefusal([loop ?? ''], 'too many symbolic links');
    await expectRefusal(['/dev/null'], 'it is not a regular file');
    expect((await readContexts(['/dev/null'])).contexts).toEqual([]);
  });

  test('whose directory is read-only, a file, or cannot be made', async () => {
    fs.writeFileSync(config, fine);
    await expectRefusal([join(config, 'config')], 'Cannot write');
    fs.chmodSync(directory, 0o555);
    await expectRefusal([config], 'Cannot write');
    await expectRefusal([join(directory, '.kube', 'config')], 'permission denied');
  });

  test('if another file of the list is refused', async () => {
    const other = join(directory, 'other');
    fs.writeFileSync(config, fine);
    fs.writeFileSync(other, '{');
    await expectRefusal([config, other], other);
    fs.writeFileSync(other, 'users:\n- name: eck-1\n  user: {exec: {command: kubectl-eck}}\n');
    fs.chmodSync(other, 0o444);
    await expectRefusal([config, other], `${other}: permission denied. Not changed: ${config}, ${other}`);
  });
});

test.each(['utf16le', 'utf16be'])('a kubeconfig in %s is read', async (encoding) => {
  const bytes = Buffer.from('\ufeffcurrent-context: é\n', 'utf16le');
  fs.writeFileSync(config, encoding === 'utf16le' ? bytes : bytes.swap16());
  expect((await readContexts([config])).currentContext).toBe('é');
});

describe('a kubeconfig', () => {
  // As sudo leaves it in a home directory.
  (isRoot ? test : test.skip)('of root in a directory of the user names the command that helps', async () => {
    fs.chownSync(directory, otherUser, otherUser);
    fs.writeFileSync(config, '');
    process.seteuid?.(otherUser);
    const attempt = write().finally(() => process.seteuid?.(0));
    const fix = expect.stringContaining(`Run sudo chown -R ${otherUser} "${config}"`);
    await expect(attempt).rejects.toMatchObject({ message: expect.stringContaining('Cannot write'), fix });
  });

  test('that does not exist is made for this user alone, with its directory', async () => {
    const path = join(directory, 'home', '.kube', 'config');
    await write([join(directory, 'other', 'config'), path]);
    expect(fs.readFileSync(path, 'utf8')).toBe(
      `apiVersion: v1\nkind: Config\npreferences: {}\n${sectionsText('eck-1')}`,
    );
    expect(fs.statSync(path).mode & 0o777).toBe(0o600);
    expect(fs.statSync(join(directory, 'home', '.kube')).mode & 0o777).toBe(0o700);
    expect(Object.keys(snapshot(directory))).toEqual(['home', 'home/.kube', 'home/.kube/config']);
  });

  test.each([0o600, 0o644, 0o660])('preserves its permissions %o', async (mode) => {
    fs.writeFileSync(config, '');
    fs.chmodSync(config, mode);
    await write();
    expect(fs.statSync(config).mode & 0o7777).toBe(mode);
  });

  test('is replaced in one step, and leftovers of killed runs are removed', async () => {
    fs.writeFileSync(config, fine);
    const leftovers = ['.config.kubectl-eck.tmp', '.other.kubectl-eck.tmp'];
    for (const name of leftovers) fs.writeFileSync(join(directory, name), '');
    const { ino } = fs.statSync(config);
    await write([config, join(directory, 'other')]);
    expect(fs.readFileSync(config, 'utf8')).toBe(written);
    expect(fs.statSync(config).ino).not.toBe(ino);
    expect(fs.readdirSync(directory)).toEqual(['config']);
  });

  test.each(['with a target', 'to nowhere'])('stays a symbolic link %s', async (kind) => {
    fs.mkdirSync(join(directory, 'dotfiles'));
    const target = join(directory, 'dotfiles', 'kube');
    if (kind === 'with a target') fs.writeFileSync(target, fine, { mode: 0o640 });
    fs.symlinkSync('dotfiles/kube', join(directory, 'step'));
    fs.symlinkSync('step', config);
    await write();
    expect(fs.readlinkSync(config)).toBe('step');
    expect(fs.readFileSync(target, 'utf8')).toContain('- name: eck-1\n');
    expect(fs.statSync(target).mode & 0o777).toBe(kind === 'with a target' ? 0o640 : 0o600);
    expect(Object.keys(snapshot(directory))).toEqual(['config', 'dotfiles', 'dotfiles/kube', 'step']);
  });

  test('is the one that the system finds behind a link to a directory', async () => {
    fs.mkdirSync(join(directory, 'a', 'b'), { recursive: true });
    fs.symlinkSync('a/b', join(directory, 'link'));
    fs.symlinkSync('../kube', join(directory, 'a', 'b', 'config'));
    await write([`${directory}/link/../one`]);
    await write([`${directory}/link/config`]);
    expect(fs.readdirSync(join(directory, 'a'))).toEqual(['b', 'kube', 'one']);
    expect(fs.readdirSync(join(directory, 'a', 'b'))).toEqual(['config']);
  });

  test('preserves its other names', async () => {
    fs.writeFileSync(config, fine);
    fs.linkSync(config, join(directory, 'same'));
    await write();
    expect(fs.readFileSync(join(directory, 'same'), 'utf8')).toBe(written);
    expect(fs.readdirSync(directory)).toEqual(['config', 'same']);
  });

  // Only root can give a file to another user.
  (isRoot ? test : test.skip)('preserves its owner', async () => {
    fs.writeFileSync(config, fine);
    fs.chownSync(config, 12345, 23456);
    await write();
    expect(fs.statSync(config)).toMatchObject({ uid: 12345, gid: 23456 });
    fs.writeFileSync(config, fine);
    fs.chmodSync(config, 0o666);
    fs.chmodSync(directory, 0o777);
    process.seteuid?.(otherUser);
    await write().finally(() => process.seteuid?.(0));
    expect(fs.readFileSync(config, 'utf8')).toBe(written);
    expect(fs.statSync(config)).toMatchObject({ uid: 12345, gid: 23456 });
  });

  test('may be beside a read-only file that need not change', async () => {
    const readOnly = join(directory, 'read-only');
    fs.mkdirSync(readOnly);
    fs.writeFileSync(join(readOnly, 'config'), fine, { mode: 0o444 });
    fs.chmodSync(readOnly, 0o555);
    fs.writeFileSync(config, '');
    await asOrdinaryUser(() => write([config, join(readOnly, 'config')]));
    expect(fs.readFileSync(join(readOnly, 'config'), 'utf8')).toBe(fine);
    expect(fs.readFileSync(config, 'utf8')).not.toBe('');
    fs.chmodSync(readOnly, 0o700);
  });
});

const mounts = {
  name: 'mount namespaces',
  available: spawnSync('unshare', ['-m', 'true']).status === 0,
  isOptional: true,
} as const;
const prlimit = { name: 'prlimit', available: spawnSync('prlimit', ['--version']).status === 0 };
const writer = [process.execPath, '--import', 'tsx', join(__dirname, 'writer.ts')];

function runWriter(command: string[], args: string[]): string {
  const [program = '', ...rest] = [...command, ...writer, ...args];
  const env = { ...process.env, TSX_DISABLE_CACHE: '1' };
  return spawnSync(program, rest, { encoding: 'utf8', env }).stdout;
}

describeWith([mounts], 'a kubeconfig that is mounted by itself', () => {
  test('is written in place', () => {
    const source = join(directory, 'source');
    fs.writeFileSync(source, fine);
    fs.writeFileSync(config, '');
    const script = 'mount --bind "$0" "$1" && shift && exec "$@"';
    const mount = ['unshare', '-m', 'sh', '-c', script, source, config];
    expect(runWriter(mount, [config, 'eck-1'])).toBe('written\n');
    expect(fs.readFileSync(source, 'utf8')).toBe(written.replace('current-context: prod', 'current-context: eck-1'));
    expect(fs.readdirSync(directory)).toEqual(['config', 'source']);
  });
});

describeWith([prlimit], 'a disk that fills up while a kubeconfig is written', () => {
  // A limit of the file's size ends a write as a full disk does.
  test('leaves the file as it was', () => {
    fs.writeFileSync(config, fine);
    const before = snapshot(directory);
    expect(runWriter([], [config, 'eck-1', '512'])).toMatch(
      /^kubeconfig-unusable: Cannot write the kubeconfig .*config: file too large$/m,
    );
    expect(snapshot(directory)).toEqual(before);
  });
});

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  currentKubectl,
  findKubectls,
  type Kubectl,
  oldKubectl,
  parseKubectlVersion,
  runKubectl,
} from './kubectl.js';
import { describeWith } from './requirements.js';

describe('the version that kubectl prints', () => {
  test.each([
    ['Debian 1.20', { major: '1', minor: '20', gitVersion: 'v1.20.2' }, { major: 1, minor: 20 }],
    ['upstream 1.36', { major: '1', minor: '36', gitVersion: 'v1.36.4' }, { major: 1, minor: 36 }],
    [
      "a vendor's 1.32",
      { major: '1', minor: '32+', gitVersion: 'v1.32.4-dispatcher' },
      { major: 1, minor: 32 },
    ],
  ])('%s', (_, clientVersion, expected) => {
    const output = JSON.stringify({ clientVersion, kustomizeVersion: 'v5.8.1' }, undefined, 2);
    expect(parseKubectlVersion(output)).toEqual(expected);
  });

  test('anything else is not a version', () => {
    expect(parseKubectlVersion('error: unknown command "version"')).toBeUndefined();
  });
});

describe('with programs that only look like kubectl', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'kubectl-eck-test-'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  test('the named ones come before PATH, and broken ones are left out', () => {
    const old = program('old', `echo '{"clientVersion": {"gitVersion": "v1.20.2"}}'`);
    const current = program('current', `echo '{"clientVersion": {"gitVersion": "v1.36.4"}}'`);
    const broken = program('broken', 'exit 1');
    const missing = join(directory, 'missing', 'kubectl');
    const env = { PATH: join(directory, 'current') };

    expect(findKubectls(env).map(({ path }) => path)).toEqual([current]);
    expect(findKubectls({ ...env, KUBECTL_ECK_TEST_KUBECTLS: [broken, missing, old].join(':') })).toEqual([
      { path: old, version: { major: 1, minor: 20 }, label: 'kubectl 1.20' },
    ]);
  });

  test('a run tells status and both streams', async () => {
    const kubectl = asKubectl(program('kubectl', 'echo "$1 $WHO"; echo oh >&2; exit 3'));
    expect(await runKubectl(kubectl, ['get'], { env: { WHO: 'me' } })).toEqual({
      status: 3,
      stdout: 'get me\n',
      stderr: 'oh\n',
    });
  });

  test('a run that hangs is ended, with what it started', async () => {
    const kubectl = asKubectl(program('kubectl', 'sleep 600 & wait'));
    await expect(runKubectl(kubectl, ['get'], { timeoutMs: 300 })).rejects.toThrow('took longer than 300 ms');
  });

  test('a program that is not there is an error', async () => {
    await expect(runKubectl(asKubectl(join(directory, 'kubectl')), [])).rejects.toThrow('ENOENT');
  });

  function program(name: string, script: string): string {
    mkdirSync(join(directory, name));
    const path = join(directory, name, 'kubectl');
    writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return path;
  }

  function asKubectl(path: string): Kubectl {
    return { path, version: { major: 1, minor: 36 }, label: 'kubectl' };
  }
});

describeWith([oldKubectl, currentKubectl], 'with real ones', () => {
  test.each([oldKubectl, currentKubectl])('$name runs', async ({ kubectl }) => {
    const { status, stdout } = await runKubectl(kubectl, ['version', '--client', '-o', 'json']);
    expect(status).toBe(0);
    expect(parseKubectlVersion(stdout)).toEqual(kubectl.version);
  });
});

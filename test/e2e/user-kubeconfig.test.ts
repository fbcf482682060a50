import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readFile, stat } from 'node:fs/promises';
import { currentKubectl } from '../support/kubectl.js';
import { describeWith } from '../support/requirements.js';
import { Sandbox } from '../support/sandbox.js';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.create();
});

afterAll(async () => {
  await sandbox.dispose();
});

/** A kubeconfig that a person has edited for years: comments, an anchor, odd quoting, unknown fields, ten contexts. */
const handwritten = [
  '# my clusters',
  'apiVersion: v1',
  'kind: Config',
  'x-unknown: {mine: "yes"}   # by hand',
  'clusters:',
  ...Array.from({ length: 10 }, (_, n) => [
    `  - name: 'other-${n}'   # number ${n}`,
    n === 0 ? '    cluster: &defaults' : '    cluster:',
    `      server: "https://other-${n}.example:6443"`,
    ...(n === 0 ? ['      insecure-skip-tls-verify: true'] : ['      <<: *defaults'].slice(n % 2)),
  ]).flat(),
  'users:',
  ...Array.from({ length: 10 }, (_, n) => [`  - name: other-${n}`, `    user: {token: "t-${n}"}`]).flat(),
  'contexts:',
  ...Array.from({ length: 10 }, (_, n) => [
    `  - context: {cluster: other-${n}, user: other-${n}}`,
    `    name: other-${n}`,
  ]).flat(),
  "current-context: 'other-3' # the usual one",
  'preferences: {colors: true}',
  '# the end',
  '',
].join('\n');

test('a handwritten kubeconfig stays the same text, and gets the new entries once', async () => {
  const file = await sandbox.writeHome('.kube/config', handwritten);
  const args = ['get-credentials', sandbox.clusterId, '--keep-current-context'];
  expect(await sandbox.run(args)).toMatchObject({ status: 0 });

  const after = await readFile(file, 'utf8');
  const lines = after.split('\n');
  const old = handwritten.split('\n');
  // Every old line is there, in order; lines between them are new.
  let position = 0;
  const added = lines.filter((line) => {
    if (line !== old[position]) return true;
    position += 1;
    return false;
  });
  expect(position).toBe(old.length);
  expect(added.filter((line) => line.includes('name: eck-0123abcd'))).toHaveLength(3);

  const { mtimeMs, ino } = await stat(file);
  expect(await sandbox.run(args)).toMatchObject({ status: 0 });
  expect(await readFile(file, 'utf8')).toBe(after);
  expect(await stat(file)).toMatchObject({ mtimeMs, ino });
});

describeWith([currentKubectl], 'kubectl', () => {
  test('uses the new context beside the old ones', async () => {
    await sandbox.writeHome('.kube/config', handwritten);
    const options = ['--context', 'edge one', '--namespace', 'tools'];
    await sandbox.run(['get-credentials', sandbox.clusterId, ...options]);
    const view = await sandbox.kubectl(currentKubectl.kubectl, ['config', 'get-contexts', '--no-headers']);
    expect(view.stdout.trim().split('\n')).toHaveLength(11);
    expect(view.stdout).toMatch(/^\*\s+edge one\s+edge one\s+edge one\s+tools$/m);
    expect(await sandbox.kubectl(currentKubectl.kubectl, ['get', 'nodes'])).toMatchObject({ status: 0 });
  });
});

import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { currentKubectl } from '../support/kubectl.js';
import { describeWith } from '../support/requirements.js';
import { noAccessKey, repository, runProgram } from '../support/sandbox.js';
import { secretServiceRequirement } from '../support/secret-service.js';
import { tmuxRequirement } from '../support/tmux.js';

/** The commands of this plugin in the examples of the documentation. */
function documented(): string[] {
  const pages = ['.', 'docs', 'docs/zh-CN'].flatMap((folder) =>
    readdirSync(join(repository, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => readFileSync(join(repository, folder, name), 'utf8')),
  );
  const examples = pages.flatMap((text) => text.match(/^```sh$.*?^```$/gms) ?? []);
  const commands = examples.flatMap((text) => text.match(/(?<=^kubectl eck ).*$/gm) ?? []);
  // Other tests have those that need another host, a kubeconfig with a key, or a certain kubectl.
  return [...new Set(commands)].filter((command) => !/--site |^(?:convert|doctor)\b/.test(command)).sort();
}

describe('an example', () => {
  useSandbox();

  test.each(documented())('kubectl eck %s works as documented', async (command) => {
    sandbox.putCluster({ name: 'shop-hangzhou' });
    await sandbox.writeProfiles([{ name: 'work', region_id: 'cn-hangzhou' }]);
    const env = noAccessKey;
    expect(await sandbox.run(['login', 'shop-hangzhou'], { env })).toMatchObject({ status: 0 });
    expect(await sandbox.run(command.split(' '), { env })).toMatchObject({ status: 0 });
  });
});

test('the demo works on a machine with neither kubectl nor a keychain, and leaves nothing behind', async () => {
  const temporary = await mkdtemp(join(tmpdir(), 'demo-'));
  const none = { KUBECTL_ECK_TEST_KUBECTLS: '/nonexistent/kubectl' };
  const env = { PATH: process.env['PATH'], HOME: temporary, TMPDIR: temporary, ...none };
  const args = ['--import', 'tsx', 'scripts/demo.ts'];
  const options = { env, cwd: repository, timeoutMs: 90_000 };
  const { status, stdout, stderr } = await runProgram(process.execPath, args, options);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout.match(/eck-0123abcd-node-1/g)).toHaveLength(2);
  expect(stdout).toContain('calls for a kubeconfig to ENS: 1\n');
  expect(stdout).toMatch(/Next: .*kubectl eck login.*\n$/);
  expect((await readdir(temporary)).filter((name) => !/^(?:tsx|node)-/.test(name))).toEqual([]);
  await rm(temporary, { recursive: true });
}, 120_000);

describeWith([tmuxRequirement, currentKubectl, secretServiceRequirement], 'docs/demo.svg', () => {
  test('shows what the commands print', async () => {
    const args = ['--import', 'tsx', 'scripts/picture.ts', '--check'];
    const options = { env: process.env, cwd: repository, timeoutMs: 60_000 };
    expect(await runProgram(process.execPath, args, options)).toMatchObject({ status: 0, stderr: '' });
  });
});

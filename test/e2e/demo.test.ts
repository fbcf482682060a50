import { expect, test } from '@jest/globals';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { currentKubectl } from '../support/kubectl.js';
import { describeWith } from '../support/requirements.js';
import { repository, runProgram } from '../support/sandbox.js';
import { secretServiceRequirement } from '../support/secret-service.js';
import { tmuxRequirement } from '../support/tmux.js';

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

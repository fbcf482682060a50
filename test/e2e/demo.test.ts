import { expect, test } from '@jest/globals';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repository, runProgram } from '../support/sandbox.js';

test('the demo works on a machine with neither kubectl nor a keychain, and leaves nothing behind', async () => {
  const temporary = await mkdtemp(join(tmpdir(), 'demo-'));
  const none = { KUBECTL_ECK_TEST_KUBECTLS: '/nonexistent/kubectl' };
  const env = { PATH: process.env['PATH'], HOME: temporary, TMPDIR: temporary, ...none };
  const args = ['--import', 'tsx', 'scripts/demo.ts'];
  const options = { env, cwd: repository, timeoutMs: 90_000 };
  const { status, stdout, stderr } = await runProgram(process.execPath, args, options);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain('eck-demo-node-1');
  expect(stdout.match(/calls to ENS so far: 1/g)).toHaveLength(2);
  expect((await readdir(temporary)).filter((name) => !/^(?:tsx|node)-/.test(name))).toEqual([]);
  await rm(temporary, { recursive: true });
}, 120_000);

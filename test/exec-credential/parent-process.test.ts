import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, jest, test } from '@jest/globals';
import { findParentProcess, isRunning } from '../../src/exec-credential/parent-process.js';
import { describeWith } from '../support/requirements.js';
import { scratchDirectory } from './fixtures.js';

const scratch = scratchDirectory();
const endedProcess = (): number => spawnSync(process.execPath, ['-e', '']).pid;

afterEach(() => {
  jest.restoreAllMocks();
});

describeWith([{ name: 'Linux', available: process.platform === 'linux' }], 'the start of the parent', () => {
  test.each(['kubectl', 'a) S 1 2 (b', 'new\nline'])('is read for a command named %j', async (command) => {
    fs.symlinkSync('/bin/sleep', join(scratch.path, command));
    const child = spawn(join(scratch.path, command), ['60'], { stdio: 'ignore' });
    try {
      await once(child, 'spawn');
      jest.replaceProperty(process, 'ppid', child.pid ?? 0);
      // In hundredths of a second since the machine started, as /proc/uptime in seconds.
      const uptime = Number(fs.readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
      const { processId, startedAt } = findParentProcess('linux');
      expect(processId).toBe(child.pid);
      expect(Number(startedAt) / 100).toBeGreaterThan(uptime - 10);
      expect(Number(startedAt) / 100).toBeLessThanOrEqual(uptime + 1);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('is unknown if it has ended', () => {
    const processId = endedProcess();
    jest.replaceProperty(process, 'ppid', processId);
    expect(findParentProcess('linux')).toEqual({ processId, startedAt: '' });
  });
});

test('on other systems, the start of the parent is unknown', () => {
  expect(findParentProcess('darwin')).toEqual({ processId: process.ppid, startedAt: '' });
});

test('a process is running until it ends, and also if another user owns it', () => {
  expect([process.pid, endedProcess(), 2 ** 40].map(isRunning)).toEqual([true, false, false]);
  jest.spyOn(process, 'kill').mockImplementation(() => {
    throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
  });
  expect(isRunning(1)).toBe(true);
});

import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRunning, parentProcess } from '../../src/exec-credential/parent-process.js';
import { describeWith, type Requirement } from '../support/requirements.js';

afterEach(() => {
  jest.restoreAllMocks();
});

describe('the process that asks', () => {
  test.each(['darwin', 'win32', 'freebsd'] as const)(
    'under %s is the one that started this one, started at a time that is not known',
    (platform) => {
      expect(parentProcess(platform)).toEqual({ processId: process.ppid, startedAt: '' });
    },
  );

  const linux: Requirement = { name: 'Linux', available: process.platform === 'linux' };
  describeWith([linux], 'under linux', () => {
    test('is the one that started this one, and when, the same at every look', () => {
      const asking = parentProcess('linux');
      expect(asking).toEqual({ processId: process.ppid, startedAt: expect.stringMatching(/^[1-9]\d*$/) });
      expect(parentProcess('linux')).toEqual(asking);
    });

    test.each(['kubectl', 'two words', 'a) S 1 2 (b', '((', 'new\nline'])(
      'is told from a later one, though its command is %j',
      async (command) => {
        const directory = fs.mkdtempSync(join(tmpdir(), 'kubectl-eck-'));
        fs.symlinkSync('/bin/sleep', join(directory, command));
        const child = spawn(join(directory, command), ['60'], { stdio: 'ignore' });
        try {
          await once(child, 'spawn');
          jest.replaceProperty(process, 'ppid', child.pid ?? 0);
          // The field counts hundredths of a second since the machine started, as /proc/uptime does in seconds.
          const uptime = Number(fs.readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
          const startedAt = Number(parentProcess('linux').startedAt) / 100;
          expect(startedAt).toBeGreaterThan(uptime - 10);
          expect(startedAt).toBeLessThanOrEqual(uptime + 1);
        } finally {
          child.kill('SIGKILL');
          fs.rmSync(directory, { recursive: true });
        }
      },
    );

    test('that has ended already started at a time that is not known', () => {
      const { pid } = spawnSync(process.execPath, ['-e', '']);
      jest.replaceProperty(process, 'ppid', pid);
      expect(parentProcess('linux')).toEqual({ processId: pid, startedAt: '' });
    });
  });
});

describe('a process', () => {
  test('that is there is running', () => {
    expect(isRunning(process.pid)).toBe(true);
    expect(isRunning(process.ppid)).toBe(true);
  });

  test('that has ended is not', () => {
    expect(isRunning(spawnSync(process.execPath, ['-e', '']).pid)).toBe(false);
  });

  test.each([2 ** 30, 2 ** 40])('whose id is none (%d) is not', (processId) => {
    expect(isRunning(processId)).toBe(false);
  });

  test("is running where it is somebody else's", () => {
    jest.spyOn(process, 'kill').mockImplementation(() => {
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
    });
    expect(isRunning(1)).toBe(true);
  });
});

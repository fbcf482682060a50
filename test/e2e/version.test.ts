import { expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { releaseVersion } from '../support/release.js';
import { programs, repository, runProgram, type Program } from '../support/sandbox.js';

test.each(Object.keys(programs) as Program[])(
  'the %s program says as JSON which commit it was built from, and when that was made',
  async (program) => {
    const { stdout } = await runProgram(programs[program], ['version', '--output', 'json'], {
      env: process.env,
      timeoutMs: 20_000,
    });
    const { version, commit, buildDate } = JSON.parse(stdout) as Record<string, string>;
    expect(version).toBe(releaseVersion);
    expect(commit).toMatch(/^[0-9a-f]{40}(-dirty)?$/);
    const committed = execFileSync(
      'git',
      ['show', '--no-patch', '--format=%ct', commit?.slice(0, 40) ?? ''],
      {
        cwd: repository,
        encoding: 'utf8',
      },
    );
    expect(buildDate).toBe(new Date(Number(committed) * 1000).toISOString());
  },
);

import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { releaseVersion } from '../support/release.js';
import { programs, repository, runProgram, type Program } from '../support/sandbox.js';

/** The commit that this checkout is at, and when it was made; nothing outside of git. */
function headCommit(): { readonly commit?: string; readonly buildDate?: string } {
  const { status, stdout } = spawnSync('git', ['log', '-1', '--format=%H %ct'], {
    cwd: repository,
    encoding: 'utf8',
  });
  if (status !== 0) return {};
  const [commit = '', seconds] = stdout.trim().split(' ');
  return { commit, buildDate: new Date(Number(seconds) * 1000).toISOString() };
}

test.each(Object.keys(programs) as Program[])(
  'the %s program says as JSON which commit it was built from, and when that was made',
  async (program) => {
    const { stdout } = await runProgram(programs[program], ['version', '--output', 'json'], {
      env: process.env,
      timeoutMs: 20_000,
    });
    const { commit, ...facts } = JSON.parse(stdout) as Record<string, string>;
    const { commit: head, ...date } = headCommit();
    expect(facts).toEqual({ version: releaseVersion, ...date });
    expect(commit?.replace(/-dirty$/, '')).toBe(head);
  },
);

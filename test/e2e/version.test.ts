import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { releaseVersion } from '../support/release.js';
import { programs, repository, runProgram, type Program } from '../support/sandbox.js';

test.each(Object.keys(programs) as Program[])(
  'the %s program says as JSON which commit it was built from, and when that was made',
  async (program) => {
    const options = { env: process.env, timeoutMs: 20_000 };
    const { stdout } = await runProgram(programs[program], ['version', '--output', 'json'], options);
    const git = spawnSync('git', ['log', '-1', '--format=%H %ct'], { cwd: repository, encoding: 'utf8' });
    // Outside of git, neither is known.
    const [commit, seconds] = git.status === 0 ? git.stdout.trim().split(' ') : [];
    const buildDate = seconds && new Date(Number(seconds) * 1000).toISOString();
    expect(JSON.parse(stdout.replace('-dirty"', '"'))).toEqual({
      version: releaseVersion,
      commit,
      buildDate,
    });
  },
);

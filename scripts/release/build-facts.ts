import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a build says about itself. */
export interface BuildFacts {
  /** Of package.json, the one place that has it. */
  readonly version: string;
  /** The commit's full hash, with `-dirty` where the work tree differs from it; undefined outside of git. */
  readonly commit: string | undefined;
  /**
   * `SOURCE_DATE_EPOCH` where it is set, else when the commit was made: the same for every build of one commit.
   * Undefined where there is neither.
   */
  readonly date: Date | undefined;
}

/** Asks package.json and git about the repository at `root`. */
export function readBuildFacts(root: string, environment: NodeJS.ProcessEnv): BuildFacts {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const head = git(root, ['log', '-1', '--format=%H %ct']);
  const [hash, committedAt] = head?.trim().split(' ') ?? [];
  const isDirty = git(root, ['status', '--porcelain'])?.trim() !== '';
  const epoch = environment['SOURCE_DATE_EPOCH'] ?? committedAt;
  return {
    version,
    commit: hash === undefined ? undefined : hash + (isDirty ? '-dirty' : ''),
    date: epoch === undefined ? undefined : new Date(secondsOf(epoch) * 1000),
  };
}

function secondsOf(epoch: string): number {
  if (!/^\d{1,11}$/.test(epoch)) throw new Error(`SOURCE_DATE_EPOCH is no number of seconds: ${epoch}`);
  return Number(epoch);
}

/** What git prints; undefined where there is no git, or this is no repository. */
function git(root: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return undefined;
  }
}

import { spawnSync } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import type { Requirement } from './requirements.js';

interface NodeRequirement extends Requirement {
  /** To be first on `PATH`. */
  readonly directory: string;
}

const listed = (process.env['KUBECTL_ECK_TEST_NODES'] ?? '').split(delimiter).filter(Boolean);

/** A Node.js of a major version: the one that runs this, or one that `KUBECTL_ECK_TEST_NODES` lists. */
export function nodeRequirement(major: number): NodeRequirement {
  const program = [process.execPath, ...listed].find((one) =>
    spawnSync(one, ['--version'], { encoding: 'utf8' }).stdout.startsWith(`v${major}.`),
  );
  const directory = dirname(program ?? '/nonexistent/node');
  return { name: `Node.js ${major}`, available: program !== undefined, directory };
}

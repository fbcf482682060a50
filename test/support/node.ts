import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import type { Requirement } from './requirements.js';

/** A Node.js of some age, as something that a test needs. */
export interface NodeRequirement extends Requirement {
  /** The directory that has to come first on `PATH`. */
  readonly directory: string;
}

const programs = [process.execPath, ...(process.env['KUBECTL_ECK_TEST_NODES'] ?? '').split(':')].filter(
  (program) => program !== '',
);

/** A Node.js of a major version: the one that runs this, or one that `KUBECTL_ECK_TEST_NODES` names. */
export function nodeRequirement(major: number): NodeRequirement {
  const program = programs.find((one) =>
    spawnSync(one, ['--version'], { encoding: 'utf8' }).stdout.startsWith(`v${major}.`),
  );
  return {
    name: `Node.js ${major}`,
    available: program !== undefined,
    directory: dirname(program ?? '/nonexistent/node'),
  };
}

import { describe } from '@jest/globals';

/** Something of the machine that a test needs. */
export interface Requirement {
  readonly name: string;
  /** Found without the network. */
  readonly available: boolean;
  /** Whether CI may lack it too. */
  readonly isOptional?: true;
}

/** `describe`. Where a requirement is missing, the tests are skipped; in CI that is an error. */
export function describeWith(requirements: readonly Requirement[], name: string, tests: () => void): void {
  const missing = requirements.filter(({ available }) => !available);
  const needed = missing.map((requirement) => requirement.name).join(', ');
  if (missing.length === 0) {
    describe(name, tests);
  } else if (process.env['CI'] === 'true' && missing.some(({ isOptional }) => isOptional !== true)) {
    throw new Error(`CI skips no tests, but "${name}" needs ${needed}.`);
  } else {
    describe.skip(`${name} (needs ${needed})`, tests);
  }
}

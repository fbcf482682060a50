import { describe } from '@jest/globals';

/**
 * Something that a test needs of the machine, and whether it is there. Where it is missing the tests are counted as
 * skipped, under a name that says what they need; in CI nothing may be skipped, so there it is an error.
 */
export interface Requirement {
  readonly name: string;
  /** Found out once, when the test file is read. Must not touch the network. */
  readonly available: boolean;
  /** Whether CI may lack it too. The tests are skipped there as elsewhere. */
  readonly isOptional?: true;
}

/** `describe`, for tests that need something of the machine. */
export function describeWith(requirements: readonly Requirement[], name: string, tests: () => void): void {
  const missing = requirements.filter(({ available }) => !available);
  if (missing.length === 0) {
    describe(name, tests);
    return;
  }
  const needed = missing.map((requirement) => requirement.name).join(', ');
  if (process.env['CI'] === 'true' && missing.some(({ isOptional }) => isOptional !== true)) {
    throw new Error(`In CI nothing is skipped, but "${name}" needs ${needed}.`);
  }
  describe.skip(`${name} (needs ${needed})`, tests);
}

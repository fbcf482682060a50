import { describe } from '@jest/globals';

/**
 * Something that a test needs of the machine, and whether it is there. Where it is missing the tests are counted as
 * skipped, under a name that says what they need; in CI nothing may be skipped, so there it is an error.
 */
export interface Requirement {
  readonly name: string;
  /** Found out once, when the test file is read. Must not touch the network. */
  readonly available: boolean;
}

/** `describe`, for tests that need something of the machine. */
export function describeWith(requirements: readonly Requirement[], name: string, tests: () => void): void {
  const missing = requirements
    .filter((requirement) => !requirement.available)
    .map(({ name: needed }) => needed);
  if (missing.length === 0) {
    describe(name, tests);
    return;
  }
  if (process.env['CI'] === 'true') {
    throw new Error(`In CI nothing is skipped, but "${name}" needs ${missing.join(', ')}.`);
  }
  describe.skip(`${name} (needs ${missing.join(', ')})`, tests);
}

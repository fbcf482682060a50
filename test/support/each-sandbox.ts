import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { Sandbox } from './sandbox.js';

/** The sandbox of the current test, after {@link useSandbox} or {@link shareSandbox}. */
export let sandbox: Sandbox;

/** Gives each test of a file or group its own sandbox. */
export function useSandbox(): void {
  beforeEach(async () => {
    sandbox = await Sandbox.create();
  });
  afterEach(() => sandbox.dispose());
}

/** Gives all tests of a file or group one sandbox. */
export function shareSandbox(): void {
  beforeAll(async () => {
    sandbox = await Sandbox.create();
  });
  afterAll(() => sandbox.dispose());
}

import { afterEach, beforeEach } from '@jest/globals';
import { Sandbox } from './sandbox.js';

/** The sandbox of the current test, after {@link useSandbox}. */
export let sandbox: Sandbox;

/** Gives each test of a file or group its own sandbox. */
export function useSandbox(): void {
  beforeEach(async () => {
    sandbox = await Sandbox.create();
  });
  afterEach(() => sandbox.dispose());
}

import { afterEach, beforeEach } from '@jest/globals';
import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new directory for each test of a file that imports this, by its real name, and the path of a kubeconfig in it. */
export let directory: string;
export let config: string;

beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'kubectl-eck-')));
  config = join(directory, 'config');
});

afterEach(() => {
  chmodSync(directory, 0o700);
  rmSync(directory, { recursive: true });
});

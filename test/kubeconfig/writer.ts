/**
 * A process of its own that writes a context, for tests of what happens to processes.
 *
 * `writer.ts FILE ID` prints `written`, or the code of the error. With a third argument it lets no file grow beyond
 * that many bytes, as a full disk would.
 */
import { spawnSync } from 'node:child_process';
import { EckError } from '../../src/errors.js';
import { writeContexts } from '../../src/kubeconfig/user.js';
import { contextEntry } from './fixtures.js';

const [file = '', id = '', maxFileSize] = process.argv.slice(2);
if (maxFileSize !== undefined) {
  spawnSync('prlimit', ['--pid', String(process.pid), `--fsize=${maxFileSize}:`], { stdio: 'inherit' });
}
try {
  await writeContexts([file], [contextEntry(id)], { overwrite: false, setCurrentContext: true });
  console.log('written');
} catch (error) {
  console.log(error instanceof EckError ? `${error.code}: ${error.message}` : error);
}

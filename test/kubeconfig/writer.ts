/**
 * A process that writes a context: `writer.ts FILE ID [BYTES]` prints `written` or the error. With BYTES no file may grow
 * beyond that size, as on a full disk.
 */
import { spawnSync } from 'node:child_process';
import { EckError } from '../../src/errors.js';
import { writeContexts } from '../../src/kubeconfig/change.js';
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

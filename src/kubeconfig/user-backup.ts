import { rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { cannotWrite, errorCode } from './user-file-errors.js';

/** What is added to a kubeconfig's name. */
const suffix = '.before-kubectl-eck';

/**
 * Keeps the text of a kubeconfig in a file beside it, for this user alone. No file is overwritten: where there is one
 * of that name, a number is added.
 *
 * @returns the path of the new file
 * @throws EckError `kubeconfig-unusable`; then nothing is left behind
 */
export async function backUp(path: string, text: string): Promise<string> {
  for (let number = 1; ; number += 1) {
    const backup = `${path}${suffix}${number === 1 ? '' : `-${number}`}`;
    try {
      const file = await open(backup, 'wx', 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } catch (error) {
        rmSync(backup, { force: true });
        throw error;
      } finally {
        await file.close();
      }
      return backup;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw cannotWrite(backup, error);
    }
  }
}

import { printable } from '../../errors.js';
import { cacheDirectory } from '../../cache-directory.js';
import { checkPrivateDirectory } from '../../cache-directory.js';
import { shellWord } from '../../terminal/format.js';
import { ok, warning, type Check } from './check.js';
import { store } from './store.js';

/** Processes can remember for each other what is no secret: locks, and who was served. */
export const state: Check = {
  name: 'state',
  after: [store],
  examine({ world }) {
    const directory = cacheDirectory(world);
    const shown = printable(directory);
    const flaw = checkPrivateDirectory(directory);
    if (flaw === undefined) return ok(shown);
    const detail = `${shown} ${flaw}, so renewals are not shared between processes, and a revoked certificate is not noticed`;
    return warning(detail, {
      remedy:
        flaw === 'is open to other users'
          ? `chmod 700 ${shellWord(shown)}`
          : 'make it a directory of your own, or name another one with KUBECACHEDIR',
    });
  },
};

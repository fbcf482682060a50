import { printable } from '../../errors.js';
import { openStore } from '../../store/open-store.js';
import { sameBytes } from '../../store/split-items.js';
import { StoreError } from '../../store/store.js';
import { type StoreChoice, type StoreName } from '../../settings.js';
import { credentialsDirectory } from '../../cache-directory.js';
import { failed, failedBy, ok, warning, type Check } from './check.js';
import { kubectl } from './kubectl.js';
import { patienceOfDoctor } from './patience.js';
import { program } from './program.js';
import type { Subject } from './subject.js';
import type { World } from '../../world.js';

/** What is kept in the store can be read back. */
export const store: Check = {
  name: 'store',
  // A keychain that does not answer is hung up on, which is not safe while anything else opens files or connections.
  // So this check is alone: it begins when those before it are done, and those behind it wait for it.
  after: [program, kubectl],
  async examine({ subject, world, evidence }) {
    const chosen = subject.settings.store;
    const elsewhere = elsewhereThan(chosen, subject, world);
    if (chosen === 'none') {
      return warning('none, as was chosen: nothing is kept, and every kubectl command calls ENS', {
        remedy: elsewhere,
      });
    }
    const passedOver: string[] = [];
    const onFailure = ({ message }: StoreError): void => {
      if (!passedOver.includes(message)) passedOver.push(message);
    };
    const context = { ...world, onFailure, patience: patienceOfDoctor(world) };
    const account = `doctor@${process.pid}`;
    const probe = crypto.getRandomValues(new Uint8Array(2048));
    try {
      const keptIn = await openStore(chosen, context).save(account, probe);
      if (keptIn === 'none') {
        return warning(
          `no store here works, so nothing is kept, and every kubectl command calls ENS (${passedOver.join('; ')})`,
          { remedy: elsewhere },
        );
      }
      evidence.store = keptIn;
      // By its name, so that one that did not answer is not waited for again.
      const used = openStore(keptIn, context);
      const readBack = await used.read(account);
      await used.delete(account);
      if (readBack === undefined || !sameBytes(readBack, probe)) {
        return failed(`${keptIn}: what is written there cannot be read back`, {
          remedy: elsewhere,
          code: 'keychain-refused',
        });
      }
      const place = keptIn === 'file' ? `files in ${printable(credentialsDirectory(world))}` : places[keptIn];
      return ok(place + (passedOver.length === 0 ? '' : `, since ${passedOver.join('; ')}`));
    } catch (error) {
      if (error instanceof StoreError) return failedBy(error, elsewhere);
      throw error;
    }
  },
};

/** What to do about a store that does not work. The store `file` is always there, unless its directory is not fit. */
function elsewhereThan(chosen: StoreChoice, subject: Subject, world: World): string {
  if (chosen !== 'file') return subject.setUpCommand({ store: 'file' });
  const directory = printable(credentialsDirectory(world));
  return `mend ${directory}; or choose another store: ${subject.setUpCommand({ store: 'auto' })}`;
}

const places: Record<Exclude<StoreName, 'none' | 'file'>, string> = {
  keychain: 'the keychain',
  kernel: 'the kernel keyring, until the next reboot',
};

import { printable } from '../errors.js';
import { openStore } from '../keychain/open-store.js';
import { sameBytes } from '../keychain/split-items.js';
import { StoreError, type StoreName } from '../keychain/store.js';
import { credentialsDirectory } from '../settings/directories.js';
import { failed, failedBy, ok, warning, type Check } from './check.js';
import { patienceOfDoctor } from './patience.js';

/** What is kept in the store can be read back. */
export const store: Check = {
  name: 'store',
  async examine({ subject, world }) {
    const chosen = subject.settings.store;
    const elsewhere = subject.setUpCommand('--store', 'file');
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
      const keptIn = await openStore(chosen, context).write(account, probe);
      if (keptIn === 'none') {
        return warning(
          `no store here works, so nothing is kept, and every kubectl command calls ENS (${passedOver.join('; ')})`,
          { remedy: elsewhere },
        );
      }
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
      const place =
        keptIn === 'file'
          ? `files in ${printable(credentialsDirectory(world.environment, world.homeDirectory()))}`
          : places[keptIn];
      return ok(place + (passedOver.length === 0 ? '' : `, since ${passedOver.join('; ')}`));
    } catch (error) {
      if (error instanceof StoreError) return failedBy(error, elsewhere);
      throw error;
    }
  },
};

const places: Record<Exclude<StoreName, 'none' | 'file'>, string> = {
  keychain: 'the keychain',
  kernel: 'the kernel keyring, until the next restart',
};

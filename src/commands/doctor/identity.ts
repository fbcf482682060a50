import { openClient } from '../../ens/client.js';
import { EckError, printable } from '../../errors.js';
import { shellWord } from '../../terminal/format.js';
import { failedBy, ok, type Check } from './check.js';
import { store } from './store.js';

/** There is an Alibaba Cloud identity, and it can be used. Whether ENS accepts it is another link. */
export const identity: Check = {
  name: 'identity',
  after: [store],
  async examine({ subject, world, evidence }) {
    try {
      evidence.account = await openClient(subject.settings, world);
      return ok(evidence.account.signer.description);
    } catch (error) {
      if (!(error instanceof EckError)) throw error;
      const { profile } = subject.settings;
      return failedBy(
        error,
        error.code === 'identity-unavailable'
          ? 'try again, or look at the network and the proxy'
          : `aliyun configure${profile === undefined ? '' : ` --profile ${shellWord(printable(profile))}`}`,
      );
    }
  },
};

import { callEns } from '../../ens/client.js';
import { readClusters } from '../../ens/actions.js';
import { EckError, printable, type ErrorCode } from '../../errors.js';
import { shellWord } from '../../terminal/format.js';
import { failedBy, ok, skipped, type Check } from './check.js';
import { clock } from './clock.js';
import { ens } from './ens.js';
import { identity } from './identity.js';

/** The largest listing that is read. */
const maxBodyBytes = 256 * 1024 * 1024;

/** What says nothing about one action, and so is wrong with the whole account or the way to it. */
const ofAllActions: readonly ErrorCode[] = [
  'ens-unauthenticated',
  'ens-clock-skew',
  'ens-throttled',
  'ens-unavailable',
  'proxy-refused',
  'network-untrusted',
];

/** ENS accepts the identity. What it is allowed to do is another link. */
export const account: Check = {
  name: 'account',
  needs: [identity, ens, clock],
  async examine({ subject, world, evidence }) {
    if (evidence.account === undefined) return skipped('there is no identity');
    const { description } = evidence.account.signer;
    const query = subject.clusterId === undefined ? {} : { ClusterId: subject.clusterId };
    try {
      const call = { action: 'DescribeClustersV1', query, maxBodyBytes };
      const answer = await callEns(evidence.account, call, world);
      evidence.listing = { clusters: readClusters(answer['Clusters']) };
    } catch (error) {
      if (!(error instanceof EckError)) throw error;
      if (ofAllActions.includes(error.code))
        return failedBy(error, remedyFor(error, subject.settings.profile));
      evidence.listing = { error };
    }
    return ok(`ENS accepts ${description}`);
  },
};

function remedyFor({ code }: EckError, profile: string | undefined): string {
  if (code !== 'ens-unauthenticated') return 'try again in a minute: kubectl eck doctor';
  return `aliyun configure${profile === undefined ? '' : ` --profile ${shellWord(printable(profile))}`}, or set the AccessKey right where it comes from`;
}

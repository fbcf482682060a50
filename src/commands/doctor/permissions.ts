import { callEns } from '../../ens/client.js';
import { readClusters } from '../../ens/actions.js';
import { issueCredential } from '../../ens/actions.js';
import { EckError, printable } from '../../errors.js';
import { account } from './account.js';
import { failedBy, ok, skipped, warning, type Check } from './check.js';

/** How somebody who may grant it does; RAM knows no command that grants a single action. */
function grant(action: string): string {
  return `have the action ens:${action} granted in RAM`;
}

/** ENS lets the identity list clusters. Only the command `list`, and names instead of ids, need it. */
export const mayList: Check = {
  name: 'may-list',
  needs: [account],
  examine({ subject, evidence }) {
    const { listing } = evidence;
    if (listing === undefined) return skipped('ENS was not asked');
    if ('error' in listing) {
      const { code } = listing.error;
      return warning(`only ids can be used, no names: ${listing.error.message}`, {
        remedy: grant('DescribeClustersV1'),
        code,
      });
    }
    if (subject.clusterId !== undefined) return ok('ens:DescribeClustersV1 is allowed');
    const count = listing.clusters.length;
    return ok(
      `ens:DescribeClustersV1 is allowed; the account has ${count === 1 ? '1 cluster' : `${count} clusters`}`,
    );
  },
};

/** ENS lets the identity fetch a credential for the cluster, and what it issues is usable. */
export const mayFetch: Check = {
  name: 'may-fetch',
  needs: [account],
  async examine({ subject, world, evidence }) {
    const { clusterId } = subject;
    if (clusterId === undefined || evidence.account === undefined) return skipped('no cluster to ask for');
    try {
      evidence.issued = await issueCredential(evidence.account, { clusterId, privateIp: false }, world);
      return ok('ens:DescribeClusterUserKubeconfig is allowed');
    } catch (error) {
      if (!(error instanceof EckError)) throw error;
      evidence.clusterIsUnknown = error.code === 'ens-cluster-not-found';
      return failedBy(error, remedies[error.code] ?? `try again: kubectl eck doctor ${clusterId}`);
    }
  },
};

const remedies: { readonly [code in EckError['code']]?: string } = {
  'ens-not-allowed': grant('DescribeClusterUserKubeconfig'),
  'ens-cluster-not-found': 'kubectl eck list',
  'issued-kubeconfig-invalid': 'have the cluster looked at in the ENS console',
};

/** ENS lets the identity describe the cluster, which only this command needs: it tells whether the cluster runs. */
export const mayDescribe: Check = {
  name: 'may-describe',
  needs: [account],
  after: [mayFetch],
  async examine({ subject, world, evidence }) {
    const { clusterId } = subject;
    if (clusterId === undefined || evidence.account === undefined) return skipped('no cluster to ask for');
    if (evidence.clusterIsUnknown === true) return skipped('ENS knows no such cluster');
    try {
      const call = { action: 'DescribeClusterDetail', query: { ClusterId: clusterId }, clusterId };
      const answer = await callEns(evidence.account, call, world);
      const [cluster] = readClusters([answer]);
      if (cluster !== undefined) evidence.cluster = cluster;
      const state = typeof answer['State'] === 'string' ? printable(answer['State'], 40) : 'not told';
      const detail = `ens:DescribeClusterDetail is allowed; the cluster's state is ${state}`;
      if (state === 'running' || state === 'not told') return ok(detail);
      return warning(detail, { remedy: 'look at the cluster in the ENS console' });
    } catch (error) {
      if (!(error instanceof EckError)) throw error;
      return warning(`the state of the cluster is not known: ${error.message}`, {
        remedy: grant('DescribeClusterDetail'),
        code: error.code,
      });
    }
  },
};

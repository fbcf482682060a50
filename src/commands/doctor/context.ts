import { readCertificates } from '../../credential/check.js';
import { issueCredential } from '../../ens/actions.js';
import { printable } from '../../errors.js';
import { execApiVersions } from '../../exec-credential/protocol.js';
import type { IssuedCluster } from '../../kubeconfig/issued.js';
import { isMapping } from '../../mapping.js';
import { failed, failedBy, ok, skipped, warning, type Check, type Finding } from './check.js';
import { readClusterEntry, type ClusterEntry } from './cluster-entry.js';
import { mayFetch } from './permissions.js';
import type { Subject } from './subject.js';

/** The user kubeconfig has a context for the cluster, and it is as `get-credentials` would write it now. */
export const context: Check = {
  name: 'context',
  after: [mayFetch],
  async examine({ subject, world, evidence }) {
    const { clusterId, connection, kubeconfigError } = subject;
    const remedy = subject.setUpCommand();
    if (kubeconfigError !== undefined) {
      return failedBy(kubeconfigError, 'mend that file, or choose another one with --kubeconfig');
    }
    if (subject.context === undefined || connection === undefined) {
      if (clusterId === undefined) return skipped('the kubeconfig has no current context', remedy);
      if (evidence.clusterIsUnknown === true) return skipped('there is none, and no such cluster');
      return failed(`the kubeconfig has no context for ${clusterId}`, { remedy, code: 'context-not-found' });
    }
    const name = printable(subject.context.name);
    if (clusterId === undefined && !subject.context.isOwn) {
      return skipped(`the current context, ${name}, is none of an ECK cluster`, remedy);
    }
    const flaw = flawOfEntry(subject, connection.user['exec']);
    if (flaw !== undefined) {
      // What this plugin wrote is written again; what something else wrote is not replaced unasked.
      const overwrite = subject.context.isOwn ? {} : { overwrite: true as const };
      return failed(`context ${name} ${flaw}`, {
        remedy: subject.setUpCommand(overwrite),
        code: 'context-unusable',
      });
    }
    const entry = await readClusterEntry(connection);
    if ('flaw' in entry) {
      return failed(`context ${name}: ${entry.flaw}`, { remedy, code: 'context-unusable' });
    }
    return evidence.issued === undefined ? asWritten(entry) : compared(entry, evidence.issued.cluster);

    function asWritten({ server }: ClusterEntry): Finding {
      const current = subject.isCurrent ? 'the current one' : 'not the current one';
      return ok(`${name}, ${current}, in ${printable(subject.context?.file ?? '')}; ${shownServer(server)}`);
    }

    async function compared(written: ClusterEntry, issued: IssuedCluster): Promise<Finding> {
      if (!trustsTheSame(written, issued)) {
        const detail = `context ${name} trusts another authority or server name than ENS issues for the cluster now`;
        return warning(detail, { remedy });
      }
      if (written.server === issued.server) return asWritten(written);
      if (clusterId !== undefined && evidence.account !== undefined) {
        const request = { clusterId, privateIp: true };
        const { cluster } = await issueCredential(evidence.account, request, world);
        if (written.server === cluster.server) return asWritten(written);
      }
      const detail = `context ${name} is for ${shownServer(written.server)}, and ENS says ${shownServer(issued.server)}`;
      return warning(detail, { remedy });
    }
  },
};

/** What is wrong with the `exec` entry, in words that complete "the context …". */
function flawOfEntry({ context: found, isOwn }: Subject, exec: unknown): string | undefined {
  if (found?.isOwn !== true || !isMapping(exec))
    return 'was written by something else, and does not use kubectl-eck';
  if (!execApiVersions.some((version) => version === exec['apiVersion'])) {
    return 'has an exec entry of a version that kubectl and this plugin do not share';
  }
  if (
    exec['apiVersion'] === 'client.authentication.k8s.io/v1' &&
    typeof exec['interactiveMode'] !== 'string'
  ) {
    return 'has an exec entry without an interactiveMode, which kubectl refuses';
  }
  return isOwn ? undefined : 'has an exec entry whose args are not understood';
}

function trustsTheSame(written: ClusterEntry, issued: IssuedCluster): boolean {
  const fingerprints = (pem: string): string => {
    try {
      return readCertificates(pem)
        .map(({ fingerprint256 }) => fingerprint256)
        .sort()
        .join();
    } catch {
      return '';
    }
  };
  return (
    fingerprints(written.certificateAuthorityPem ?? '') === fingerprints(issued.certificateAuthorityPem) &&
    written.tlsServerName === issued.tlsServerName
  );
}

/** A server without what may be a password. */
function shownServer(server: string): string {
  return URL.canParse(server) ? printable(new URL(server).origin) : 'no URL';
}

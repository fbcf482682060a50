import type { EnsClient } from '../../ens/client.js';
import type { ExecApiVersion } from '../../exec-credential/protocol.js';
import type { IssuedCluster } from '../../kubeconfig/issued.js';
import type { ContextEntry, ExecEntry } from '../../kubeconfig/user.js';
import { endpointKey } from '../../endpoint.js';
import { formatDuration } from '../../settings.js';
import { defaultMaxAgeMs } from '../../settings.js';

/** What a context is made of besides the cluster that ENS described. */
export interface ContextSettings {
  readonly clusterId: string;
  readonly context: string | undefined;
  readonly namespace: string | undefined;
  readonly execApiVersion: ExecApiVersion;
}

/** kubectl prints it where it cannot find the plugin. */
const installHint =
  'kubectl-eck fetches the credentials of this cluster, and is not on the PATH. ' +
  'Install it with "kubectl krew install eck", and see that kubectl-eck is found.';

/**
 * The entries of a kubeconfig for one cluster: how to reach it, and how to ask this plugin for a credential.
 *
 * Whatever decides which credential that is, and who asks for it, stands in the arguments: the profile that the
 * identity came from, and the endpoint, site, store and age that were chosen. So a context goes on being who it was, in
 * another shell and after the CLI's current profile has changed.
 */
export function contextEntry(
  { clusterId, context, namespace, execApiVersion }: ContextSettings,
  account: EnsClient,
  cluster: IssuedCluster,
): ContextEntry {
  const name = context ?? clusterId;
  return {
    contextName: name,
    clusterName: name,
    userName: name,
    ...cluster,
    ...(namespace === undefined ? {} : { namespace }),
    exec: execEntry(clusterId, account, execApiVersion),
  };
}

/** The `exec` entry with which kubectl asks this plugin for the credential of a cluster, see {@link contextEntry}. */
export function execEntry(clusterId: string, account: EnsClient, apiVersion: ExecApiVersion): ExecEntry {
  return {
    apiVersion,
    command: 'kubectl-eck',
    args: execArguments(clusterId, account),
    interactiveMode: 'Never',
    provideClusterInfo: false,
    installHint,
  };
}

function execArguments(clusterId: string, { signer, endpoint, settings }: EnsClient): string[] {
  const args = ['exec-credential', '--cluster-id', clusterId];
  if (signer.profile !== undefined) args.push('--profile', signer.profile.name);
  if (settings.roleArn !== undefined) args.push('--role-arn', settings.roleArn);
  if (endpoint.kind === 'address') args.push('--endpoint', endpointKey(endpoint));
  if (endpoint.kind === 'site') args.push('--site', endpoint.site);
  if (settings.store !== 'auto') args.push('--store', settings.store);
  if (settings.maxAgeMs !== defaultMaxAgeMs) args.push('--max-age', formatDuration(settings.maxAgeMs));
  return args;
}

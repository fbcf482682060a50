import { endpointKey } from '../../endpoint.js';
import type { EnsClient } from '../../ens/client.js';
import { EckError, printable, quoted } from '../../errors.js';
import { readExecArguments, type ExecArguments } from '../../exec-credential/arguments.js';
import type { ExecApiVersion } from '../../exec-credential/protocol.js';
import { resolveIdentity } from '../../exec-credential/resolve-identity.js';
import { withRole, type Identity } from '../../identity.js';
import type { IssuedCluster } from '../../kubeconfig/issued.js';
import { defaultMaxAgeMs, formatDuration } from '../../settings.js';
import type { World } from '../../world.js';
import { type ContextEntry, type ExecEntry } from '../../kubeconfig/entry.js';
import { type UserContext } from '../../kubeconfig/read.js';

/** What contexts are like besides the clusters that ENS describes. */
export interface ContextOptions {
  /** The name of the only context. Without it, contexts are named after their clusters' ids. */
  readonly context: string | undefined;
  readonly namespace: string | undefined;
  /** Whether to use the API server's private address. */
  readonly privateIp: boolean;
  readonly execApiVersion: ExecApiVersion;
}

/** kubectl prints it when it cannot find the plugin. */
const installHint =
  'kubectl-eck fetches the credentials of this cluster and is not on the PATH. ' +
  'Its documentation says how to install it.';

/** The cluster, user and context of a kubeconfig for one cluster. They share a name. */
export function contextEntry(
  clusterId: string,
  { context: name = clusterId, namespace, execApiVersion }: ContextOptions,
  client: EnsClient,
  cluster: IssuedCluster,
): ContextEntry {
  return {
    name,
    ...cluster,
    ...(namespace === undefined ? {} : { namespace }),
    exec: execEntry(clusterId, client, execApiVersion),
  };
}

/**
 * The `exec` entry with which kubectl asks this plugin for a cluster's credential. Its arguments pin the profile and what
 * was chosen, so that the context means the same identity in every shell.
 */
export function execEntry(
  clusterId: string,
  { signer, endpoint, settings }: EnsClient,
  apiVersion: ExecApiVersion,
): ExecEntry {
  const args = ['exec-credential', '--cluster-id', clusterId];
  if (signer.profile !== undefined) args.push('--profile', signer.profile.name);
  if (settings.roleArn !== undefined) args.push('--role-arn', settings.roleArn);
  if (endpoint.kind === 'address') args.push('--endpoint', endpointKey(endpoint));
  if (endpoint.kind === 'site') args.push('--site', endpoint.site);
  if (settings.store !== 'auto') args.push('--store', settings.store);
  if (settings.maxAgeMs !== defaultMaxAgeMs) args.push('--max-age', formatDuration(settings.maxAgeMs));
  // Some clients do not say which version they want.
  if (apiVersion.endsWith('/v1beta1')) args.push('--exec-api-version', 'v1beta1');
  return {
    apiVersion,
    command: 'kubectl-eck',
    args,
    interactiveMode: 'Never',
    provideClusterInfo: false,
    installHint,
  };
}

/** The identity that a context's arguments pin, for the cache key. */
export async function pinnedIdentity({ signer, settings }: EnsClient, world: World): Promise<Identity> {
  if (signer.profile === undefined) return resolveIdentity(settings, world);
  return withRole({ kind: 'profile', name: signer.profile.name }, settings.roleArn);
}

/** Flags that select a credential or its store. */
const identifyingFlags = ['profile', 'role-arn', 'endpoint', 'site', 'store'] as const;

/**
 * Checks whether an `exec` entry under this name would change the cluster or identity of a context of ours.
 *
 * @returns `kubeconfig-conflict`, or `undefined`
 */
export function findSwitch(
  name: string,
  exec: ExecEntry,
  contexts: readonly UserContext[],
): EckError | undefined {
  const read = (args: readonly string[]) => readExecArguments(args, { KUBERNETES_EXEC_INFO: 'set' });
  const wanted = read(exec.args);
  for (const context of contexts) {
    if (!context.isOwn || (context.name !== name && context.userName !== name)) continue;
    const pinned = read(context.execArgs);
    if (!pinned || !wanted) continue;
    const clusterId = pinned.clusterId ?? context.clusterInfoId;
    const isSame = clusterId === wanted.clusterId;
    const changed = identifyingFlags.filter((flag) => pinned.settings[flag] !== wanted.settings[flag]);
    if (isSame && changed.length === 0) continue;
    const words = ({ settings }: ExecArguments): string =>
      changed
        .map((flag) => printable(`${settings[flag] ? '' : 'no '}--${flag} ${settings[flag] ?? ''}`))
        .join(', ');
    const change = isSame
      ? `pins ${words(pinned)} and would pin ${words(wanted)}`
      : `is for ${printable(clusterId ?? 'another cluster')}`;
    const message = `Context ${quoted(context.name)} in ${printable(context.file)} ${change}`;
    const fix = 'Switch it with --overwrite, or choose another name with --context NAME';
    return new EckError('kubeconfig-conflict', message, { fix });
  }
  return undefined;
}

import { openClient } from '../../ens/client.js';
import { usageError, type EckError } from '../../errors.js';
import { findConflicts, renderKubeconfig, writeContexts } from '../../kubeconfig/user.js';
import type { KubeconfigPaths, WriteRules } from '../../kubeconfig/user.js';
import { noClusters } from '../list.js';
import type { Settings } from '../../settings.js';
import type { World } from '../../world.js';
import { chooseClusters } from './choose-clusters.js';
import type { ClusterSelection } from './cluster-selection.js';
import type { ContextSettings } from './context-entry.js';
import { getMany } from './get-many.js';
import { pickClusters } from './pick-clusters.js';
import { openKeeping, setUpContext, type ContextRequest, type KeepingAccount } from './set-up-context.js';
import { summary } from './summary.js';

/** What `get-credentials` was asked to do. */
export interface GetCredentialsRequest {
  readonly selection: ClusterSelection;
  /** Where to look for clusters; everywhere, if not given. */
  readonly region: string | undefined;
  /** What each context is to be like. */
  readonly context: Omit<ContextRequest, 'clusterId'> & Omit<ContextSettings, 'clusterId'>;
  /** The user kubeconfig to write. Without one, a kubeconfig is made and not written. */
  readonly paths: KubeconfigPaths | undefined;
  readonly rules: Pick<WriteRules, 'overwrite' | 'setCurrentContext'>;
}

/** What came of it. */
export interface GetCredentialsResult {
  /** The kubeconfig that was made and not written. */
  readonly kubeconfig?: string;
  /** What to tell the person. */
  readonly told: readonly string[];
  /** Whether some clusters failed, of which `told` tells. */
  readonly someFailed?: boolean;
  /** Why the rest was given up, if it was. */
  readonly givenUp?: EckError;
}

/**
 * Makes kubectl work with the clusters that were asked for: fetches and keeps the credential of each, and writes their
 * contexts.
 *
 * @throws EckError where nothing was done
 */
export async function getCredentials(
  request: GetCredentialsRequest,
  settings: Settings,
  world: World,
): Promise<GetCredentialsResult> {
  const { selection, region, paths } = request;
  if (selection.kind === 'named') rejectSharedName(request, selection.clusters.length);
  const obstacles = paths === undefined ? new Map<string, EckError>() : await findConflicts(paths);

  const account = await openClient(settings, world);
  const chosen = await chooseClusters(selection, account, { region, pick: pickClusters }, world);
  const { clusterIds, unknown } = chosen;
  const count = clusterIds.length + unknown.length;
  if (count === 0) return { told: [noClusters(account, region === undefined ? {} : { region })] };
  rejectSharedName(request, count);

  const keeping = await openKeeping(account, world);
  if (count > 1 || selection.kind === 'all') return getMany(chosen, keeping, request, obstacles, world);
  for (const { error } of unknown) throw error;
  const [clusterId = ''] = clusterIds;
  return getOne(clusterId, keeping, request, world);
}

async function getOne(
  clusterId: string,
  keeping: KeepingAccount,
  { context, paths, rules }: GetCredentialsRequest,
  world: World,
): Promise<GetCredentialsResult> {
  const setUp = await setUpContext(keeping, { ...context, clusterId }, world);
  if (paths === undefined) {
    return { kubeconfig: renderKubeconfig([setUp.entry], rules), told: summary(setUp) };
  }
  return { told: summary(setUp, await writeContexts(paths, [setUp.entry], rules)) };
}

function rejectSharedName({ context }: GetCredentialsRequest, count: number): void {
  if (context.context === undefined || count <= 1) return;
  throw usageError(`--context names one context, and there are ${count} clusters; leave it out`);
}

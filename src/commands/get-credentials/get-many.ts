import { EckError } from '../../errors.js';
import { renderKubeconfig, writeContexts, type WriteReport } from '../../kubeconfig/user.js';
import { showProgress } from '../../terminal/progress.js';
import type { World } from '../../world.js';
import type { GetCredentialsRequest, GetCredentialsResult } from './get-credentials.js';
import { manySummary } from './many-summary.js';
import type { ResolvedClusters } from './resolve-names.js';
import type { ContextRequest, KeepingAccount } from './set-up-context.js';
import { setUpMany, type ManySetUp } from './set-up-many.js';
import { untilInterrupted } from './until-interrupted.js';

/**
 * Makes kubectl work with many clusters. What fails for one does not keep the others from being done, and what was
 * done before all was given up is written, too. The user kubeconfig is written once.
 *
 * @param obstacles what is known to be in the way of contexts, by their names
 * @throws EckError where the user kubeconfig cannot be written
 */
export async function getMany(
  { clusterIds, unknown }: ResolvedClusters,
  keeping: KeepingAccount,
  { context, paths, rules }: GetCredentialsRequest,
  obstacles: ReadonlyMap<string, EckError>,
  world: World,
): Promise<GetCredentialsResult> {
  const failures = [...unknown];
  const requests: ContextRequest[] = [];
  for (const clusterId of clusterIds) {
    const obstacle = rules.overwrite ? undefined : obstacles.get(context.context ?? clusterId);
    if (obstacle === undefined) requests.push({ ...context, clusterId });
    else failures.push({ cluster: clusterId, error: obstacle });
  }
  const many = await fetchAll(keeping, requests, world);
  failures.push(...many.failures);

  const entries = many.setUps.map(({ entry }) => entry);
  const manyRules = { ...rules, setCurrentContext: false, skipConflicts: true };
  let report: WriteReport | undefined;
  if (paths !== undefined && entries.length > 0) {
    report = await writeContexts(paths, entries, manyRules);
    failures.push(...report.conflicts.map(({ contextName, error }) => ({ cluster: contextName, error })));
  }
  return {
    ...(paths === undefined && entries.length > 0
      ? { kubeconfig: renderKubeconfig(entries, manyRules) }
      : {}),
    told: manySummary(many.setUps, failures, report),
    someFailed: failures.length > 0,
    ...givenUp(many, clusterIds.length),
  };
}

async function fetchAll(
  keeping: KeepingAccount,
  requests: readonly ContextRequest[],
  world: World,
): Promise<ManySetUp> {
  const progress = showProgress('Fetching credentials', requests.length, world);
  try {
    return await untilInterrupted((signal) =>
      setUpMany(keeping, requests, world, {
        onProgress: () => {
          progress.advance();
        },
        signal,
      }),
    );
  } finally {
    progress.stop();
  }
}

function givenUp({ stopped }: ManySetUp, count: number): Pick<GetCredentialsResult, 'givenUp'> {
  if (stopped === undefined) return {};
  const { error, clusterCount } = stopped;
  const number = (value: number): string => value.toLocaleString('en-US');
  const rest = count === 1 ? '' : `. ${number(clusterCount)} of ${number(count)} clusters were not done`;
  return { givenUp: new EckError(error.code, error.message + rest, { cause: error }) };
}

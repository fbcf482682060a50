import type { EnsClient } from '../../ens/client.js';
import { listClusters, type Cluster } from '../../ens/actions.js';
import { EckError } from '../../errors.js';
import { resolveEndpoint } from '../../endpoint.js';
import type { World } from '../../world.js';
import type { ClusterSelection } from './cluster-selection.js';
import { resolveNames, type ResolvedClusters } from './resolve-names.js';

/** How clusters are chosen where ids do not say it all. */
export interface ChoiceRules {
  /** Where to look for clusters; everywhere, if not given. */
  readonly region: string | undefined;
  /** Asks the person which of these are meant. */
  readonly pick: (clusters: readonly Cluster[]) => Promise<readonly string[]>;
}

/**
 * Tells which clusters are meant. ENS is asked for its list, once, where anything but ids was given.
 *
 * @throws EckError `usage` for a name that several clusters have; `ens-…` where there is no list to be had
 */
export async function chooseClusters(
  selection: ClusterSelection,
  account: EnsClient,
  { region, pick }: ChoiceRules,
  world: World,
): Promise<ResolvedClusters> {
  const list = (): Promise<Cluster[]> => listForChoice(selection, account, region, world);
  switch (selection.kind) {
    case 'named': {
      const needsList = selection.clusters.some(({ kind }) => kind === 'name');
      const { host } = resolveEndpoint(account.endpoint);
      const where = region === undefined ? `ENS at ${host}` : `ENS at ${host}, in the region ${region},`;
      return resolveNames(selection.clusters, needsList ? await list() : [], where);
    }
    case 'all':
      return { clusterIds: (await list()).map(({ clusterId }) => clusterId), unknown: [] };
    case 'pick': {
      const clusters = await list();
      return { clusterIds: clusters.length === 0 ? [] : await pick(clusters), unknown: [] };
    }
  }
}

async function listForChoice(
  { kind }: ClusterSelection,
  account: EnsClient,
  region: string | undefined,
  world: World,
): Promise<Cluster[]> {
  try {
    return await listClusters(account, region === undefined ? {} : { region }, world);
  } catch (error) {
    if (!(error instanceof EckError) || error.code !== 'ens-not-allowed') throw error;
    const what = kind === 'named' ? 'names need' : 'choosing from all clusters needs';
    throw new EckError(error.code, `${error.message}. Only ${what} it: an id (eck-…) works without`, {
      cause: error,
    });
  }
}

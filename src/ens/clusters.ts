import { EckError, printable } from '../errors.js';
import { isMapping } from '../mapping.js';
import { isClusterId } from '../settings/cluster-id.js';
import type { World } from '../world.js';
import { callAccount, type CallRules, type EnsAccount } from './account.js';

/**
 * A cluster as ENS lists it. The listing also holds two secrets for each, a kubeconfig of an administrator and a token
 * to join nodes with; they are dropped where the answer is read. All texts are safe to print.
 */
export interface Cluster {
  readonly clusterId: string;
  readonly name: string;
  /** Where it runs (`EnsRegionId`), such as `cn-hangzhou-58`. */
  readonly region: string;
  /** Such as `1.31.9-aliyunedge.1`. */
  readonly kubernetesVersion: string;
  /** Whether its API server has an address on the internet. */
  readonly publicAccess: boolean;
  readonly vpcId?: string;
  readonly loadBalancerId?: string;
  readonly containerCidr?: string;
  readonly serviceCidr?: string;
  readonly controlPlane?: { readonly instanceSpec: string; readonly size: number };
}

/** Which clusters to list: all that match every one of these. */
export interface ClusterFilter {
  readonly name?: string;
  readonly region?: string;
}

/** A cluster takes some 10 kB of the answer, most of it the secrets. */
const maxBodyBytes = 256 * 1024 * 1024;

/**
 * The account's clusters, in the order of their names, then ids.
 *
 * @throws EckError `ens-…`; `ens-answer-invalid` for an answer that is no list of clusters
 */
export async function listClusters(
  account: EnsAccount,
  { name, region }: ClusterFilter,
  world: World,
  rules?: CallRules,
): Promise<Cluster[]> {
  const query = {
    ...(name === undefined ? {} : { Name: name }),
    ...(region === undefined ? {} : { EnsRegionId: region }),
  };
  const answer = await callAccount(
    account,
    { action: 'DescribeClustersV1', query, maxBodyBytes },
    world,
    rules,
  );
  return readClusters(answer['Clusters']);
}

/**
 * Reads the list of clusters in an answer. One that has no usable id cannot be named in a call, and is left out.
 *
 * @throws EckError `ens-answer-invalid`
 */
export function readClusters(clusters: unknown): Cluster[] {
  if (clusters === undefined || clusters === null) return [];
  if (!Array.isArray(clusters)) {
    throw new EckError('ens-answer-invalid', 'ENS answered something that is no list of clusters; try again');
  }
  return clusters.flatMap((cluster) => readCluster(cluster) ?? []).sort(byNameThenId);
}

function readCluster(value: unknown): Cluster | undefined {
  if (!isMapping(value)) return undefined;
  const text = (field: unknown): string => (typeof field === 'string' ? printable(field) : '');
  const optional = <Name extends string>(name: Name, field: unknown): Partial<Record<Name, string>> => {
    const found = text(field);
    return (found === '' ? {} : { [name]: found }) as Partial<Record<Name, string>>;
  };
  const clusterId = text(value['ClusterId']);
  if (!isClusterId(clusterId)) return undefined;
  const controlPlane = readControlPlane(value['ControlPlaneConfig']);
  return {
    clusterId,
    name: text(value['Name']),
    region: text(value['EnsRegionId']),
    kubernetesVersion: text(value['KubernetesVersion']),
    publicAccess: value['PublicAccess'] === true,
    ...optional('vpcId', value['VpcId']),
    ...optional('loadBalancerId', value['LoadBalancerId']),
    ...optional('containerCidr', value['ContainerCidr']),
    ...optional('serviceCidr', value['ServiceCidr']),
    ...(controlPlane === undefined ? {} : { controlPlane }),
  };
}

function readControlPlane(value: unknown): Cluster['controlPlane'] {
  if (!isMapping(value)) return undefined;
  const { InstanceSpec: instanceSpec, Size: size } = value;
  if (typeof instanceSpec !== 'string' || typeof size !== 'number') return undefined;
  return { instanceSpec: printable(instanceSpec), size };
}

function byNameThenId(one: Cluster, other: Cluster): number {
  return compare(one.name, other.name) || compare(one.clusterId, other.clusterId);
}

/** By code points, so that the order is the same on every machine. */
function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

import { EckError, printable } from '../errors.js';
import { isMapping } from '../mapping.js';
import { isClusterId } from '../settings.js';
import type { World } from '../world.js';
import { callEns, type CallRules, type EnsClient } from './client.js';
import { type IssuedKubeconfig, readIssuedKubeconfig } from '../kubeconfig/issued.js';

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
  account: EnsClient,
  { name, region }: ClusterFilter,
  world: World,
  rules?: CallRules,
): Promise<Cluster[]> {
  const query = {
    ...(name === undefined ? {} : { Name: name }),
    ...(region === undefined ? {} : { EnsRegionId: region }),
  };
  const answer = await callEns(account, { action: 'DescribeClustersV1', query, maxBodyBytes }, world, rules);
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

/** Whose kubeconfig is asked for. */
export interface IssueRequest {
  readonly clusterId: string;
  /** Whether the server's address is the private one, for machines in the cluster's network. */
  readonly privateIp: boolean;
}

/**
 * Asks ENS for a cluster's kubeconfig, and takes out of it what can be trusted. Nothing is kept.
 *
 * @throws EckError `ens-…` or `issued-kubeconfig-invalid`
 */
export async function issueCredential(
  account: EnsClient,
  { clusterId, privateIp }: IssueRequest,
  world: World,
  rules?: CallRules,
): Promise<IssuedKubeconfig> {
  const answer = await callEns(
    account,
    {
      action: 'DescribeClusterUserKubeconfig',
      query: { ClusterId: clusterId, PrivateIpAddress: String(privateIp) },
      clusterId,
    },
    world,
    rules,
  );
  return readIssuedKubeconfig(answer['Config'], clusterId, world.now());
}

import { compareNaturally, EckError, isMapping, printable, textOf, type Mapping } from '../errors.js';
import { readIssuedKubeconfig, type IssuedKubeconfig } from '../kubeconfig/issued.js';
import { isClusterId } from '../settings.js';
import type { World } from '../world.js';
import { callEns, type CallRules, type EnsClient } from './client.js';

/** A cluster, safe to print: without the secrets of the listing (an administrator's kubeconfig, a join token). */
export type Cluster = NonNullable<ReturnType<typeof readCluster>>;

export interface ClusterFilter {
  readonly clusterId?: string | undefined;
  readonly name?: string | undefined;
  readonly region?: string | undefined;
}

/** The account's clusters, by name, then id. @throws EnsError; EckError `ens-answer-invalid` */
export async function listClusters(
  client: EnsClient,
  { clusterId, name, region }: ClusterFilter,
  world: World,
  rules?: CallRules,
): Promise<Cluster[]> {
  const query = {
    ...(clusterId && { ClusterId: clusterId }),
    ...(name && { Name: name }),
    ...(region && { EnsRegionId: region }),
  };
  const response = await callEns(client, { action: 'DescribeClustersV1', query }, world, rules);
  return readClusters(response['Clusters']);
}

/** Reads a list of clusters. One without a valid id is left out. @throws EckError `ens-answer-invalid` */
export function readClusters(clusters: unknown): Cluster[] {
  if (clusters === undefined || clusters === null) return [];
  if (!Array.isArray(clusters)) {
    throw new EckError('ens-answer-invalid', 'ENS sent an invalid list of clusters', { fix: 'Try again' });
  }
  return clusters
    .flatMap((cluster) => (isMapping(cluster) ? (readCluster(cluster) ?? []) : []))
    .sort((one, other) => compareNaturally(one.name, other.name) || compareNaturally(one.clusterId, other.clusterId));
}

function readCluster(fields: Mapping) {
  const text = (field: string): string => printable(textOf(fields[field]) ?? '');
  const clusterId = text('ClusterId');
  if (!isClusterId(clusterId)) return undefined;
  const plane = isMapping(fields['ControlPlaneConfig']) ? fields['ControlPlaneConfig'] : {};
  const { InstanceSpec: spec, Size: size } = plane;
  const hasPlane = typeof spec === 'string' && typeof size === 'number';
  return {
    clusterId,
    name: text('Name'),
    /** Such as `cn-hangzhou-58`. */
    region: text('EnsRegionId'),
    /** Such as `1.31.9-aliyunedge.1`. */
    kubernetesVersion: text('KubernetesVersion'),
    /** Whether its API server has an address on the internet. */
    publicAccess: fields['PublicAccess'] === true,
    vpcId: text('VpcId') || undefined,
    loadBalancerId: text('LoadBalancerId') || undefined,
    containerCidr: text('ContainerCidr') || undefined,
    serviceCidr: text('ServiceCidr') || undefined,
    controlPlane: hasPlane ? { instanceSpec: printable(spec), size } : undefined,
  };
}

/**
 * Asks ENS for a cluster's kubeconfig, and takes from it what can be trusted. The private address is for machines in the
 * cluster's network. @throws EnsError; EckError `issued-kubeconfig-invalid`
 */
export async function issueCredential(
  client: EnsClient,
  { clusterId, privateIp }: { readonly clusterId: string; readonly privateIp: boolean },
  world: World,
  rules?: CallRules,
): Promise<IssuedKubeconfig> {
  const query = { ClusterId: clusterId, PrivateIpAddress: String(privateIp) };
  const call = { action: 'DescribeClusterUserKubeconfig', query, clusterId };
  const response = await callEns(client, call, world, rules);
  return readIssuedKubeconfig(response['Config'], clusterId, world.now());
}

import type { IssuedKubeconfig } from '../kubeconfig/issued.js';
import { readIssuedKubeconfig } from '../kubeconfig/issued.js';
import type { World } from '../world.js';
import { callAccount, type CallRules, type EnsAccount } from './account.js';

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
  account: EnsAccount,
  { clusterId, privateIp }: IssueRequest,
  world: World,
  rules?: CallRules,
): Promise<IssuedKubeconfig> {
  const answer = await callAccount(
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

import type { IssuedKubeconfig } from '../kubeconfig/issued.js';
import { readIssuedKubeconfig } from '../kubeconfig/issued.js';
import { resolveEndpoint } from '../settings/endpoint.js';
import type { Settings } from '../settings/settings.js';
import type { World } from '../world.js';
import { callEns } from './call.js';
import { signIn, type SignedIn } from './sign-in.js';

/** Whose kubeconfig is asked for. */
export interface IssueRequest {
  readonly clusterId: string;
  /** Whether the server's address is the private one, for machines in the cluster's network. */
  readonly privateIp: boolean;
  readonly settings: Settings;
}

/** What ENS issued, and to whom. */
export interface Issued extends IssuedKubeconfig {
  readonly signedIn: SignedIn;
}

/**
 * Asks ENS for a cluster's kubeconfig, and takes out of it what can be trusted. One call; nothing is kept.
 *
 * @throws EckError `identity-…`, `ens-…` or `issued-kubeconfig-invalid`
 */
export async function issueCredential(request: IssueRequest, world: World): Promise<Issued> {
  const { clusterId, privateIp, settings } = request;
  const signedIn = await signIn(settings, world);
  const answer = await callEns(
    { signedIn, endpoint: resolveEndpoint(settings.endpoint), settings },
    {
      action: 'DescribeClusterUserKubeconfig',
      query: { ClusterId: clusterId, PrivateIpAddress: String(privateIp) },
      clusterId,
    },
    world,
  );
  return { ...readIssuedKubeconfig(answer['Config'], clusterId, world.now()), signedIn };
}

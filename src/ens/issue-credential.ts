import type { EckError } from '../errors.js';
import type { IssuedKubeconfig } from '../kubeconfig/issued.js';
import { readIssuedKubeconfig } from '../kubeconfig/issued.js';
import { resolveEndpoint, siteOfRegion, type EndpointSetting } from '../settings/endpoint.js';
import type { Settings } from '../settings/settings.js';
import type { World } from '../world.js';
import { callEns, type EnsClient } from './call.js';
import { realRetryWorld, withRetry } from './retry.js';
import { signIn, type SignedIn } from './sign-in.js';

/** Whose kubeconfig is asked for. */
export interface IssueRequest {
  readonly clusterId: string;
  /** Whether the server's address is the private one, for machines in the cluster's network. */
  readonly privateIp: boolean;
  readonly settings: Settings;
  /** Whether there is a credential to fall back on, so that a failure is found out soon rather than avoided. */
  readonly hasFallBack?: boolean;
}

/** What ENS issued, and to whom. */
export interface Issued extends IssuedKubeconfig {
  readonly signedIn: SignedIn;
  /** The endpoint that knew the cluster, as it has to be set so that it is asked again. */
  readonly endpoint: EndpointSetting;
}

/** With something to fall back on, nobody waits long for an API that is down. */
const fallBackLimits = { connectTimeoutMs: 2000, readTimeoutMs: 3000, afterFailureMs: 2000 };

/**
 * Asks ENS for a cluster's kubeconfig, again and again while that may help, and takes out of it what can be trusted.
 * Nothing is kept.
 *
 * @param onRetry hears why another attempt is made
 * @throws EckError `identity-…`, `ens-…` or `issued-kubeconfig-invalid`
 */
export async function issueCredential(
  request: IssueRequest,
  world: World,
  onRetry?: (error: EckError) => void,
): Promise<Issued> {
  const { clusterId, privateIp, settings, hasFallBack = false } = request;
  const signedIn = await signIn(settings, world);
  const endpoint = effectiveEndpoint(settings.endpoint, signedIn);
  const answer = await withRetry(
    (remainingMs) =>
      callEns(
        {
          signedIn,
          endpoint: resolveEndpoint(endpoint),
          settings: hasFallBack ? impatient(settings) : settings,
          totalMs: Math.max(1, remainingMs),
        },
        {
          action: 'DescribeClusterUserKubeconfig',
          query: { ClusterId: clusterId, PrivateIpAddress: String(privateIp) },
          clusterId,
        },
        world,
      ),
    {
      totalMs: settings.timeoutMs,
      ...(hasFallBack ? { afterFailureMs: fallBackLimits.afterFailureMs } : {}),
    },
    realRetryWorld,
    onRetry,
  );
  return { ...readIssuedKubeconfig(answer['Config'], clusterId, world.now()), signedIn, endpoint };
}

/** Where nothing was said about the site, the region of the profile tells. */
function effectiveEndpoint(setting: EndpointSetting, { profile }: SignedIn): EndpointSetting {
  if (setting.kind !== 'default' || profile?.region === undefined) return setting;
  const site = siteOfRegion(profile.region);
  return site === 'china' ? setting : { kind: 'site', site };
}

function impatient({ connectTimeoutMs, readTimeoutMs }: Settings): EnsClient['settings'] {
  return {
    connectTimeoutMs: Math.min(connectTimeoutMs, fallBackLimits.connectTimeoutMs),
    readTimeoutMs: Math.min(readTimeoutMs, fallBackLimits.readTimeoutMs),
  };
}

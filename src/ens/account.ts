import { resolveEndpoint, siteOfRegion, type EndpointSetting } from '../settings/endpoint.js';
import type { Settings } from '../settings/settings.js';
import type { World } from '../world.js';
import { callEns, type EnsAnswer, type EnsCall, type EnsClient } from './call.js';
import type { EnsError } from './errors.js';
import { realRetryWorld, withRetry } from './retry.js';
import { signIn, type SignedIn } from './sign-in.js';

/** An Alibaba Cloud account as it can be called: somebody who is signed in, at an endpoint of ENS. */
export interface EnsAccount {
  readonly signedIn: SignedIn;
  /** The endpoint, as it has to be set so that it is asked again. */
  readonly endpoint: EndpointSetting;
  readonly settings: Settings;
}

/** How a call is made. */
export interface CallRules {
  /** Whether there is something to fall back on, so that a failure is found out soon rather than avoided. */
  readonly hasFallBack?: boolean;
  /** Hears why another attempt is made. */
  readonly onRetry?: (error: EnsError) => void;
  /** Makes every attempt, where many calls are made side by side: in its turn, or not at all. */
  readonly pace?: <T>(attempt: () => Promise<T>) => Promise<T>;
}

/** With something to fall back on, nobody waits long for an API that is down. */
const fallBackLimits = { connectTimeoutMs: 2000, readTimeoutMs: 3000, afterFailureMs: 2000 };

/**
 * Signs in as the settings say, and finds the endpoint to call.
 *
 * @throws EckError `identity-…`
 */
export async function openAccount(settings: Settings, world: World): Promise<EnsAccount> {
  const signedIn = await signIn(settings, world);
  return { signedIn, endpoint: effectiveEndpoint(settings.endpoint, signedIn), settings };
}

/**
 * Calls ENS, again and again while that may help.
 *
 * @throws EckError `ens-…`
 */
export function callAccount(
  { signedIn, endpoint, settings }: EnsAccount,
  call: EnsCall,
  world: World,
  { hasFallBack = false, onRetry, pace = (attempt) => attempt() }: CallRules = {},
): Promise<EnsAnswer> {
  return withRetry(
    (remainingMs) =>
      pace(() =>
        callEns(
          {
            signedIn,
            endpoint: resolveEndpoint(endpoint),
            settings: hasFallBack ? impatient(settings) : settings,
            totalMs: Math.max(1, remainingMs),
          },
          call,
          world,
        ),
      ),
    {
      totalMs: settings.timeoutMs,
      ...(hasFallBack ? { afterFailureMs: fallBackLimits.afterFailureMs } : {}),
    },
    realRetryWorld,
    onRetry,
  );
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

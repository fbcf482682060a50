import { resolveEndpoint, siteOfRegion, type EndpointSetting } from '../endpoint.js';
import { EckError, isMapping, messageOf, textOf, type Mapping } from '../errors.js';
import type { Settings } from '../settings.js';
import type { World } from '../world.js';
import { ensError, type ApiFault } from './errors.js';
import { withRetry, type RetryRules } from './retry.js';
import type { Signer } from './sign-in.js';
import type { TransportFacts } from './transport.js';

/** A signed-in identity at an endpoint of ENS. */
export interface EnsClient {
  readonly signer: Signer;
  /** The endpoint as it has to be set to be called again. */
  readonly endpoint: EndpointSetting;
  readonly settings: Settings;
}

export interface EnsCall {
  /** Such as `DescribeClusterUserKubeconfig`. */
  readonly action: string;
  readonly query: Readonly<Record<string, string>>;
  /** For messages. */
  readonly clusterId?: string;
}

export interface CallRules extends Pick<RetryRules, 'onRetry'> {
  /** Whether a cached credential can be served instead, so that an outage is reported soon. */
  readonly hasFallBack?: boolean;
  /** Starts each attempt when it is its turn. */
  readonly pace?: <T>(attempt: () => Promise<T>) => Promise<T>;
}

/** A list has some 10 kB for each cluster, most of it secrets. */
const maxListBytes = 256 * 1024 * 1024;
const maxResponseBytes = 1024 * 1024;

const fallBackLimits = { connectTimeoutMs: 2000, readTimeoutMs: 3000 };
const fallBackAfterMs = 2000;
/** How long a person waits for a host that cannot be resolved or refuses the connection. */
const hostDownAfterMs = 3000;

/** Signs in. Without a setting, the profile's region decides on the endpoint. @throws EckError `identity-…`, `usage`, … */
export async function openClient(settings: Settings, world: World): Promise<EnsClient> {
  // The SDK takes 20 ms to load, which commands without a call do not wait for.
  const { signIn } = await import('./sign-in.js');
  const signer = await signIn(settings, world);
  const { endpoint } = settings;
  const region = signer.profile?.region;
  const site = endpoint.kind === 'default' && region !== undefined ? siteOfRegion(region) : 'china';
  return { signer, endpoint: site === 'china' ? endpoint : { kind: 'site', site }, settings };
}

/** The identity in words, and those that were passed over. */
export function identityWords({ signer: { description, passedOver = [] } }: EnsClient): string {
  return passedOver.length === 0 ? description : `${description} (passed over: ${passedOver.join('; ')})`;
}

/** Calls ENS, and again while that may help. @returns the fields of the response, not checked @throws EnsError */
export function callEns(
  { signer, endpoint: setting, settings }: EnsClient,
  { action, query, clusterId }: EnsCall,
  world: World,
  { hasFallBack = false, onRetry, pace = (attempt) => attempt() }: CallRules = {},
): Promise<Mapping> {
  const endpoint = resolveEndpoint(setting);
  const maxBodyBytes = action === 'DescribeClustersV1' ? maxListBytes : maxResponseBytes;

  const attempt = async (remainingMs: number): Promise<Mapping> => {
    const facts: TransportFacts = {};
    const totalMs = Math.max(1, remainingMs);
    world.debug(`${action} at ${endpoint.host} as ${signer.description}`);
    const limits = { ...(hasFallBack && fallBackLimits), totalMs, maxBodyBytes };
    const rules = { ...limits, environment: world.environment };
    try {
      const { send } = await import('./send.js');
      return await send(action, query, endpoint, signer, rules, facts);
    } catch (error) {
      // The transport's own: an unusable proxy or certificate file.
      if (error instanceof EckError) throw error;
      const context = { action, clusterId, endpoint, identity: signer.description };
      throw ensError(faultOf(error, facts), context, world.now());
    }
  };
  return withRetry((remainingMs) => pace(() => attempt(remainingMs)), {
    totalMs: settings.timeoutMs,
    afterFailureMs: ({ isHostDown }) => {
      if (hasFallBack) return fallBackAfterMs;
      return isHostDown && world.isTerminal('stderr') ? hostDownAfterMs : Infinity;
    },
    onRetry,
  });
}

/** The SDK's errors carry the API's response as `data`. */
function faultOf(error: unknown, facts: TransportFacts): ApiFault {
  const data = isMapping(error) && isMapping(error['data']) ? error['data'] : {};
  const apiCode = textOf(data['Code']) ?? '';
  const message = textOf(data['Message']) ?? (apiCode === '' ? withoutApiError(error, facts) : '');
  return { ...facts, apiCode, message, requestId: textOf(data['RequestId']) };
}

function withoutApiError(error: unknown, { failure, status = 0 }: TransportFacts): string {
  if (failure !== undefined) return failure.reason;
  if (status >= 400) return `HTTP ${status}`;
  return error instanceof SyntaxError ? 'the response is not JSON' : messageOf(error);
}

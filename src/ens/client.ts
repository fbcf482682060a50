import * as openApiModule from '@alicloud/openapi-client';
import { Config, OpenApiRequest, Params } from '@alicloud/openapi-client';
import { RuntimeOptions } from '@alicloud/tea-util';
import { otherSite, resolveEndpoint, siteOfRegion, type EndpointSetting } from '../endpoint.js';
import { EckError, messageOf } from '../errors.js';
import { isMapping, type Mapping } from '../mapping.js';
import type { Settings } from '../settings.js';
import type { World } from '../world.js';
import { textOf } from './cli-profiles.js';
import { ensError, type ApiFault, type EnsError } from './errors.js';
import { defaultExport } from './providers.js';
import { realClock, withRetry } from './retry.js';
import { signIn, type Signer } from './sign-in.js';
import { connectTimeoutMs, readTimeoutMs, withTransport, type TransportFacts } from './transport.js';

const OpenApiClient = defaultExport(openApiModule) as typeof openApiModule.default.default;

// The SDK calls what Node.js has deprecated, which is no concern of the person who runs kubectl.
process.noDeprecation = true;

/** A signed-in identity at an endpoint of ENS. */
export interface EnsClient {
  readonly signer: Signer;
  /** The endpoint as it has to be set to be called again. */
  readonly endpoint: EndpointSetting;
  readonly settings: Settings;
}

/** One call of the ENS API. */
export interface EnsCall {
  /** Such as `DescribeClusterUserKubeconfig`. */
  readonly action: string;
  readonly query: Readonly<Record<string, string>>;
  /** The cluster that the call is for, for messages. */
  readonly clusterId?: string;
  /** The largest response to read, by default 1 MiB. */
  readonly maxBodyBytes?: number;
}

/** How a call is made. */
export interface CallRules {
  /** Whether a cached credential can be served instead, so that an outage is reported soon. */
  readonly hasFallBack?: boolean;
  /** Called with each failure after which another attempt is made. */
  readonly onRetry?: (error: EnsError) => void;
  /** Starts each attempt when it is its turn. */
  readonly pace?: <T>(attempt: () => Promise<T>) => Promise<T>;
}

const usualLimits = { connectTimeoutMs, readTimeoutMs };
const fallBackLimits = { connectTimeoutMs: 2000, readTimeoutMs: 3000 };
const fallBackAfterMs = 2000;
/** How long a person waits for a host that cannot be resolved or refuses the connection. */
const hostDownAfterMs = 3000;

/**
 * Signs in as the settings say, and finds the endpoint: without a setting, the region of the CLI profile decides.
 *
 * @throws EckError `identity-…`, `network-untrusted`, `usage`
 */
export async function openClient(settings: Settings, world: World): Promise<EnsClient> {
  const signer = await signIn(settings, world);
  const { endpoint } = settings;
  const region = signer.profile?.region;
  const isAbroad = endpoint.kind === 'default' && region !== undefined && siteOfRegion(region) !== 'china';
  return { signer, endpoint: isAbroad ? { kind: 'site', site: siteOfRegion(region) } : endpoint, settings };
}

/**
 * Calls ENS (RPC style, version 2017-11-10), and again while that may help and `--timeout` allows.
 *
 * @returns the fields of the response, not checked
 * @throws EnsError
 */
export function callEns(
  client: EnsClient,
  call: EnsCall,
  world: World,
  { hasFallBack = false, onRetry, pace = (attempt) => attempt() }: CallRules = {},
): Promise<Mapping> {
  const limits = hasFallBack ? fallBackLimits : usualLimits;
  return withRetry(
    (remainingMs) => pace(() => callOnce(client, call, world, limits, remainingMs)),
    {
      totalMs: client.settings.timeoutMs,
      afterFailureMs: ({ isHostDown }) => {
        if (hasFallBack) return fallBackAfterMs;
        return isHostDown && world.isTerminal('stderr') ? hostDownAfterMs : Infinity;
      },
    },
    realClock,
    onRetry,
  );
}

async function callOnce(
  { signer, endpoint: setting }: EnsClient,
  { action, query, clusterId, maxBodyBytes = 1024 * 1024 }: EnsCall,
  world: World,
  limits: typeof usualLimits,
  remainingMs: number,
): Promise<Mapping> {
  const endpoint = resolveEndpoint(setting);
  const facts: TransportFacts = {};
  const longestMs = limits.connectTimeoutMs + limits.readTimeoutMs;
  const totalMs = Math.max(1, Math.min(remainingMs, longestMs));
  try {
    const rules = { ...limits, totalMs, maxBodyBytes, environment: world.environment };
    return await withTransport(rules, facts, async () => {
      const config = new Config({ endpoint: endpoint.host, protocol: endpoint.protocol });
      config.credential = signer.credential;
      const params = new Params({
        action,
        version: '2017-11-10',
        protocol: endpoint.protocol.toUpperCase(),
        pathname: '/',
        method: 'POST',
        authType: 'AK',
        style: 'RPC',
        reqBodyType: 'formData',
        bodyType: 'json',
      });
      // The transport's limits count; the SDK's only must not be shorter.
      const runtime = new RuntimeOptions({ connectTimeout: longestMs, readTimeout: longestMs });
      const request = new OpenApiRequest({ query });
      const response: unknown = await new OpenApiClient(config).callApi(params, request, runtime);
      const body = isMapping(response) ? response['body'] : undefined;
      if (!isMapping(body)) throw new Error('the response is not a JSON object');
      return body;
    });
  } catch (error) {
    // The transport's own: an unusable proxy or certificate file.
    if (error instanceof EckError) throw error;
    const context = { action, endpoint: endpoint.host, otherSite: otherSite(endpoint), clusterId };
    throw ensError(faultOf(error, facts), { ...context, identity: signer.description }, world.now());
  }
}

/** The SDK's errors carry the API's response as `data`. */
function faultOf(error: unknown, facts: TransportFacts): ApiFault {
  const data = isMapping(error) && isMapping(error['data']) ? error['data'] : {};
  const apiCode = textOf(data['Code']) ?? '';
  const requestId = textOf(data['RequestId']);
  const { status = 0, date, retryAfter, failure } = facts;
  return {
    status,
    apiCode,
    message: textOf(data['Message']) ?? (apiCode === '' ? withoutApiError(error, facts) : ''),
    ...(requestId && { requestId }),
    ...(date && { serverDate: date }),
    ...(failure && { failure }),
    ...(retryAfter && { retryAfter }),
  };
}

function withoutApiError(error: unknown, { failure, status }: TransportFacts): string {
  if (failure !== undefined) return failure.message;
  if (status !== undefined && status >= 400) return `HTTP ${status}`;
  return error instanceof SyntaxError ? 'the response is not JSON' : messageOf(error);
}

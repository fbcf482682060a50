import * as credentialsModule from '@alicloud/credentials';
import * as openApiModule from '@alicloud/openapi-client';
import {
  resolveEndpoint,
  siteOfRegion,
  type EndpointSetting,
  otherSite,
  type Endpoint,
} from '../endpoint.js';
import type { Settings } from '../settings.js';
import type { World } from '../world.js';
import { type EnsError, ensError, type ApiFault } from './errors.js';
import { realRetryWorld, withRetry } from './retry.js';
import { signIn, type Signer } from './sign-in.js';
import { Config, OpenApiRequest, Params } from '@alicloud/openapi-client';
import { RuntimeOptions } from '@alicloud/tea-util';
import { EckError, messageOf } from '../errors.js';
import { isMapping } from '../mapping.js';
import { connectTimeoutMs, readTimeoutMs, withTransport, type TransportFacts } from './transport.js';

/** An Alibaba Cloud account as it can be called: somebody who is signed in, at an endpoint of ENS. */
export interface EnsClient {
  readonly signer: Signer;
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
export async function openClient(settings: Settings, world: World): Promise<EnsClient> {
  const signer = await signIn(settings, world);
  return { signer, endpoint: effectiveEndpoint(settings.endpoint, signer), settings };
}

/**
 * Calls ENS, again and again while that may help.
 *
 * @throws EckError `ens-…`
 */
export function callEns(
  { signer, endpoint, settings }: EnsClient,
  call: EnsCall,
  world: World,
  { hasFallBack = false, onRetry, pace = (attempt) => attempt() }: CallRules = {},
): Promise<EnsAnswer> {
  return withRetry(
    (remainingMs) =>
      pace(() =>
        callOnce(
          {
            signer,
            endpoint: resolveEndpoint(endpoint),
            limits: hasFallBack ? fallBackLimits : { connectTimeoutMs, readTimeoutMs },
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
function effectiveEndpoint(setting: EndpointSetting, { profile }: Signer): EndpointSetting {
  if (setting.kind !== 'default' || profile?.region === undefined) return setting;
  const site = siteOfRegion(profile.region);
  return site === 'china' ? setting : { kind: 'site', site };
}

/** The largest answer that is read, where the call does not say. */
const usualMaxBodyBytes = 1024 * 1024;

/** One call of the ENS API. */
export interface EnsCall {
  /** Such as `DescribeClusterUserKubeconfig`. */
  readonly action: string;
  readonly query: Readonly<Record<string, string>>;
  /** The cluster that the call is about, for messages. */
  readonly clusterId?: string;
  /** The largest answer that is read. */
  readonly maxBodyBytes?: number;
}

/** Who calls, and where. */
export interface CallTarget {
  readonly signer: Signer;
  readonly endpoint: Endpoint;
  readonly limits: { readonly connectTimeoutMs: number; readonly readTimeoutMs: number };
  /** How long the call may take in all, where that is less than its parts may. */
  readonly totalMs?: number;
}

/** The fields of an answer. Nothing is known of them yet. */
export type EnsAnswer = Readonly<Record<string, unknown>>;

/**
 * Calls the ENS API once (RPC style, version 2017-11-10), signed with the client's identity.
 *
 * @throws EckError of one of the `ens-…` codes
 */
export async function callOnce(client: CallTarget, call: EnsCall, world: World): Promise<EnsAnswer> {
  const { signer, endpoint, limits, totalMs = Infinity } = client;
  const facts: TransportFacts = {};
  try {
    const { connectTimeoutMs, readTimeoutMs } = limits;
    const rules = {
      connectTimeoutMs,
      readTimeoutMs,
      totalMs: Math.min(totalMs, connectTimeoutMs + readTimeoutMs),
      maxBodyBytes: call.maxBodyBytes ?? usualMaxBodyBytes,
      environment: world.environment,
    };
    return await withTransport(rules, facts, async () => {
      const config = new Config({ endpoint: endpoint.host, protocol: endpoint.protocol });
      config.credential = signer.credential;
      const params = new Params({
        action: call.action,
        version: '2017-11-10',
        protocol: endpoint.protocol.toUpperCase(),
        pathname: '/',
        method: 'POST',
        authType: 'AK',
        style: 'RPC',
        reqBodyType: 'formData',
        bodyType: 'json',
      });
      const runtime = new RuntimeOptions({
        // The transport's own limits are the ones that count; these only must not be shorter.
        connectTimeout: connectTimeoutMs + readTimeoutMs,
        readTimeout: connectTimeoutMs + readTimeoutMs,
      });
      const api = new OpenApiClient(config);
      const answer: unknown = await api.callApi(params, new OpenApiRequest({ query: call.query }), runtime);
      return answerBody(answer);
    });
  } catch (error) {
    // Said by whoever made the connection, in words of our own already.
    if (error instanceof EckError) throw error;
    const site = otherSite(endpoint);
    throw ensError(
      faultOf(error, facts),
      {
        ramAction: `ens:${call.action}`,
        endpoint: endpoint.host,
        ...(site === undefined ? {} : { otherSite: site }),
        identity: signer.description,
        ...(call.clusterId === undefined ? {} : { clusterId: call.clusterId }),
      },
      world.now(),
    );
  }
}

function answerBody(answer: unknown): EnsAnswer {
  const body = isMapping(answer) ? answer['body'] : undefined;
  if (!isMapping(body)) throw new Error('the answer is not a JSON object');
  return body;
}

/** What the SDK threw, read at this border: its errors carry the API's answer under `data`. */
function faultOf(error: unknown, facts: TransportFacts): ApiFault {
  const data = isMapping(error) && isMapping(error['data']) ? error['data'] : {};
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const apiCode = text(data['Code']);
  const requestId = text(data['RequestId']);
  return {
    status: facts.status ?? 0,
    apiCode,
    message: text(data['Message']) || (apiCode === '' ? withoutAnswer(error, facts) : ''),
    ...(requestId === '' ? {} : { requestId }),
    ...(facts.date === undefined ? {} : { serverDate: facts.date }),
    ...(facts.failure === undefined ? {} : { failure: facts.failure }),
    ...(facts.retryAfter === undefined ? {} : { retryAfter: facts.retryAfter }),
  };
}

function withoutAnswer(error: unknown, { failure, status }: TransportFacts): string {
  if (failure !== undefined) return failure.message;
  if (status !== undefined && status >= 400) return `HTTP ${status}`;
  return error instanceof SyntaxError ? 'the answer is not JSON' : messageOf(error);
}

// The SDK calls what Node.js has deprecated. Whoever runs kubectl can do nothing about it, and need not read of it.
process.noDeprecation = true;

/**
 * The two classes that Alibaba Cloud's CommonJS packages export as `default`. Node.js puts such a default one level
 * deeper than bundlers do, so it is looked for at both.
 */
export const OpenApiClient = defaultExport(openApiModule) as typeof openApiModule.default.default;
export type OpenApiClient = InstanceType<typeof OpenApiClient>;

export const Credential = defaultExport(credentialsModule) as typeof credentialsModule.default.default;
export type Credential = InstanceType<typeof Credential>;

function defaultExport(module: { readonly default: unknown }): unknown {
  const outer = module.default as { readonly default?: unknown };
  return outer.default ?? outer;
}

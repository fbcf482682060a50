import { Config, OpenApiRequest, Params } from '@alicloud/openapi-client';
import { RuntimeOptions } from '@alicloud/tea-util';
import { EckError, messageOf } from '../errors.js';
import { isMapping } from '../mapping.js';
import { otherSite, type Endpoint } from '../settings/endpoint.js';
import type { Settings } from '../settings/settings.js';
import type { World } from '../world.js';
import { ensError, type ApiFault } from './errors.js';
import { OpenApiClient } from './sdk.js';
import type { SignedIn } from './sign-in.js';
import { withTransport, type TransportFacts } from '../network/transport.js';

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
export interface EnsClient {
  readonly signedIn: SignedIn;
  readonly endpoint: Endpoint;
  readonly settings: Pick<Settings, 'connectTimeoutMs' | 'readTimeoutMs'>;
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
export async function callEns(client: EnsClient, call: EnsCall, world: World): Promise<EnsAnswer> {
  const { signedIn, endpoint, settings, totalMs = Infinity } = client;
  const facts: TransportFacts = {};
  try {
    const { connectTimeoutMs, readTimeoutMs } = settings;
    const rules = {
      connectTimeoutMs,
      readTimeoutMs,
      totalMs: Math.min(totalMs, connectTimeoutMs + readTimeoutMs),
      maxBodyBytes: call.maxBodyBytes ?? usualMaxBodyBytes,
      environment: world.environment,
    };
    return await withTransport(rules, facts, async () => {
      const config = new Config({ endpoint: endpoint.host, protocol: endpoint.protocol });
      config.credential = signedIn.credential;
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
        identity: signedIn.description,
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

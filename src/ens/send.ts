import * as sdk from '@alicloud/openapi-client';
import { RuntimeOptions } from '@alicloud/tea-util';
import type { Endpoint } from '../endpoint.js';
import { isMapping, type Mapping } from '../errors.js';
import { defaultExport } from './providers.js';
import type { Signer } from './sign-in.js';
import {
  connectTimeoutMs,
  readTimeoutMs,
  withTransport,
  type TransportFacts,
  type TransportRules,
} from './transport.js';

const OpenApiClient = defaultExport(sdk) as typeof sdk.default.default;

/** The transport's limits count; the SDK's only must not be shorter. */
const sdkTimeoutMs = connectTimeoutMs + readTimeoutMs;

/** Sends one signed request. @returns the fields of the response, not checked @throws the SDK's errors */
export async function send(
  action: string,
  query: Readonly<Record<string, string>>,
  { protocol, host }: Endpoint,
  { credential }: Signer,
  rules: TransportRules,
  facts: TransportFacts,
): Promise<Mapping> {
  const config = new sdk.Config({ endpoint: host, protocol });
  config.credential = credential;
  const place = { version: '2017-11-10', protocol: protocol.toUpperCase(), pathname: '/', method: 'POST' };
  const form = { authType: 'AK', style: 'RPC', reqBodyType: 'formData', bodyType: 'json' };
  const params = new sdk.Params({ action, ...place, ...form });
  const runtime = new RuntimeOptions({ connectTimeout: sdkTimeoutMs, readTimeout: sdkTimeoutMs });
  const client = new OpenApiClient(config);
  const call = () => client.callApi(params, new sdk.OpenApiRequest({ query }), runtime);
  const response: unknown = await withTransport(rules, facts, call);
  const body = isMapping(response) ? response['body'] : undefined;
  if (!isMapping(body)) throw new Error('the response is not a JSON object');
  return body;
}

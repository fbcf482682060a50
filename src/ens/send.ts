import * as openApiModule from '@alicloud/openapi-client';
import { Config, OpenApiRequest, Params } from '@alicloud/openapi-client';
import { RuntimeOptions } from '@alicloud/tea-util';
import type { Endpoint } from '../endpoint.js';
import { isMapping } from '../mapping.js';
import { defaultExport } from './providers.js';
import type { Signer } from './sign-in.js';
import type { TransportFacts, TransportRules } from './transport.js';
import { connectTimeoutMs, readTimeoutMs, withTransport } from './transport.js';

const OpenApiClient = defaultExport(openApiModule) as typeof openApiModule.default.default;

/** The transport's limits count; the SDK's only must not be shorter. */
const sdkTimeoutMs = connectTimeoutMs + readTimeoutMs;

/** Sends one signed request. @returns the body of the response, not checked @throws the SDK's errors */
export async function send(
  action: string,
  query: Readonly<Record<string, string>>,
  { protocol, host }: Endpoint,
  { credential }: Signer,
  rules: TransportRules,
  facts: TransportFacts,
): Promise<unknown> {
  const config = new Config({ endpoint: host, protocol });
  config.credential = credential;
  const place = { version: '2017-11-10', protocol: protocol.toUpperCase(), pathname: '/', method: 'POST' };
  const form = { authType: 'AK', style: 'RPC', reqBodyType: 'formData', bodyType: 'json' };
  const params = new Params({ action, ...place, ...form });
  const runtime = new RuntimeOptions({ connectTimeout: sdkTimeoutMs, readTimeout: sdkTimeoutMs });
  const client = new OpenApiClient(config);
  const call = () => client.callApi(params, new OpenApiRequest({ query }), runtime);
  const response: unknown = await withTransport(rules, facts, call);
  return isMapping(response) ? response['body'] : undefined;
}

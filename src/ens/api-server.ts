import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import { certificatePem, privateKeyPem, type ClientCredential } from '../credential/client-credential.js';
import { messageOf } from '../errors.js';
import type { World } from '../world.js';
import { parseJson } from './cli-profiles.js';
import { TransportFailure, withTransport, type TransportFacts } from './transport.js';

export interface ApiServerAddress {
  readonly server: string;
  /** Without it, the server is verified as any other is. */
  readonly certificateAuthorityPem?: string | undefined;
  readonly tlsServerName?: string | undefined;
}

/**
 * Asks an API server who a client certificate is, by a SelfSubjectReview; before Kubernetes 1.28, which has none, by
 * `GET /api`, whether it is accepted. @returns the last response, or why there is none
 */
export async function askWhoAmI(
  { server, certificateAuthorityPem, tlsServerName }: ApiServerAddress,
  credential: ClientCredential,
  { environment, debug }: Pick<World, 'environment' | 'debug'>,
  limitMs: number,
): Promise<TransportFacts & { readonly answer?: unknown }> {
  const started = performance.now();
  const facts: TransportFacts = {};
  const ask = async (method: 'POST' | 'GET', path: string, body = ''): Promise<unknown> => {
    const totalMs = Math.max(1, limitMs - (performance.now() - started));
    const limits = { totalMs, connectTimeoutMs: totalMs, readTimeoutMs: totalMs, maxBodyBytes: 256 * 1024 };
    const options = {
      method,
      ca: certificateAuthorityPem,
      cert: certificatePem(credential),
      key: privateKeyPem(credential),
      headers: { 'content-type': 'application/json' },
      // Without it, the name in the URL is verified.
      ...(tlsServerName !== undefined && { servername: tlsServerName }),
    };
    const send = async (): Promise<string> => {
      const request = https.request(`${server.replace(/\/+$/, '')}${path}`, options).end(body);
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      return text(response);
    };
    return parseJson(await withTransport({ ...limits, environment }, facts, send));
  };
  const apiVersion = 'authentication.k8s.io/v1';
  const review = JSON.stringify({ apiVersion, kind: 'SelfSubjectReview' });
  try {
    let answer = await ask('POST', `/apis/${apiVersion}/selfsubjectreviews`, review);
    if (facts.status === 404) answer = await ask('GET', '/api');
    debug(`the API server answers ${facts.status}`);
    return { ...facts, answer };
  } catch (error) {
    debug(`the API server does not answer: ${String(error)}`);
    return { ...facts, failure: facts.failure ?? new TransportFailure('unreachable', messageOf(error)) };
  }
}

/**
 * Whether an API server rejects a client certificate. Only HTTP 401 says so: an API server that cannot be reached, fails
 * or has another CA says nothing.
 */
export async function isRejectedBy(
  apiServer: ApiServerAddress,
  credential: ClientCredential,
  world: World,
): Promise<boolean> {
  return (await askWhoAmI(apiServer, credential, world, 3000)).status === 401;
}

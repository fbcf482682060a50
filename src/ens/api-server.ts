import https from 'node:https';
import { certificatePem, privateKeyPem, type ClientCredential } from '../credential/client-credential.js';
import type { IssuedKubeconfig } from '../kubeconfig/issued.js';
import type { World } from '../world.js';
import { withTransport } from './transport.js';

const limitMs = 3000;

/**
 * Asks an API server whether it rejects a client certificate, by a SelfSubjectReview; before Kubernetes 1.28, by
 * `GET /api`. Only HTTP 401 says so: an API server that cannot be reached, fails or has another CA says nothing.
 */
export async function isRejectedBy(
  { server, certificateAuthorityPem, tlsServerName }: IssuedKubeconfig['cluster'],
  credential: ClientCredential,
  world: World,
): Promise<boolean> {
  const started = performance.now();
  const ask = (method: 'POST' | 'GET', path: string, body = ''): Promise<number> => {
    const totalMs = Math.max(1, limitMs - (performance.now() - started));
    const rules = { totalMs, connectTimeoutMs: totalMs, readTimeoutMs: totalMs, maxBodyBytes: 256 * 1024 };
    return withTransport({ ...rules, environment: world.environment }, {}, () =>
      requestStatus(`${server.replace(/\/+$/, '')}${path}`, body, {
        method,
        ca: certificateAuthorityPem,
        cert: certificatePem(credential),
        key: privateKeyPem(credential),
        headers: { 'content-type': 'application/json' },
        // Without it, the name in the URL is verified.
        ...(tlsServerName !== undefined && { servername: tlsServerName }),
      }),
    );
  };
  const apiVersion = 'authentication.k8s.io/v1';
  const review = JSON.stringify({ apiVersion, kind: 'SelfSubjectReview' });
  try {
    let status = await ask('POST', `/apis/${apiVersion}/selfsubjectreviews`, review);
    if (status === 404) status = await ask('GET', '/api');
    world.debug(`the API server answers ${status}`);
    return status === 401;
  } catch (error) {
    world.debug(`the API server does not answer: ${String(error)}`);
    return false;
  }
}

function requestStatus(url: string, body: string, options: https.RequestOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = https.request(url, options, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', reject);
    request.end(body);
  });
}

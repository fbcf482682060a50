import type { KubeConfig } from '@kubernetes/client-node';
import { certificatePem, privateKeyPem } from '../../credential/client-credential.js';
import { resolveEndpoint } from '../../endpoint.js';
import { issueCredential, listClusters } from '../../ens/actions.js';
import { callEns, identityWords, openClient } from '../../ens/client.js';
import { EckError, messageOf, printable } from '../../errors.js';
import { ok, skipped, warning, type Check } from './facts.js';

/** There is an Alibaba Cloud identity. */
export const identity: Check = async (facts, world) => {
  facts.client = await openClient(facts.settings, world);
  return ok(identityWords(facts.client));
};

const inConsole = 'Look at the cluster in the ENS console';

/** ENS is reached, accepts the identity, and issues the cluster's credential. */
export const ens: Check = async (facts, world) => {
  const { client, clusterId } = facts;
  if (client === undefined) return skipped('needs identity');
  const { host } = resolveEndpoint(client.endpoint);
  if (clusterId === undefined) {
    await listClusters(client, {}, world);
    return ok(`${host} lists clusters`);
  }
  facts.issued = await issueCredential(client, { clusterId, privateIp: false }, world);
  const call = { action: 'DescribeClusterDetail', query: { ClusterId: clusterId }, clusterId };
  // Nothing else needs this permission.
  const answer = await callEns(client, call, world).catch(() => undefined);
  const state = answer?.['State'] ?? 'running';
  if (state === 'running') return ok(`${host} issues credentials of ${clusterId}`);
  return warning(`the state of ${clusterId} is ${printable(JSON.stringify(state), 40)}`, inConsole);
};

const longestMs = 15_000;

/** The context's API server is reached and accepts the credential that kubectl would get. */
export const apiServer: Check = async (facts, world) => {
  const { cluster, credential: chosen, settings, setUpCommand } = facts;
  if (cluster === undefined) return skipped('needs context');
  if (chosen === undefined) return skipped('needs credential');
  const { host } = new URL(cluster.server);
  const { proxyFor } = await import('../../ens/proxy.js');
  if (cluster.proxyUrl !== undefined || proxyFor(new URL(cluster.server), world.environment) !== undefined) {
    return skipped(`${host} is behind a proxy`, 'kubectl get --raw /version');
  }
  const { KubeConfig } = await import('@kubernetes/client-node');
  const base64 = (pem: string): string => Buffer.from(pem, 'latin1').toString('base64');
  const certData = base64(certificatePem(chosen.credential));
  const keyData = base64(privateKeyPem(chosen.credential));
  const config = new KubeConfig();
  config.loadFromClusterAndUser(cluster, { name: 'user', certData, keyData });
  const signal = AbortSignal.timeout(Math.min(settings.timeoutMs, longestMs));
  const name = chosen.isCached ? 'the cached credential' : 'a credential that ENS issued just now';
  try {
    return ok(`${host} accepts ${name} as ${await whoAmI(config, signal)}`);
  } catch (error) {
    const code = signal.aborted ? 'no response in time' : (error as { readonly code?: unknown }).code;
    // Kubernetes before 1.28 cannot say who the user is.
    if (code === 404) return ok(`${host} does not reject ${name} (HTTP 404)`);
    // Every known user may ask, so this is what an API server without client certificates responds.
    if (code === 403) return warning(`${host} does not tell whether it accepts ${name} (HTTP 403)`, inConsole);
    if (code === 401) {
      const fix = chosen.isCached ? setUpCommand() : inConsole;
      throw new EckError('api-server-unauthenticated', `${host} does not accept ${name}`, { fix });
    }
    if (typeof code !== 'string') {
      const message = `${host} does not respond as an API server: ${messageOf(error).slice(0, 100)}`;
      throw new EckError('api-server-answer-invalid', message, { fix: inConsole });
    }
    if (/CERT|ALTNAME|SIGNATURE|ISSUER/.test(code)) {
      const message = `the context does not trust the certificate of ${host} (${code})`;
      throw new EckError('api-server-untrusted', message, { fix: setUpCommand() });
    }
    const fix = `Check the network, or get the address again (--private-ip for the private one): ${setUpCommand()}`;
    throw new EckError('api-server-unreachable', `${host} cannot be reached (${code})`, { fix });
  }
};

/** The user that the API server sees. @throws whatever the client library throws */
async function whoAmI(config: KubeConfig, signal: AbortSignal): Promise<string> {
  const { AuthenticationV1Api, V1SelfSubjectReview } = await import('@kubernetes/client-node');
  // Bun has rules of its own for a proxy, and neither runtime may stop verifying certificates.
  Object.assign(process.env, { NO_PROXY: '*', no_proxy: '*', NODE_TLS_REJECT_UNAUTHORIZED: '1' });
  const authenticate = config.applySecurityAuthentication.bind(config);
  config.applySecurityAuthentication = async (request) => {
    await authenticate(request);
    request.setSignal(signal);
  };
  const api = config.makeApiClient(AuthenticationV1Api);
  const { status } = await api.createSelfSubjectReview({ body: new V1SelfSubjectReview() });
  const user = status?.userInfo;
  return printable(`user ${user?.username} (${user?.groups?.join(', ')})`);
}

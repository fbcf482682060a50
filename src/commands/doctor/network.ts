import type { Cluster, KubeConfig } from '@kubernetes/client-node';
import { certificatePem, privateKeyPem } from '../../credential/client-credential.js';
import { resolveEndpoint } from '../../endpoint.js';
import { issueCredential } from '../../ens/actions.js';
import { callEns, openClient } from '../../ens/client.js';
import { proxyFor, proxyName } from '../../ens/proxy.js';
import { EckError, messageOf, printable, type ErrorCode } from '../../errors.js';
import { ok, skipped, warning, type Check, type Facts } from './facts.js';

/** There is an Alibaba Cloud identity. */
export const identity: Check = async (facts, world) => {
  facts.client = await openClient(facts.settings, world);
  return ok(facts.client.signer.description);
};

/** Errors of every call. After another one, ENS was reached and accepted the identity. */
const generalErrors: readonly ErrorCode[] = [
  'ens-unauthenticated',
  'ens-clock-skew',
  'ens-throttled',
  'ens-unavailable',
  'proxy-refused',
  'network-untrusted',
];

/** ENS is reached and accepts the identity, and this machine's clock is right. */
export const ens: Check = async (facts, world) => {
  const { client, clusterId } = facts;
  if (client === undefined) return skipped('needs identity');
  let aheadMs = 0;
  const onDate = (date: Date): void => {
    aheadMs = world.now().getTime() - date.getTime();
  };
  const startedMs = performance.now();
  try {
    // Of one cluster if there is one: a long list takes long.
    const query = clusterId === undefined ? {} : { ClusterId: clusterId };
    await callEns(client, { action: 'DescribeClustersV1', query }, world, { onDate });
  } catch (error) {
    if (!(error instanceof EckError)) throw error;
    facts.listError = error;
    if (generalErrors.includes(error.code)) {
      facts.client = undefined;
      throw error;
    }
  }
  const { protocol, host } = resolveEndpoint(client.endpoint);
  const proxy = proxyFor(new URL(`${protocol}://${host}`), world.environment);
  const through = proxy === undefined ? '' : ` through the proxy ${proxyName(proxy)}`;
  const detail = `${host} answers in ${Math.round(performance.now() - startedMs)} ms${through}`;
  const minutes = Math.round(Math.abs(aheadMs) / 60_000);
  if (minutes === 0) return ok(detail);
  const apart = `${minutes} min ${aheadMs > 0 ? 'ahead of' : 'behind'} ENS, which accepts up to 15 min`;
  return warning(`${detail}; this machine's clock is ${apart}`, "Set this machine's clock");
};

const inConsole = 'Look at the cluster in the ENS console';

/** The identity may fetch the cluster's credential. Without the right to list, only names of clusters are missing. */
export const permissions: Check = async (facts, world) => {
  const { client, clusterId, listError } = facts;
  if (client === undefined) return skipped('needs ens');
  if (clusterId !== undefined) {
    try {
      facts.issued = await issueCredential(client, { clusterId, privateIp: false }, world);
    } catch (error) {
      facts.isUnknown = error instanceof EckError && error.code === 'ens-cluster-not-found';
      throw error;
    }
    const call = { action: 'DescribeClusterDetail', query: { ClusterId: clusterId }, clusterId };
    // Nothing else needs this permission.
    const answer = await callEns(client, call, world).catch(() => undefined);
    const state = answer?.['State'] ?? 'running';
    if (state !== 'running') {
      return warning(`the state of ${clusterId} is ${printable(JSON.stringify(state), 40)}`, inConsole);
    }
  }
  if (listError !== undefined) {
    const { message, fix, code } = listError;
    return warning(`clusters have to be given by id: ${message}`, fix, code);
  }
  return ok(clusterId === undefined ? 'may list clusters' : `may fetch credentials of ${clusterId}`);
};

const longestMs = 15_000;

/** The context's API server is reached and accepts the credential that kubectl would get. */
export const apiServer: Check = async (facts, world) => {
  const { cluster, credential: chosen, settings } = facts;
  if (cluster === undefined) return skipped('needs context');
  if (chosen === undefined) return skipped('needs credential');
  const { host } = new URL(cluster.server);
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
    const code = signal.aborted ? 'no response in time' : codeOf(error);
    if (code === 403) {
      const fix = 'Bind the role system:basic-user to system:authenticated';
      const detail = `${host} does not say whether it accepts ${name}`;
      return warning(detail, fix, 'api-server-not-allowed');
    }
    if (code === 401) {
      const fix = chosen.isCached ? facts.setUpCommand() : inConsole;
      throw new EckError('api-server-unauthenticated', `${host} does not accept ${name}`, { fix });
    }
    if (typeof code === 'string') throw connectionError(cluster, code, facts);
    const message = `${host} does not respond as an API server: ${messageOf(error).slice(0, 100)}`;
    throw new EckError('api-server-answer-invalid', message, { fix: inConsole });
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
  try {
    const api = config.makeApiClient(AuthenticationV1Api);
    const { status } = await api.createSelfSubjectReview({ body: new V1SelfSubjectReview() });
    const groups = status?.userInfo?.groups ?? [];
    return `user ${printable(status?.userInfo?.username ?? '')} (${printable(groups.join(', '))})`;
  } catch (error) {
    if (codeOf(error) === 404) return 'a user that it does not name (Kubernetes before 1.28)';
    throw error;
  }
}

/** The HTTP status of a response, or the code of a failed connection. */
function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown }).code;
}

function connectionError({ server }: Cluster, code: string, { setUpCommand }: Facts): EckError {
  const { host, hostname } = new URL(server);
  if (/CERT|ALTNAME|SIGNATURE|ISSUER/.test(code)) {
    const message = `the context does not trust the certificate of ${host} (${code})`;
    return new EckError('api-server-untrusted', message, { fix: setUpCommand() });
  }
  const fix = isPrivateAddress(hostname)
    ? `Outside the cluster network, use the public address: ${setUpCommand()}`
    : `Check the network and the firewall. In the cluster network: ${setUpCommand({ 'private-ip': true })}`;
  return new EckError('api-server-unreachable', `${host} cannot be reached (${code})`, { fix });
}

/** Whether a URL's host is an address of a private network (RFC 1918, RFC 6598, RFC 4193). */
export function isPrivateAddress(hostname: string): boolean {
  const ipv4 = /^(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\.[\d.]+$/;
  return ipv4.test(hostname) || /^\[f[cd]/.test(hostname);
}

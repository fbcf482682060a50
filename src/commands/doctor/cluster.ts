import type { Cluster, KubeConfig } from '@kubernetes/client-node';
import { isIP } from 'node:net';
import { dirname } from 'node:path';
import { cacheKeyText } from '../../credential/cache-key.js';
import { certificateSubject, readCertificates } from '../../credential/check.js';
import { certificatePem, privateKeyPem } from '../../credential/client-credential.js';
import { freshness } from '../../credential/freshness.js';
import { issueCredential } from '../../ens/actions.js';
import { proxyFor } from '../../ens/proxy.js';
import { EckError, messageOf, printable } from '../../errors.js';
import { readCachedCredential } from '../../exec-credential/cache.js';
import { execApiVersions } from '../../exec-credential/protocol.js';
import { cacheKeyOf } from '../../exec-credential/resolve-identity.js';
import { type UserContext } from '../../kubeconfig/read.js';
import { isMapping } from '../../mapping.js';
import { openStore } from '../../store/open.js';
import type { World } from '../../world.js';
import type { Check, Facts } from './facts.js';

/** The user kubeconfig has a context for the cluster, as `get-credentials` would write it now. */
export const context: Check = {
  name: 'context',
  async run(facts, world) {
    const { clusterId, context: found } = facts;
    const fix = facts.setUpCommand();
    if (facts.kubeconfigError !== undefined) throw facts.kubeconfigError;
    if (found === undefined) {
      if (clusterId === undefined) return { status: 'skipped', detail: 'there is no current context', fix };
      if (facts.isUnknown === true) return { status: 'skipped', detail: 'the cluster does not exist' };
      throw new EckError('context-not-found', `the kubeconfig has no context for ${clusterId}`, { fix });
    }
    const name = printable(found.name);
    if (clusterId === undefined && !found.isOwn) {
      return {
        status: 'skipped',
        detail: `${name}, the current context, is for another kind of cluster`,
        fix,
      };
    }
    checkExecEntry(facts, found);
    const cluster = await readCluster(facts, found);
    facts.cluster = cluster;
    const difference = await differenceFromIssued(cluster, facts, world);
    if (difference !== undefined) return { status: 'warning', detail: `context ${name} ${difference}`, fix };
    const current = facts.isCurrent ? 'the current context' : 'not the current context';
    return { status: 'ok', detail: `${name}, ${current}, in ${printable(found.file)}` };
  },
};

function unusable(facts: Facts, { name, isOwn }: UserContext, problem: string): EckError {
  // The entry of another program is replaced only on request.
  const fix = facts.setUpCommand(isOwn ? {} : { overwrite: true });
  return new EckError('context-unusable', `context ${printable(name)} ${problem}`, { fix });
}

/** @throws EckError `context-unusable` */
function checkExecEntry(facts: Facts, found: UserContext): void {
  const exec = found.user['exec'];
  if (!found.isOwn || !isMapping(exec)) throw unusable(facts, found, 'was written by another program');
  const { apiVersion, interactiveMode } = exec as Record<string, unknown>;
  if (!execApiVersions.some((known) => known === apiVersion)) {
    throw unusable(facts, found, 'has an exec entry of an unknown version');
  }
  if (apiVersion === 'client.authentication.k8s.io/v1' && typeof interactiveMode !== 'string') {
    throw unusable(facts, found, 'has an exec entry without interactiveMode, which kubectl refuses');
  }
  if (facts.exec === undefined) throw unusable(facts, found, 'has an exec entry with invalid args');
}

/** Reads the cluster entry of a context, with its CA as data. @throws EckError `context-unusable` */
async function readCluster(facts: Facts, found: UserContext): Promise<Cluster> {
  const { bufferFromFileOrString, KubeConfig } = await import('@kubernetes/client-node');
  try {
    const config = new KubeConfig();
    config.loadFromString(JSON.stringify({ clusters: [{ name: 'cluster', cluster: found.cluster }] }));
    config.makePathsAbsolute(dirname(found.clusterFile ?? ''));
    const [cluster] = config.clusters as [Cluster];
    new URL(cluster.server);
    const { caFile, caData, ...others } = cluster;
    return { ...others, caData: bufferFromFileOrString(caFile, caData)?.toString('base64') ?? '' };
  } catch (error) {
    throw unusable(facts, found, `has an invalid cluster entry: ${messageOf(error)}`);
  }
}

/** How a cluster entry differs from what ENS issues now, in words that complete "the context …". */
async function differenceFromIssued(
  { server, caData = '', tlsServerName }: Cluster,
  { issued, client, clusterId }: Facts,
  world: World,
): Promise<string | undefined> {
  if (issued === undefined || client === undefined || clusterId === undefined) return undefined;
  const caPem = Buffer.from(caData, 'base64').toString('latin1');
  const trustsTheSame = fingerprints(caPem) === fingerprints(issued.cluster.certificateAuthorityPem);
  if (!trustsTheSame || tlsServerName !== issued.cluster.tlsServerName) {
    return 'trusts another certificate authority or server name than ENS issues now';
  }
  const { host } = new URL(server);
  const issuedHost = new URL(issued.cluster.server).host;
  if (host === issuedHost) return undefined;
  const privately = await issueCredential(client, { clusterId, privateIp: true }, world);
  return host === new URL(privately.cluster.server).host
    ? undefined
    : `is for ${host}, but ENS issues ${issuedHost}`;
}

/** The certificates of a bundle, in any order. */
function fingerprints(pem: string): string {
  try {
    const certificates = readCertificates(pem);
    return certificates
      .map(({ fingerprint256 }) => fingerprint256)
      .sort()
      .join();
  } catch {
    return '';
  }
}

/** A credential is cached for the cluster, and would be served. */
export const credential: Check = {
  name: 'credential',
  async run(facts, world) {
    const { clusterId, settings, store, issued } = facts;
    if (issued !== undefined) facts.credential = { credential: issued.credential, isCached: false };
    if (clusterId === undefined) return { status: 'skipped', detail: 'there is no cluster' };
    if (store === undefined) return { status: 'skipped', detail: 'needs store' };
    const key = cacheKeyText(await cacheKeyOf(clusterId, settings, world));
    const cached = await readCachedCredential(openStore(store, world), key);
    const fix = facts.setUpCommand();
    if (cached === undefined) {
      const status = issued === undefined ? 'skipped' : 'warning';
      return { status, detail: 'no credential is cached', fix };
    }
    const [fetchedAt, notAfter] = [cached.fetchedAt, cached.notAfter].map(
      (date) => `${date.toISOString().slice(0, 16).replace('T', ' ')}Z`,
    );
    const detail = `${certificateSubject(cached)}; fetched ${fetchedAt ?? ''}, expires ${notAfter ?? ''}`;
    const verdict = freshness(cached, settings, world.now());
    if (verdict === 'fetch') return { status: 'warning', detail: `${detail}: it has expired`, fix };
    if (verdict === 'serve' || issued === undefined)
      facts.credential = { credential: cached, isCached: true };
    return {
      status: 'ok',
      detail: verdict === 'serve' ? detail : `${detail}; the next kubectl command renews it`,
    };
  },
};

const longestMs = 15_000;
const inConsole = 'Look at the cluster in the ENS console';

/** The context's API server is reached and accepts the credential that kubectl would get. */
export const apiServer: Check = {
  name: 'api-server',
  async run(facts, world) {
    const { cluster, credential: chosen, settings } = facts;
    if (cluster === undefined) return { status: 'skipped', detail: 'needs context' };
    if (chosen === undefined) return { status: 'skipped', detail: 'needs credential' };
    const server = new URL(cluster.server);
    const { host } = server;
    if (cluster.proxyUrl !== undefined || proxyFor(server, world.environment) !== undefined) {
      return { status: 'skipped', detail: `${host} is behind a proxy`, fix: 'kubectl get --raw /version' };
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
      return { status: 'ok', detail: `${host} accepts ${name} as ${await whoAmI(config, signal)}` };
    } catch (error) {
      const code = signal.aborted ? 'no response in time' : codeOf(error);
      if (code === 403) {
        const fix = 'Bind the role system:basic-user to system:authenticated';
        const detail = `${host} does not say whether it accepts ${name}`;
        return { status: 'warning', detail, fix, code: 'api-server-not-allowed' };
      }
      if (code === 401) {
        const fix = chosen.isCached ? facts.setUpCommand() : inConsole;
        throw new EckError('api-server-unauthenticated', `${host} does not accept ${name}`, { fix });
      }
      if (typeof code === 'string') throw connectionError(cluster, code, facts);
      const message = `${host} does not respond as an API server: ${messageOf(error).slice(0, 100)}`;
      throw new EckError('api-server-answer-invalid', message, { fix: inConsole });
    }
  },
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
  return error instanceof Error ? (error as { readonly code?: unknown }).code : undefined;
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
export function isPrivateAddress(host: string): boolean {
  const address = host.replace(/^\[|\]$/g, '');
  const networks =
    /^(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\.|^f[cd]/;
  return isIP(address) !== 0 && networks.test(address);
}

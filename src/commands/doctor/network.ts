import { resolveEndpoint } from '../../endpoint.js';
import { issueCredential, listClusters } from '../../ens/actions.js';
import { askWhoAmI } from '../../ens/api-server.js';
import { callEns, openClient } from '../../ens/client.js';
import { proxyFor } from '../../ens/proxy.js';
import { identityWords } from '../../ens/sign-in.js';
import { EckError, printable, textOf } from '../../errors.js';
import { ok, skipped, warning, type Check } from './facts.js';

/** There is an Alibaba Cloud identity. */
export const identity: Check = async (facts, world) => {
  facts.client = await openClient(facts.settings, world);
  return ok(identityWords(facts.client.signer));
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
export const apiServer: Check = async ({ cluster, context, credential: chosen, settings, setUpCommand }, world) => {
  if (cluster === undefined) return skipped('needs context');
  if (chosen === undefined) return skipped('needs credential');
  const { host } = new URL(cluster.server);
  const byHand = 'kubectl get --raw /version';
  const hasProxy = textOf(context?.cluster?.['proxy-url']) ?? proxyFor(new URL(cluster.server), world.environment);
  if (hasProxy !== undefined) return skipped(`${host} is behind a proxy`, byHand);
  if (context?.cluster?.['insecure-skip-tls-verify'] === true) return skipped(`${host} is not verified`, byHand);
  const limitMs = Math.min(settings.timeoutMs, longestMs);
  const { status = 0, answer, failure } = await askWhoAmI(cluster, chosen.credential, world, limitMs);
  const name = chosen.isCached ? 'the cached credential' : 'a credential that ENS issued just now';
  if (status === 401) {
    const fix = chosen.isCached ? setUpCommand() : inConsole;
    throw new EckError('api-server-unauthenticated', `${host} does not accept ${name}`, { fix });
  }
  // Every known user may ask, so this is what an API server without client certificates responds.
  if (status === 403) return warning(`${host} does not say whether it accepts ${name} (HTTP 403)`, inConsole);
  if (failure?.kind === 'untrusted') {
    const message = `the context does not trust the certificate of ${failure.reason}`;
    throw new EckError('api-server-untrusted', message, { fix: setUpCommand() });
  }
  if (failure !== undefined) {
    const fix = `Check the network, or get the address again (--private-ip for the private one): ${setUpCommand()}`;
    throw new EckError('api-server-unreachable', `${host} cannot be reached: ${failure.reason}`, { fix });
  }
  const { kind, status: found } = (answer ?? {}) as Review;
  // Kubernetes before 1.28 cannot say who the user is.
  if (kind === 'APIVersions') return ok(`${host} does not reject ${name} (HTTP ${status})`);
  const { username, groups } = found?.userInfo ?? {};
  if (typeof username === 'string') {
    return ok(printable(`${host} accepts ${name} as user ${username} (${[groups].flat().join(', ')})`));
  }
  const message = `${host} does not respond as an API server (HTTP ${status})`;
  throw new EckError('api-server-answer-invalid', message, { fix: inConsole });
};

/** A SelfSubjectReview, if it is one. */
interface Review {
  readonly kind?: unknown;
  readonly status?: { readonly userInfo?: { readonly username?: unknown; readonly groups?: unknown } };
}

import { resolveEndpoint } from '../../endpoint.js';
import { issueCredential } from '../../ens/actions.js';
import { callEns, openClient } from '../../ens/client.js';
import { proxyFor, proxyName } from '../../ens/proxy.js';
import { EckError, printable, type ErrorCode } from '../../errors.js';
import type { Check } from './facts.js';

/** There is an Alibaba Cloud identity. */
export const identity: Check = {
  name: 'identity',
  async run(facts, world) {
    facts.client = await openClient(facts.settings, world);
    return { status: 'ok', detail: facts.client.signer.description };
  },
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
export const ens: Check = {
  name: 'ens',
  async run(facts, world) {
    const { client, clusterId } = facts;
    if (client === undefined) return { status: 'skipped', detail: 'needs identity' };
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
    if (minutes === 0) return { status: 'ok', detail };
    const apart = `${minutes} min ${aheadMs > 0 ? 'ahead of' : 'behind'} ENS, which accepts up to 15 min`;
    const fix = "Set this machine's clock";
    return { status: 'warning', detail: `${detail}; this machine's clock is ${apart}`, fix };
  },
};

/** The identity may fetch the cluster's credential. Without the right to list, only names of clusters are missing. */
export const permissions: Check = {
  name: 'permissions',
  async run(facts, world) {
    const { client, clusterId, listError } = facts;
    if (client === undefined) return { status: 'skipped', detail: 'needs ens' };
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
        const detail = `the state of ${clusterId} is ${printable(JSON.stringify(state), 40)}`;
        return { status: 'warning', detail, fix: 'Look at the cluster in the ENS console' };
      }
    }
    if (listError !== undefined) {
      const { message, fix, code } = listError;
      return { status: 'warning', detail: `clusters have to be given by id: ${message}`, fix, code };
    }
    const detail = clusterId === undefined ? 'may list clusters' : `may fetch credentials of ${clusterId}`;
    return { status: 'ok', detail };
  },
};

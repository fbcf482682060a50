import { createHash } from 'node:crypto';
import type { IssuedCertificate } from './certificate-authority.js';
import type { EnsAction, EnsCluster, EnsIdentity } from './ens-account.js';
import type { EnsErrorCode } from './ens-errors.js';
import { issuedConfig, type Issuing } from './issued-kubeconfig.js';
import { noteKey } from './journal.js';

/** What an action answers, or the code that it refuses with. */
export type EnsAnswer =
  { readonly fields: Readonly<Record<string, unknown>> } | { readonly refusal: EnsErrorCode };

/** What an answer depends on besides the action and its parameters. */
export interface AnswerContext {
  readonly identity: EnsIdentity;
  readonly issuing: Issuing;
  readonly now: Date;
}

/** A client certificate that was handed out, and to whom. */
export interface IssuedCredential extends IssuedCertificate {
  readonly clusterId: string;
  readonly accessKeyId: string;
}

type Params = ReadonlyMap<string, string>;

const backdatingMs = 5 * 60_000;
const lifetimeMs = 3 * 365 * 24 * 60 * 60_000;

/** The clusters that the API knows, its answers about them, and every credential that it gave away in doing so. */
export class EnsClusters {
  readonly #clusters = new Map<string, EnsCluster>();
  readonly #issued: IssuedCredential[] = [];
  /** The administrator's credential in a cluster's description, by cluster id. */
  readonly #described = new Map<string, Promise<IssuedCertificate>>();
  readonly #issuedKeys: string[] = [];

  put(cluster: EnsCluster): void {
    this.#clusters.set(cluster.clusterId, cluster);
    this.#described.delete(cluster.clusterId);
  }

  remove(clusterId: string): void {
    this.#clusters.delete(clusterId);
  }

  /** What DescribeClusterUserKubeconfig handed out, in order. */
  get issued(): readonly IssuedCredential[] {
    return this.#issued;
  }

  /** Every private key that an answer held, as PEM. */
  get issuedKeys(): readonly string[] {
    return this.#issuedKeys;
  }

  get joinTokens(): readonly string[] {
    return [...this.#clusters.keys()].map(joinToken);
  }

  /** Answers an action for an identity that may call it. */
  answer(action: EnsAction, params: Params, context: AnswerContext): Promise<EnsAnswer> {
    switch (action) {
      case 'DescribeClusterUserKubeconfig':
        return this.#userKubeconfig(params, context);
      case 'DescribeClustersV1':
        return this.#list(params, context);
      case 'DescribeClusterDetail':
        return this.#detail(params, context);
    }
  }

  async #userKubeconfig(params: Params, context: AnswerContext): Promise<EnsAnswer> {
    const cluster = this.#clusterOf(params);
    if ('refusal' in cluster) return cluster;
    const privateIpAddress = params.get('PrivateIpAddress') ?? 'false';
    if (!['true', 'false'].includes(privateIpAddress))
      return { refusal: 'InvalidParameter.PrivateIpAddress' };

    const { identity, issuing, now } = context;
    const certificate = await this.#issue(cluster, identity, issuing, now);
    this.#issued.push({
      ...certificate,
      clusterId: cluster.clusterId,
      accessKeyId: identity.accessKeyId,
    });
    const server = privateIpAddress === 'true' ? (cluster.privateServer ?? cluster.server) : cluster.server;
    return { fields: { Config: issuedConfig(cluster, server, certificate, issuing) } };
  }

  async #list(params: Params, { now }: AnswerContext): Promise<EnsAnswer> {
    const matching = [...this.#clusters.values()]
      .map(withDefaults)
      .filter(
        (cluster) =>
          [undefined, cluster.clusterId].includes(params.get('ClusterId')) &&
          [undefined, cluster.name].includes(params.get('Name')) &&
          [undefined, cluster.region].includes(params.get('EnsRegionId')),
      );
    const described = matching.map((cluster) => this.#describe(cluster, 'json', now));
    return { fields: { Clusters: await Promise.all(described) } };
  }

  async #detail(params: Params, { now }: AnswerContext): Promise<EnsAnswer> {
    const found = this.#clusterOf(params);
    if ('refusal' in found) return found;
    const cluster = withDefaults(found);
    return { fields: { ...(await this.#describe(cluster, 'yaml', now)), State: cluster.state } };
  }

  #clusterOf(params: Params): EnsCluster | { readonly refusal: EnsErrorCode } {
    const clusterId = params.get('ClusterId');
    if (clusterId === undefined || clusterId === '') return { refusal: 'MissingClusterId' };
    return this.#clusters.get(clusterId) ?? { refusal: 'InvalidClusterId.NotFound' };
  }

  /** A cluster in the API's words, with the two secrets that a description holds. */
  async #describe(
    cluster: Required<EnsCluster>,
    form: 'yaml' | 'json',
    now: Date,
  ): Promise<Record<string, unknown>> {
    const certificate = await this.#describedCertificate(cluster, now);
    return {
      AliUid: '1574790082031102',
      ClusterId: cluster.clusterId,
      Name: cluster.name,
      EnsRegionId: cluster.region,
      KubernetesVersion: cluster.kubernetesVersion,
      PublicAccess: cluster.publicAccess,
      VpcId: 'n-5snthcyu1x10g7tywj7i',
      LoadBalancerId: 'lb-5snthcyu1x10g7tywj7i',
      ContainerCidr: '172.20.0.0/16',
      ServiceCidr: '172.19.0.0/20',
      VswitchIds: ['vsw-5snthcyu1x10g7tywj7i'],
      PodVswitchIds: ['vsw-5snthcyu1x10g7tywj7j'],
      ControlPlaneConfig: { InstanceSpec: 'ens.sn1.large', Size: 3 },
      Config: issuedConfig(cluster, cluster.server, certificate, { form }),
      JoinToken: joinToken(cluster.clusterId),
    };
  }

  /** Issued at a cluster's first description, and the same one in all later ones. */
  #describedCertificate(cluster: EnsCluster, now: Date): Promise<IssuedCertificate> {
    const { clusterId } = cluster;
    const certificate =
      this.#described.get(clusterId) ?? this.#issue(cluster, { name: 'kubernetes-admin' }, {}, now);
    this.#described.set(clusterId, certificate);
    return certificate;
  }

  async #issue(
    cluster: EnsCluster,
    holder: Pick<EnsIdentity, 'name' | 'groups'>,
    issuing: Issuing,
    now: Date,
  ): Promise<IssuedCertificate> {
    const certificate = await cluster.authority.issue({
      commonName: holder.name,
      organizations: holder.groups ?? ['system:masters'],
      key: issuing.key ?? 'p-256',
      encoding: issuing.encoding ?? 'pkcs8',
      chainLength: issuing.chainLength ?? 1,
      notBefore: new Date(now.getTime() - (issuing.backdatingMs ?? backdatingMs)),
      notAfter: new Date(now.getTime() + (issuing.lifetimeMs ?? lifetimeMs)),
    });
    this.#issuedKeys.push(certificate.privateKeyPem);
    noteKey(certificate.privateKeyPem);
    return certificate;
  }
}

function withDefaults(cluster: EnsCluster): Required<EnsCluster> {
  return {
    privateServer: cluster.server,
    name: cluster.clusterId,
    region: 'cn-hangzhou-58',
    kubernetesVersion: '1.31.9-aliyunedge.1',
    publicAccess: true,
    state: 'running',
    ...cluster,
  };
}

/** In the form of a bootstrap token, and the same one for a cluster every time. */
function joinToken(clusterId: string): string {
  const hex = createHash('sha256').update(`join ${clusterId}`).digest('hex');
  return `${hex.slice(0, 6)}.${hex.slice(6, 22)}`;
}

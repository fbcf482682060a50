import { createHash } from 'node:crypto';
import type { SigningIdentity } from './acs3.js';
import type { CertificateAuthority, IssuedCertificate } from './certificate-authority.js';
import type { EnsErrorCode } from './ens-errors.js';
import { issuedConfig, type Issuing } from './issued-kubeconfig.js';
import { noteKey } from './journal.js';

export const ensActions = ['DescribeClusterUserKubeconfig', 'DescribeClustersV1', 'DescribeClusterDetail'] as const;
export type EnsAction = (typeof ensActions)[number];

export interface EnsIdentity extends SigningIdentity {
  /** The common name of its client certificates. */
  readonly name: string;
  /** What RAM allows, by default every action. */
  readonly allowedActions?: readonly EnsAction[];
}

/** A cluster of the account. Optional fields have a default. */
export interface EnsCluster {
  readonly clusterId: string;
  /** Signs the client certificates. */
  readonly authority: CertificateAuthority;
  /** Signs the certificate of the API server, by default as `authority`. */
  readonly serverAuthority?: CertificateAuthority;
  readonly server: string;
  /** The URL for `PrivateIpAddress=true`, by default the same. */
  readonly privateServer?: string;
  readonly name?: string;
  readonly region?: string;
  readonly kubernetesVersion?: string;
  readonly publicAccess?: boolean;
  readonly state?: string;
}

/** A client certificate in an answer of DescribeClusterUserKubeconfig. */
export interface IssuedCredential extends IssuedCertificate {
  readonly clusterId: string;
  readonly accessKeyId: string;
}

export type EnsAnswer = { readonly fields: Readonly<Record<string, unknown>> } | { readonly refusal: EnsErrorCode };

const minuteMs = 60_000;

/** The clusters of an account, and the answers about them. */
export class EnsAccount {
  /** How far the server's clock is ahead of this machine's. */
  clockOffsetMs = 0;
  /** How kubeconfigs are issued from now on. */
  issuing: Issuing = {};
  /** The client certificates that DescribeClusterUserKubeconfig issued, in order. */
  readonly issued: IssuedCredential[] = [];
  /** Every private key in an answer, listings included, as PEM. */
  readonly issuedKeys: string[] = [];
  readonly #clusters = new Map<string, Required<EnsCluster>>();
  /** The administrator's certificate in a cluster's description: the same one in each. */
  readonly #described = new WeakMap<EnsCluster, Promise<IssuedCertificate>>();

  /** Adds a cluster, or replaces the one with the same id. */
  putCluster(cluster: EnsCluster): void {
    this.#clusters.set(cluster.clusterId, {
      serverAuthority: cluster.authority,
      privateServer: cluster.server,
      name: cluster.clusterId,
      region: 'cn-hangzhou-58',
      kubernetesVersion: '1.31.9-aliyunedge.1',
      publicAccess: true,
      state: 'running',
      ...cluster,
    });
  }

  removeCluster(clusterId: string): void {
    this.#clusters.delete(clusterId);
  }

  /** The secrets in listings besides `Config`. */
  get joinTokens(): readonly string[] {
    return [...this.#clusters.keys()].map(joinToken);
  }

  protected now(): Date {
    return new Date(Date.now() + this.clockOffsetMs);
  }

  protected async answer(
    action: EnsAction,
    params: ReadonlyMap<string, string>,
    { name: commonName, accessKeyId }: EnsIdentity,
  ): Promise<EnsAnswer> {
    const clusterId = params.get('ClusterId');
    if (action === 'DescribeClustersV1') {
      const isWanted = ({ clusterId: id, name, region }: Required<EnsCluster>): boolean =>
        (clusterId ?? id) === id &&
        (params.get('Name') ?? name) === name &&
        (params.get('EnsRegionId') ?? region) === region;
      const found = [...this.#clusters.values()].filter(isWanted);
      return { fields: { Clusters: await Promise.all(found.map((one) => this.#describe(one, 'json'))) } };
    }
    if (clusterId === undefined || clusterId === '') return { refusal: 'MissingClusterId' };
    const cluster = this.#clusters.get(clusterId);
    if (cluster === undefined) return { refusal: 'InvalidClusterId.NotFound' };
    if (action === 'DescribeClusterDetail') {
      return { fields: { ...(await this.#describe(cluster, 'yaml')), State: cluster.state } };
    }
    const isPrivate = params.get('PrivateIpAddress') ?? 'false';
    if (!['true', 'false'].includes(isPrivate)) return { refusal: 'InvalidParameter.PrivateIpAddress' };
    const { issuing } = this;
    const certificate = await this.#issue(cluster, commonName, issuing);
    this.issued.push({ ...certificate, clusterId, accessKeyId });
    const server = isPrivate === 'true' ? cluster.privateServer : cluster.server;
    return { fields: { Config: issuedConfig(cluster, server, certificate, issuing) } };
  }

  /** A cluster in the API's words, with its two secrets. */
  async #describe(cluster: Required<EnsCluster>, form: 'yaml' | 'json'): Promise<Record<string, unknown>> {
    const certificate = this.#described.get(cluster) ?? this.#issue(cluster, 'kubernetes-admin', {});
    this.#described.set(cluster, certificate);
    return {
      ClusterId: cluster.clusterId,
      Name: cluster.name,
      EnsRegionId: cluster.region,
      KubernetesVersion: cluster.kubernetesVersion,
      PublicAccess: cluster.publicAccess,
      Config: issuedConfig(cluster, cluster.server, await certificate, { form }),
      JoinToken: joinToken(cluster.clusterId),
    };
  }

  async #issue(
    { authority }: EnsCluster,
    commonName: string,
    { lifetimeMs = 3 * 365 * 24 * 60 * minuteMs, backdatingMs = 5 * minuteMs, ...issuing }: Issuing,
  ): Promise<IssuedCertificate> {
    const now = this.now().getTime();
    const certificate = await authority.issue({
      organizations: ['system:masters'],
      ...issuing,
      commonName,
      notBefore: new Date(now - backdatingMs),
      notAfter: new Date(now + lifetimeMs),
    });
    this.issuedKeys.push(certificate.privateKeyPem);
    noteKey(certificate.privateKeyPem);
    return certificate;
  }
}

/** A bootstrap token, always the same for a cluster. */
function joinToken(clusterId: string): string {
  const hex = createHash('sha256').update(`join ${clusterId}`).digest('hex');
  return `${hex.slice(0, 6)}.${hex.slice(6, 22)}`;
}

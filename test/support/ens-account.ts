import type { SigningIdentity } from './acs3.js';
import type { CertificateAuthority } from './certificate-authority.js';

/** The actions that this double of the API answers. */
export const ensActions = [
  'DescribeClusterUserKubeconfig',
  'DescribeClustersV1',
  'DescribeClusterDetail',
] as const;
export type EnsAction = (typeof ensActions)[number];

/** An identity that the API knows. */
export interface EnsIdentity extends SigningIdentity {
  /** The name that its client certificates are issued to. */
  readonly name: string;
  /** The groups that its client certificates name, `system:masters` by default. */
  readonly groups?: readonly string[];
  /** What RAM allows it, by default every action. */
  readonly allowedActions?: readonly EnsAction[];
}

/** A cluster that the API knows. What is left out has a default. */
export interface EnsCluster {
  readonly clusterId: string;
  /** Signs its client certificates. */
  readonly authority: CertificateAuthority;
  /** The URL of its API server. */
  readonly server: string;
  /** The URL that is handed out for `PrivateIpAddress=true`, by default the same one. */
  readonly privateServer?: string;
  readonly name?: string;
  /** `EnsRegionId`. */
  readonly region?: string;
  readonly kubernetesVersion?: string;
  readonly publicAccess?: boolean;
  readonly state?: string;
}

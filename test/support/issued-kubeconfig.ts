import { stringify } from 'yaml';
import type { CertificateRequest, IssuedCertificate } from './certificate-authority.js';
import type { EnsCluster } from './ens-account.js';

/** How kubeconfigs are issued. By default as in the API's documentation, for three years from five minutes ago, to the group `system:masters`. */
export interface Issuing extends Pick<CertificateRequest, 'key' | 'encoding' | 'chainLength' | 'organizations'> {
  readonly lifetimeMs?: number;
  readonly backdatingMs?: number;
  /** Whether `Config` is a YAML text (default) or a JSON object. */
  readonly form?: 'yaml' | 'json';
  readonly userName?: string | number;
  readonly contextName?: string;
  readonly currentContext?: string;
  /** Changes the kubeconfig before it is written in its form. */
  readonly edit?: (kubeconfig: Kubeconfig) => unknown;
}

export type Kubeconfig = ReturnType<typeof kubeconfigOf>;

/** The value of `Config` with a client certificate. */
export function issuedConfig(
  cluster: EnsCluster,
  server: string,
  certificate: IssuedCertificate,
  issuing: Issuing,
): unknown {
  const kubeconfig = kubeconfigOf(cluster, server, certificate, issuing);
  const edited = issuing.edit === undefined ? kubeconfig : issuing.edit(kubeconfig);
  return issuing.form === 'json' ? edited : stringify(edited, { lineWidth: 0 });
}

function kubeconfigOf(
  { clusterId, authority, serverAuthority = authority }: EnsCluster,
  server: string,
  { certificatePem, privateKeyPem }: IssuedCertificate,
  { userName = 'user', contextName = clusterId, currentContext = contextName }: Issuing,
) {
  const cluster = { server, 'certificate-authority-data': base64(serverAuthority.certificatePem) };
  const user = {
    'client-certificate-data': base64(certificatePem),
    'client-key-data': base64(privateKeyPem),
  };
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'kubernetes', cluster }],
    users: [{ name: userName, user }],
    contexts: [{ name: contextName, context: { cluster: 'kubernetes', user: userName } }],
    'current-context': currentContext,
    preferences: {},
  } as const;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

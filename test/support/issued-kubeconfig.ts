import { stringify } from 'yaml';
import type { CertificateRequest, IssuedCertificate } from './certificate-authority.js';
import type { EnsCluster } from './ens-account.js';

/** How kubeconfigs are issued. What is left out is as the API's documentation shows it. */
export interface Issuing extends Pick<CertificateRequest, 'key' | 'encoding' | 'chainLength'> {
  /** How long client certificates live from now on, three years by default. */
  readonly lifetimeMs?: number;
  /** How long before now their validity begins, five minutes by default. */
  readonly backdatingMs?: number;
  /** Whether `Config` is a YAML text, which is the default, or a JSON object. */
  readonly form?: 'yaml' | 'json';
  /** `user` by default. */
  readonly userName?: string | number;
  /** The name of the only context, the cluster id by default. */
  readonly contextName?: string;
  /** What `current-context` says, by default the name of the context. */
  readonly currentContext?: string;
  /** Has the last word on what is handed out, before it is written in its form. */
  readonly edit?: (kubeconfig: Kubeconfig) => unknown;
}

/** A kubeconfig as ENS issues it: one cluster, one user, one context. */
export interface Kubeconfig {
  readonly apiVersion: 'v1';
  readonly kind: 'Config';
  readonly clusters: readonly [
    {
      readonly name: string;
      readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string };
    },
  ];
  readonly users: readonly [
    {
      readonly name: string | number;
      readonly user: { readonly 'client-certificate-data': string; readonly 'client-key-data': string };
    },
  ];
  readonly contexts: readonly [
    { readonly name: string; readonly context: { readonly cluster: string; readonly user: string | number } },
  ];
  readonly 'current-context': string;
  readonly preferences: Readonly<Record<string, never>>;
}

/** The value of `Config` for a client certificate. */
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
  { clusterId, authority }: EnsCluster,
  server: string,
  certificate: IssuedCertificate,
  { userName = 'user', contextName = clusterId, currentContext = contextName }: Issuing,
): Kubeconfig {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'kubernetes',
        cluster: { server, 'certificate-authority-data': base64(authority.certificatePem) },
      },
    ],
    users: [
      {
        name: userName,
        user: {
          'client-certificate-data': base64(certificate.certificatePem),
          'client-key-data': base64(certificate.privateKeyPem),
        },
      },
    ],
    contexts: [{ name: contextName, context: { cluster: 'kubernetes', user: userName } }],
    'current-context': currentContext,
    preferences: {},
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

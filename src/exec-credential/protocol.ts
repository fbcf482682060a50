import type { ClientCredential } from '../credential/client-credential.js';
import { certificatePem, privateKeyPem } from '../credential/client-credential.js';
import { EckError } from '../errors.js';

/**
 * The protocol between kubectl and a credential plugin: an `ExecCredential` in `KUBERNETES_EXEC_INFO`, and one on
 * standard output (Kubernetes, client.authentication.k8s.io/v1 and v1beta1).
 */
export const execApiVersions = [
  'client.authentication.k8s.io/v1',
  'client.authentication.k8s.io/v1beta1',
] as const;
export type ExecApiVersion = (typeof execApiVersions)[number];

/** What kubectl asks for. */
export interface ExecInfo {
  readonly apiVersion: ExecApiVersion;
  /** `spec.cluster.config.clusterId`, where the cluster's entry in the kubeconfig carries one. Not checked yet. */
  readonly clusterId?: string;
}

/**
 * Reads `KUBERNETES_EXEC_INFO`. Where there is none, a person runs the plugin by hand, and `v1` is assumed.
 *
 * @throws EckError `exec-info-invalid` where it is not JSON, another kind, or of a version that is not known
 */
export function readExecInfo(text: string | undefined): ExecInfo {
  if (!text) return { apiVersion: 'client.authentication.k8s.io/v1' };
  let info: unknown;
  try {
    info = JSON.parse(text);
  } catch {
    throw invalid('is not JSON');
  }
  if (property(info, 'kind') !== 'ExecCredential') throw invalid('is not of kind ExecCredential');
  const asked = property(info, 'apiVersion');
  const apiVersion = execApiVersions.find((known) => known === asked);
  if (apiVersion === undefined) {
    throw invalid(`is not of a version that this plugin answers (${execApiVersions.join(', ')})`);
  }
  const clusterId = property(property(property(property(info, 'spec'), 'cluster'), 'config'), 'clusterId');
  if (clusterId === undefined || clusterId === null) return { apiVersion };
  if (typeof clusterId !== 'string') throw invalid('has a spec.cluster.config.clusterId that is not a text');
  return { apiVersion, clusterId };
}

/**
 * The answer to kubectl, on one line. It holds the private key, and goes to standard output alone.
 *
 * @param expiration when kubectl should ask again; RFC 3339, whole seconds, rounded down
 */
export function formatExecCredential(
  apiVersion: ExecApiVersion,
  credential: ClientCredential,
  expiration: Date,
): string {
  return JSON.stringify({
    apiVersion,
    kind: 'ExecCredential',
    status: {
      expirationTimestamp: `${expiration.toISOString().slice(0, 19)}Z`,
      clientCertificateData: certificatePem(credential),
      clientKeyData: privateKeyPem(credential),
    },
  });
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function invalid(what: string): EckError {
  return new EckError(
    'exec-info-invalid',
    `KUBERNETES_EXEC_INFO ${what}; it is set by kubectl, so unset it to run this command by hand`,
  );
}

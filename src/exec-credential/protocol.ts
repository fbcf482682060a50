import { certificatePem, privateKeyPem, type ClientCredential } from '../credential/client-credential.js';
import { EckError } from '../errors.js';
import { parseChoice } from '../settings.js';

/** The versions of kubectl's `ExecCredential` that are answered, the preferred one first. */
export const execApiVersions = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'] as const;
export type ExecApiVersion = (typeof execApiVersions)[number];

/** kubectl's request. */
export interface ExecInfo {
  readonly apiVersion: ExecApiVersion;
  /** `spec.cluster.config.clusterId`, not checked yet. */
  readonly clusterId?: string;
}

/** Finds the version that `--exec-api-version` names: `v1`, the default, or `v1beta1`. @throws EckError `usage` */
export function parseExecApiVersion(text = 'v1'): ExecApiVersion {
  const version = parseChoice('--exec-api-version', text, ['v1', 'v1beta1']);
  return `client.authentication.k8s.io/${version}`;
}

/** Any other value reads as one of these without its properties. */
interface MaybeInfo {
  readonly apiVersion?: unknown;
  readonly spec?: { cluster?: { config?: { clusterId?: unknown } } };
}

/**
 * Reads `KUBERNETES_EXEC_INFO`, which clients in Java and others do not set. `kind` is not checked: the official .NET
 * client sends `ExecCredentials`.
 *
 * @throws EckError `exec-info-invalid`
 */
export function readExecInfo(text: string | undefined, defaultVersion: ExecApiVersion): ExecInfo {
  if (!text) return { apiVersion: defaultVersion };
  let info: MaybeInfo | null;
  try {
    info = JSON.parse(text) as MaybeInfo | null;
  } catch {
    throw invalid('is not JSON');
  }
  const apiVersion = execApiVersions.find((known) => known === info?.apiVersion);
  if (apiVersion === undefined) {
    throw invalid(`has an apiVersion that is neither ${execApiVersions.join(' nor ')}`);
  }
  const clusterId = info?.spec?.cluster?.config?.clusterId ?? undefined;
  if (clusterId === undefined) return { apiVersion };
  if (typeof clusterId !== 'string') throw invalid('has a clusterId that is not a string');
  return { apiVersion, clusterId };
}

/**
 * The answer to kubectl, on one line. Contains the private key.
 *
 * @param expiration when kubectl should ask again; rounded down to whole seconds
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

function invalid(problem: string): EckError {
  return new EckError('exec-info-invalid', `KUBERNETES_EXEC_INFO ${problem}`, {
    fix: 'Unset it to run this command yourself, since kubectl sets it',
  });
}

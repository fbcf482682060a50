import { isMapping, type Mapping } from '../errors.js';

/** A context that this plugin writes, with a cluster and a user of the same name. */
export interface ContextEntry {
  readonly name: string;
  readonly server: string;
  readonly certificateAuthorityPem: string;
  readonly tlsServerName?: string | undefined;
  readonly namespace?: string | undefined;
  readonly exec: ExecEntry;
}

/** The `exec` entry of a user: the command that kubectl runs for the user's credential. */
export interface ExecEntry {
  readonly apiVersion: 'client.authentication.k8s.io/v1' | 'client.authentication.k8s.io/v1beta1';
  readonly command: 'kubectl-eck';
  readonly args: readonly string[];
  readonly interactiveMode: 'Never';
  readonly provideClusterInfo: false;
  readonly installHint: string;
}

/** The lists of named entries, in the order in which this plugin writes them. */
export const sections = ['clusters', 'users', 'contexts'] as const;
export type Section = (typeof sections)[number];

/** The key of an entry's content: `- name: …` and `cluster: …`. */
export const kinds = { clusters: 'cluster', users: 'user', contexts: 'context' } as const;

/** The contents of the three entries that make a context work. */
export function contentsOf(entry: ContextEntry): Readonly<Record<Section, Mapping>> {
  const { name, server, certificateAuthorityPem, tlsServerName, namespace, exec } = entry;
  return {
    clusters: {
      server,
      'certificate-authority-data': Buffer.from(certificateAuthorityPem).toString('base64'),
      ...(tlsServerName === undefined ? {} : { 'tls-server-name': tlsServerName }),
    },
    users: { exec },
    contexts: { cluster: name, user: name, ...(namespace === undefined ? {} : { namespace }) },
  };
}

/** Whether a user's `exec` entry runs `kubectl-eck`, by name or by path. */
export function isOwnUser(user: Mapping): boolean {
  const exec = user['exec'];
  if (!isMapping(exec) || typeof exec['command'] !== 'string') return false;
  const program = exec['command'].split(/[\\/]/).at(-1);
  return program?.replace(/\.exe$/i, '') === 'kubectl-eck';
}

/** Fields that do not stay: the server's verification comes from ENS, and a user signs in with `exec` alone. */
const replacedFields = new Set([
  ...['certificate-authority', 'tls-server-name', 'insecure-skip-tls-verify'],
  ...['client-certificate', 'client-certificate-data', 'client-key', 'client-key-data'],
  ...['token', 'tokenFile', 'username', 'password', 'auth-provider'],
]);

/** The content of an entry of ours after it is written again: the wanted content, and what a person added to it. */
export function mergedContent(existing: Mapping, wanted: Mapping): Mapping {
  const extras = Object.entries(existing).filter(([key]) => !replacedFields.has(key));
  const merged = { ...Object.fromEntries(extras), ...wanted };
  if (!isMapping(wanted['exec'])) return merged;
  return { ...merged, exec: { ...(existing['exec'] as Mapping | undefined), ...wanted['exec'] } };
}

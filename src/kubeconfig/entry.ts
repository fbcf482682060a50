import { isMapping, type Mapping } from '../mapping.js';

/** A context that this plugin writes, with its cluster and user. */
export interface ContextEntry {
  readonly contextName: string;
  readonly clusterName: string;
  readonly userName: string;
  /** The API server's URL. */
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

/** The content that a cluster, user or context should have. */
export interface WantedEntry {
  readonly section: Section;
  readonly name: string;
  readonly content: Mapping;
}

/** The three entries that make a context work. */
export function wantedEntries(entry: ContextEntry): readonly WantedEntry[] {
  const { contextName, clusterName, userName, server, certificateAuthorityPem, namespace } = entry;
  const cluster = {
    server,
    'certificate-authority-data': Buffer.from(certificateAuthorityPem).toString('base64'),
    ...(entry.tlsServerName === undefined ? {} : { 'tls-server-name': entry.tlsServerName }),
  };
  const context = {
    cluster: clusterName,
    user: userName,
    ...(namespace === undefined ? {} : { namespace }),
  };
  return [
    { section: 'clusters', name: clusterName, content: cluster },
    { section: 'users', name: userName, content: { exec: execContent(entry.exec) } },
    { section: 'contexts', name: contextName, content: context },
  ];
}

/** An `exec` entry as it is written. */
export function execContent(exec: ExecEntry): Mapping {
  return {
    apiVersion: exec.apiVersion,
    command: exec.command,
    args: [...exec.args],
    interactiveMode: exec.interactiveMode,
    provideClusterInfo: exec.provideClusterInfo,
    installHint: exec.installHint,
  };
}

/** Whether a user's `exec` entry runs `kubectl-eck`, by name or by path. */
export function isOwnUser(user: Mapping): boolean {
  const exec = user['exec'];
  if (!isMapping(exec) || typeof exec['command'] !== 'string') return false;
  const program = exec['command'].split(/[\\/]/).at(-1);
  return program?.replace(/\.exe$/i, '') === 'kubectl-eck';
}

/**
 * The content of an existing entry of ours after it is written again: the wanted content, and what a person added
 * (a namespace, `proxy-url`, `env` of the `exec` entry, impersonation, extensions). The server's verification comes
 * from ENS alone, and a user signs in with `exec` alone.
 */
export function mergedContent(section: Section, existing: Mapping, wanted: Mapping): Mapping {
  const extras = Object.entries(existing).filter(([key]) => !replacedFields[section].has(key));
  const merged = { ...Object.fromEntries(extras), ...wanted };
  if (section !== 'users') return merged;
  return {
    ...merged,
    exec: { ...(existing['exec'] as Mapping | undefined), ...(wanted['exec'] as Mapping) },
  };
}

const otherCredentials =
  'client-certificate client-certificate-data client-key client-key-data token tokenFile username password auth-provider';
const replacedFields: Record<Section, ReadonlySet<string>> = {
  clusters: new Set(['certificate-authority', 'tls-server-name', 'insecure-skip-tls-verify']),
  users: new Set(otherCredentials.split(' ')),
  contexts: new Set(),
};

import type { Mapping } from '../mapping.js';

/** A context that this plugin writes, with the cluster and the user that it joins. */
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

/** How kubectl gets the user's credential: what it runs, and what it tells a person who does not have it. */
export interface ExecEntry {
  readonly apiVersion: 'client.authentication.k8s.io/v1' | 'client.authentication.k8s.io/v1beta1';
  readonly command: 'kubectl-eck';
  readonly args: readonly string[];
  readonly interactiveMode: 'Never';
  readonly provideClusterInfo: false;
  readonly installHint: string;
}

/** The lists of named entries in a kubeconfig, in the order in which this plugin writes them. */
export const sections = ['clusters', 'users', 'contexts'] as const;
export type Section = (typeof sections)[number];

/** The key that holds the content of a named entry: `- name: …` and `cluster: …`. */
export const kinds = { clusters: 'cluster', users: 'user', contexts: 'context' } as const;

/** A cluster, user or context that is to be there, and what it is to say. */
export interface WantedEntry {
  readonly section: Section;
  readonly name: string;
  readonly content: Mapping;
}

/** The three named entries that a context is made of, as they are written where none of that name exists. */
export function wantedEntries(entry: ContextEntry): readonly WantedEntry[] {
  return [
    { section: 'clusters', name: entry.clusterName, content: clusterContent(entry) },
    { section: 'users', name: entry.userName, content: userContent(entry) },
    { section: 'contexts', name: entry.contextName, content: contextContent(entry) },
  ];
}

/**
 * What an entry of ours becomes when it is written again: the wanted content, and what somebody added to it.
 *
 * - A context keeps its namespace, unless another one is given, and its extensions.
 * - A cluster keeps `proxy-url`, `disable-compression`, extensions and the like. The server, and how it is known
 *   (`certificate-authority`, `tls-server-name`, `insecure-skip-tls-verify`), come from ENS alone.
 * - A user keeps `env` of the `exec` entry, impersonation and extensions. Another way to sign in would be used
 *   before or along with `exec`, so none is kept.
 */
export function keepingExtras(section: Section, existing: Mapping, wanted: Mapping): Mapping {
  const kept = Object.entries(existing).filter(([key]) => !replacedFields[section].has(key));
  const merged = { ...Object.fromEntries(kept), ...wanted };
  if (section !== 'users') return merged;
  return {
    ...merged,
    exec: { ...(existing['exec'] as Mapping | undefined), ...(wanted['exec'] as Mapping) },
  };
}

const replacedFields: Record<Section, ReadonlySet<string>> = {
  clusters: new Set(['certificate-authority', 'tls-server-name', 'insecure-skip-tls-verify']),
  users: new Set([
    'client-certificate',
    'client-certificate-data',
    'client-key',
    'client-key-data',
    'token',
    'tokenFile',
    'username',
    'password',
    'auth-provider',
  ]),
  contexts: new Set(),
};

function clusterContent({ server, certificateAuthorityPem, tlsServerName }: ContextEntry): Mapping {
  return {
    server,
    'certificate-authority-data': Buffer.from(certificateAuthorityPem).toString('base64'),
    ...(tlsServerName === undefined ? {} : { 'tls-server-name': tlsServerName }),
  };
}

function userContent({ exec }: ContextEntry): Mapping {
  return { exec: execContent(exec) };
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

function contextContent({ clusterName, userName, namespace }: ContextEntry): Mapping {
  return {
    cluster: clusterName,
    user: userName,
    ...(namespace === undefined ? {} : { namespace }),
  };
}

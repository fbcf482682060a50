import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Connection } from '../../kubeconfig/user-connection.js';
import type { Mapping } from '../../mapping.js';

/** How kubectl reaches an API server with a context, as far as the kubeconfig says. */
export interface ClusterEntry {
  readonly server: string;
  readonly certificateAuthorityPem: string | undefined;
  readonly tlsServerName: string | undefined;
  readonly proxyUrl: string | undefined;
  readonly skipTlsVerify: boolean;
}

/** Reads the cluster that a context joins. @returns what is wrong with it, where it cannot be used */
export async function readClusterEntry({
  cluster,
  clusterFile = '',
}: Connection): Promise<ClusterEntry | { readonly flaw: string }> {
  if (cluster === undefined) return { flaw: 'its cluster is not in the kubeconfig' };
  const server = text(cluster, 'server');
  if (server === undefined || !/^https?:\/\//.test(server) || !URL.canParse(server)) {
    return { flaw: 'its cluster has no server, or one that is no URL' };
  }
  const authority = await readAuthority(cluster, clusterFile);
  if (authority === false) return { flaw: 'the file of its certificate authority cannot be read' };
  return {
    server,
    certificateAuthorityPem: authority,
    tlsServerName: text(cluster, 'tls-server-name'),
    proxyUrl: text(cluster, 'proxy-url'),
    skipTlsVerify: cluster['insecure-skip-tls-verify'] === true,
  };
}

async function readAuthority(cluster: Mapping, clusterFile: string): Promise<string | undefined | false> {
  const data = text(cluster, 'certificate-authority-data');
  if (data !== undefined) return Buffer.from(data, 'base64').toString('latin1');
  const file = text(cluster, 'certificate-authority');
  if (file === undefined) return undefined;
  return readFile(resolve(dirname(clusterFile), file), 'latin1').catch(() => false);
}

function text(cluster: Mapping, name: string): string | undefined {
  const value = cluster[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

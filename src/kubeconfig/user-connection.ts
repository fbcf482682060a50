import type { Mapping } from '../mapping.js';
import { parseKubeconfig } from './user-document.js';
import { readKubeconfigText } from './user-files.js';
import type { KubeconfigPaths } from './user-locate.js';
import { mergeKubeconfigs } from './user-merge.js';

/** The cluster and the user that a context joins, as they are written. Nothing in them is checked, and a user may hold secrets. */
export interface Connection {
  readonly cluster: Mapping | undefined;
  /** The file that the cluster stands in: its relative paths start from there. */
  readonly clusterFile: string | undefined;
  readonly user: Mapping;
}

/**
 * Reads what a context joins. What it refers to may not exist.
 *
 * @throws EckError `kubeconfig-unusable` if one of the files cannot be read
 */
export async function readConnection(
  paths: KubeconfigPaths,
  contextName: string,
): Promise<Connection | undefined> {
  const files = await Promise.all(
    paths.map(async (path) => parseKubeconfig(path, await readKubeconfigText(path))),
  );
  const { contexts, clusters, users } = mergeKubeconfigs(files);
  const context = contexts.get(contextName)?.content;
  if (context === undefined) return undefined;
  const cluster = clusters.get(String(context['cluster']));
  return {
    cluster: cluster?.content,
    clusterFile: cluster?.file.path,
    user: users.get(String(context['user']))?.content ?? {},
  };
}

import type { Cluster } from '../ens/clusters.js';
import type { OwnContext } from '../kept/own-contexts.js';
import { printable } from '../errors.js';
import { formatDocument } from '../terminal/document.js';
import { formatTable } from '../terminal/table.js';

/** What `list` can print, the default first. */
export const listFormats = ['table', 'wide', 'json', 'yaml', 'name'] as const;
export type ListFormat = (typeof listFormats)[number];

type Column = readonly [heading: string, cell: (cluster: Cluster, contexts: readonly OwnContext[]) => string];

const columns: readonly Column[] = [
  ['NAME', ({ name }) => name],
  ['ID', ({ clusterId }) => clusterId],
  ['VERSION', ({ kubernetesVersion }) => kubernetesVersion],
  ['REGION', ({ region }) => region],
  ['ACCESS', ({ publicAccess }) => (publicAccess ? 'public' : 'private')],
  ['CONTEXT', (_, contexts) => contexts.map(contextCell).join(',')],
];

const wideColumns: readonly Column[] = [
  ...columns,
  [
    'CONTROL PLANE',
    ({ controlPlane }) => (controlPlane ? `${controlPlane.size} x ${controlPlane.instanceSpec}` : ''),
  ],
  ['VPC', ({ vpcId }) => vpcId ?? ''],
  ['PODS', ({ containerCidr }) => containerCidr ?? ''],
  ['SERVICES', ({ serviceCidr }) => serviceCidr ?? ''],
];

/**
 * The clusters as text for standard output: a table, or a document that is a list of clusters with the names of their
 * contexts, or ids, one a line, as `get-credentials` takes them.
 */
export async function formatClusters(
  clusters: readonly Cluster[],
  contexts: readonly OwnContext[],
  { format, headers }: { readonly format: ListFormat; readonly headers: boolean },
): Promise<string> {
  const contextsOf = new Map<string, OwnContext[]>();
  for (const context of contexts) {
    contextsOf.set(context.clusterId, [...(contextsOf.get(context.clusterId) ?? []), context]);
  }
  const of = ({ clusterId }: Cluster): readonly OwnContext[] => contextsOf.get(clusterId) ?? [];
  switch (format) {
    case 'name':
      return clusters.map(({ clusterId }) => `${clusterId}\n`).join('');
    case 'json':
    case 'yaml':
      return formatDocument(
        clusters.map((cluster) => ({ ...cluster, contexts: of(cluster).map(({ name }) => name) })),
        format,
      );
    case 'table':
    case 'wide': {
      // As kubectl: where there is nothing, there is no heading either.
      if (clusters.length === 0) return '';
      const shown = format === 'wide' ? wideColumns : columns;
      return formatTable(
        shown.map(([heading]) => heading),
        clusters.map((cluster) => shown.map(([, cell]) => cell(cluster, of(cluster)))),
        { headers },
      );
    }
  }
}

function contextCell({ name, isCurrent }: OwnContext): string {
  return isCurrent ? `*${printable(name)}` : printable(name);
}

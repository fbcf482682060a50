import { type Cluster, type ClusterFilter, listClusters } from '../ens/actions.js';
import { type OwnContext, ownContexts } from './cached-credentials.js';
import { printable, quoted, messageOf, printLine } from '../errors.js';
import { formatDocument } from '../terminal/format.js';
import { formatTable } from '../terminal/table.js';
import { type EnsClient, openClient } from '../ens/client.js';
import { otherSite, resolveEndpoint } from '../endpoint.js';
import { Command, Option } from 'commander';
import { readContexts } from '../kubeconfig/user.js';
import { readSettings } from '../settings.js';
import { rememberClusters } from './completion/cluster-list.js';
import type { World } from '../world.js';
import {
  addAccountOptions,
  kubeconfigOption,
  kubeconfigPaths,
  outputFormat,
  outputOption,
  switchOption,
  textOption,
  typedSettings,
} from './options.js';

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

/** Says that no cluster was found, where it was looked, and where else one may be. */
export function noClusters({ signer, endpoint }: EnsClient, { name, region }: ClusterFilter): string {
  const filters = [
    ...(name === undefined ? [] : [` of the name ${quoted(name)}`]),
    ...(region === undefined ? [] : [` in the region ${quoted(region)}`]),
  ];
  const where = resolveEndpoint(endpoint);
  const other = otherSite(where);
  return (
    `${where.host} knows no clusters${filters.join('')} of the account of ${signer.description}.` +
    (other === undefined ? '' : ` The other site may: --site ${other}`)
  );
}

/** `list`: the account's clusters, and the contexts that reach them. */
export function listCommand(world: World): Command {
  const { environment } = world;
  const command = new Command('list')
    .description("list the account's clusters")
    .addOption(new Option('--region <ID>', 'only clusters in this region, such as cn-hangzhou-58'))
    .addOption(new Option('--name <NAME>', 'only clusters of this name'))
    .addOption(outputOption(listFormats))
    .addOption(new Option('--no-headers', 'print a table without its heading'))
    .addOption(kubeconfigOption());
  addAccountOptions(command).addHelpText(
    'after',
    [
      '',
      'Examples:',
      '  kubectl eck list',
      '  kubectl eck list --region cn-hangzhou-58 -o wide',
      '  kubectl eck list -o name | xargs kubectl eck get-credentials',
    ].join('\n'),
  );

  return command.action(async () => {
    const format = outputFormat(command, listFormats);
    const headers = !switchOption(command, 'no-headers');
    const name = textOption(command, 'name');
    const region = textOption(command, 'region');
    const filter = { ...(name === undefined ? {} : { name }), ...(region === undefined ? {} : { region }) };
    const settings = readSettings(typedSettings(command), environment);
    const account = await openClient(settings, world);
    const clusters = await listClusters(account, filter, world);
    // For completion, which takes them from there for a minute.
    if (name === undefined && region === undefined) await rememberClusters(settings, clusters, world);
    const contexts = await contextsHere();
    process.stdout.write(await formatClusters(clusters, contexts, { format, headers }));
    if (clusters.length === 0) printLine(noClusters(account, filter));
  });

  /** A kubeconfig that cannot be read is no reason not to list clusters. */
  async function contextsHere(): Promise<OwnContext[]> {
    try {
      return ownContexts(await readContexts(kubeconfigPaths(command, world)), environment);
    } catch (error) {
      world.warn(messageOf(error));
      return [];
    }
  }
}

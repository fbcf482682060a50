import { Command, Option } from 'commander';
import { otherSite, resolveEndpoint } from '../endpoint.js';
import { listClusters, type Cluster, type ClusterFilter } from '../ens/actions.js';
import { openClient, type EnsClient } from '../ens/client.js';
import { printable, printLine, printOutput, quoted } from '../errors.js';
import { readSettings } from '../settings.js';
import { formatDocument } from '../terminal/format.js';
import { formatTable, type Column } from '../terminal/table.js';
import type { World } from '../world.js';
import { readOwnContexts, type OwnContext } from './cached-credentials.js';
import { rememberClusters } from './completion/sources.js';
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

const formats = ['table', 'wide', 'json', 'yaml', 'name'] as const;

/** A cluster, and the contexts of ours that reach it. */
interface ListedCluster extends Cluster {
  readonly contexts: readonly OwnContext[];
}

const columns: readonly Column<ListedCluster>[] = [
  ['NAME', ({ name }) => name],
  ['ID', ({ clusterId }) => clusterId],
  ['VERSION', ({ kubernetesVersion }) => kubernetesVersion],
  ['REGION', ({ region }) => region],
  ['ACCESS', ({ publicAccess }) => (publicAccess ? 'public' : 'private')],
  ['CONTEXT', ({ contexts }) => contexts.map(contextCell).join(',')],
];

const wideColumns: readonly Column<ListedCluster>[] = [
  ...columns,
  ['CONTROL PLANE', ({ controlPlane: plane }) => (plane ? `${plane.size} x ${plane.instanceSpec}` : '')],
  ['VPC', ({ vpcId }) => vpcId ?? ''],
  ['PODS', ({ containerCidr }) => containerCidr ?? ''],
  ['SERVICES', ({ serviceCidr }) => serviceCidr ?? ''],
];

/** `list`: the account's clusters, and the contexts that reach them. */
export function listCommand(world: World): Command {
  const command = new Command('list')
    .description("list the account's clusters")
    .addOption(new Option('--region <ID>', 'only clusters in this region, such as cn-hangzhou-58'))
    .addOption(new Option('--name <NAME>', 'only clusters of this name'))
    .addOption(outputOption(formats))
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
    const format = outputFormat(command, formats);
    const name = textOption(command, 'name');
    const region = textOption(command, 'region');
    const filter = { ...(name === undefined ? {} : { name }), ...(region === undefined ? {} : { region }) };
    const settings = readSettings(typedSettings(command), world.environment);
    const client = await openClient(settings, world);
    const clusters = await listClusters(client, filter, world);
    // Completion uses the list for a minute.
    if (name === undefined && region === undefined) await rememberClusters(settings, clusters, world);

    const contexts = new Map<string, OwnContext[]>(clusters.map(({ clusterId }) => [clusterId, []]));
    for (const context of await readOwnContexts(kubeconfigPaths(command, world), world)) {
      contexts.get(context.clusterId)?.push(context);
    }
    const listed = clusters.map((cluster) => ({
      ...cluster,
      contexts: contexts.get(cluster.clusterId) ?? [],
    }));
    printOutput(await formatClusters(listed, format, !switchOption(command, 'no-headers')));
    if (clusters.length === 0) printLine(noClusters(client, filter));
  });
}

async function formatClusters(
  clusters: readonly ListedCluster[],
  format: (typeof formats)[number],
  headers: boolean,
): Promise<string> {
  switch (format) {
    case 'name':
      return clusters.map(({ clusterId }) => `${clusterId}\n`).join('');
    case 'json':
    case 'yaml':
      return formatDocument(
        clusters.map((cluster) => ({ ...cluster, contexts: cluster.contexts.map(({ name }) => name) })),
        format,
      );
    case 'table':
    case 'wide':
      return formatTable(format === 'wide' ? wideColumns : columns, clusters, { headers });
  }
}

/** The current context has a star. */
export function contextCell({ name, isCurrent }: Pick<OwnContext, 'name' | 'isCurrent'>): string {
  return isCurrent ? `*${printable(name)}` : printable(name);
}

/** Says that no cluster was found, where, and that the other site may have some. */
export function noClusters({ signer, endpoint }: EnsClient, { name, region }: ClusterFilter): string {
  const filters = [
    ...(name === undefined ? [] : [` named ${quoted(name)}`]),
    ...(region === undefined ? [] : [` in the region ${quoted(region)}`]),
  ].join('');
  const asked = resolveEndpoint(endpoint);
  const other = otherSite(asked);
  const hint = other === undefined ? '' : `; try the other site with --site ${other}`;
  return `No clusters${filters} found at ${asked.host} with ${signer.description}${hint}`;
}

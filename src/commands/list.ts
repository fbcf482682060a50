import { otherSite, resolveEndpoint } from '../endpoint.js';
import { listClusters, type Cluster, type ClusterFilter } from '../ens/actions.js';
import { openClient, type EnsClient } from '../ens/client.js';
import { printable, printLine, printOutput, quoted } from '../errors.js';
import { formatDocument } from '../terminal/format.js';
import { formatTable, terminalWidth, type Column } from '../terminal/table.js';
import type { World } from '../world.js';
import { byCluster, readOwnContexts, type OwnContext } from './cached-credentials.js';
import { rememberClusters } from './completion/sources.js';
import { EckCommand } from './options.js';

const formats = ['table', 'wide', 'json', 'yaml', 'name'] as const;

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
export function listCommand(world: World): EckCommand {
  const command = new EckCommand('list')
    .alias('ls')
    .description("list the account's clusters")
    .option('--region <ID>', 'only clusters in this region, such as cn-hangzhou-58')
    .option('--name <NAME>', 'only clusters of this name')
    .addOutputOption(formats)
    .addKubeconfigOption()
    .addAccountOptions()
    .addExamples('', '--region cn-hangzhou-58 -o wide', '-o name | xargs kubectl eck get-credentials');
  return command.action(async () => {
    const format = command.outputFormat(formats);
    const name = command.textOption('name');
    const region = command.textOption('region');
    const settings = command.settings(world);
    const client = await openClient(settings, world);
    const [clusters, own] = await Promise.all([
      listClusters(client, { name, region }, world),
      readOwnContexts(command.kubeconfigPaths(world), world),
    ]);
    // Completion uses the list for a minute.
    if (name === undefined && region === undefined) await rememberClusters(settings, clusters, world);
    const contexts = byCluster(own);
    const listed = clusters.map((one) => ({ ...one, contexts: contexts.get(one.clusterId) ?? [] }));
    printOutput(await formatClusters(listed, format, terminalWidth(world)));
    if (clusters.length === 0) printLine(noClusters(client, { name, region }));
  });
}

async function formatClusters(clusters: readonly ListedCluster[], format: (typeof formats)[number], width: number) {
  if (format === 'name') return clusters.map(({ clusterId }) => `${clusterId}\n`).join('');
  if (format === 'table') return formatTable(columns, clusters, width, ['REGION', 'VERSION', 'ACCESS']);
  if (format === 'wide') return formatTable(wideColumns, clusters);
  const withNames = clusters.map((one) => ({ ...one, contexts: one.contexts.map(({ name }) => name) }));
  return formatDocument(withNames, format);
}

/** The current context has a star. */
export function contextCell({ name, isCurrent }: Pick<OwnContext, 'name' | 'isCurrent'>): string {
  return isCurrent ? `*${printable(name)}` : printable(name);
}

/** Says that no cluster was found, and where else some may be. */
export function noClusters({ signer, endpoint }: EnsClient, { name, region }: ClusterFilter): string {
  const named = name === undefined ? '' : ` named ${quoted(name)}`;
  const inRegion = region === undefined ? '' : ` in the region ${quoted(region)}`;
  const asked = resolveEndpoint(endpoint);
  const other = otherSite(asked);
  const hint = other === undefined ? '' : `; try the other site with --site ${other}`;
  return `No clusters${named}${inRegion} found at ${asked.host} with ${signer.description}${hint}`;
}

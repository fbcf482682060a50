import { Command, Option } from 'commander';
import { openAccount } from '../ens/account.js';
import { listClusters } from '../ens/clusters.js';
import { ownContexts, type OwnContext } from '../kept/own-contexts.js';
import { readContexts } from '../kubeconfig/user.js';
import { listFormats, formatClusters } from '../list/format-clusters.js';
import { noClusters } from '../list/no-clusters.js';
import { messageOf } from '../errors.js';
import { readSettings } from '../settings/settings.js';
import { tell } from '../tell.js';
import { rememberClusters } from '../state/cluster-list.js';
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
  withVariable,
} from './options.js';

/** `list`: the account's clusters, and the contexts that reach them. */
export function listCommand(world: World): Command {
  const { environment } = world;
  const command = new Command('list')
    .description("list the account's clusters")
    .addOption(
      withVariable(new Option('--region <ID>', 'only clusters in this region, such as cn-hangzhou-58')),
    )
    .addOption(withVariable(new Option('--name <NAME>', 'only clusters of this name')))
    .addOption(outputOption(listFormats))
    .addOption(withVariable(new Option('--no-headers', 'print a table without its heading')))
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
    const format = outputFormat(command, listFormats, environment);
    const headers = !switchOption(command, 'no-headers', environment);
    const name = textOption(command, 'name', environment);
    const region = textOption(command, 'region', environment);
    const filter = { ...(name === undefined ? {} : { name }), ...(region === undefined ? {} : { region }) };
    const settings = readSettings(typedSettings(command), environment);
    const account = await openAccount(settings, world);
    const clusters = await listClusters(account, filter, world);
    // For completion, which takes them from there for a minute.
    if (name === undefined && region === undefined) await rememberClusters(settings, clusters, world);
    const contexts = await contextsHere();
    process.stdout.write(await formatClusters(clusters, contexts, { format, headers }));
    if (clusters.length === 0) tell(noClusters(account, filter));
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

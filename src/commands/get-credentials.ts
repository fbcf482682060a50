import { Command, Option } from 'commander';
import { usageError } from '../errors.js';
import { answerKubectl } from '../exec-credential/answer.js';
import { readSelection } from '../get-credentials/cluster-selection.js';
import { getCredentials } from '../get-credentials/get-credentials.js';
import { readSettings, settingText } from '../settings/settings.js';
import { tell } from '../tell.js';
import type { World } from '../world.js';
import { addContextOptions, readContextOptions } from './context-options.js';
import {
  addSettingOptions,
  kubeconfigOption,
  kubeconfigPaths,
  switchOption,
  textOption,
  typedSettings,
  typedText,
  withVariable,
} from './options.js';

/** `get-credentials`: makes `kubectl` work with clusters. Run by kubectl itself, it answers as `exec-credential`. */
export function getCredentialsCommand(world: World): Command {
  const { environment } = world;
  const command = new Command('get-credentials')
    .description("fetch clusters' credentials, keep them in the keychain, and write contexts for kubectl")
    .argument(
      '[CLUSTER...]',
      'ids of clusters, such as eck-0123abcd, or names; without any, pick from a list',
    );
  const options = [
    new Option('--cluster-id <ID>', 'a cluster, as a flag'),
    new Option('--all', 'every cluster of the account'),
    new Option('--region <ID>', 'look for clusters only in this region, such as cn-hangzhou-58'),
    new Option('--print', 'print the kubeconfig, and write no kubeconfig file'),
  ];
  for (const option of options) command.addOption(withVariable(option));
  addContextOptions(command).addOption(kubeconfigOption());
  addSettingOptions(command).addHelpText(
    'after',
    [
      '',
      'Examples:',
      '  kubectl eck get-credentials eck-0123abcd',
      '  kubectl eck get-credentials eck-0123abcd --profile work --context edge',
      '  kubectl eck get-credentials eck-0123abcd --print > edge.kubeconfig',
      '  kubectl eck get-credentials shop-hangzhou shop-chengdu',
      '  kubectl eck get-credentials --all --region cn-hangzhou-58',
    ].join('\n'),
  );

  return command.action(async (clusters: string[]) => {
    const clusterId = typedText(command, 'cluster-id');
    const settings = typedSettings(command);
    if (environment['KUBERNETES_EXEC_INFO']) {
      if (clusters.length > 1) throw usageError('kubectl asks for one cluster; name one in the exec entry');
      return answerKubectl({ clusterId: clusters[0] ?? clusterId, settings }, world);
    }
    const selection = readSelection({
      clusters,
      clusterId,
      clusterIdVariable: settingText('cluster-id', undefined, environment),
      all: command.getOptionValueSource('all') === 'cli',
      allVariable: switchOption(command, 'all', environment),
      canPick: world.isTerminal('stdin') && world.isTerminal('stderr'),
    });
    const request = {
      selection,
      region: textOption(command, 'region', environment),
      ...readContextOptions(command, environment),
      paths: switchOption(command, 'print', environment) ? undefined : kubeconfigPaths(command, world),
    };
    const result = await getCredentials(request, readSettings(settings, environment), world);
    if (result.kubeconfig !== undefined) process.stdout.write(result.kubeconfig);
    for (const line of result.told) tell(line);
    if (result.givenUp !== undefined) throw result.givenUp;
    if (result.someFailed === true) process.exitCode = 1;
  });
}

import { Command, Option } from 'commander';
import { usageError, printLine, quoted } from '../../errors.js';
import { answerKubectl } from '../../exec-credential/answer.js';
import { readSelection } from './cluster-selection.js';
import { getCredentials, type GetCredentialsRequest } from './get-credentials.js';
import { readSettings } from '../../settings.js';
import type { World } from '../../world.js';
import {
  addSettingOptions,
  kubeconfigOption,
  kubeconfigPaths,
  switchOption,
  textOption,
  typedSettings,
  execApiVersion,
  execApiVersionOption,
} from '../options.js';

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
  for (const option of options) command.addOption(option);
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
    const clusterId = textOption(command, 'cluster-id');
    const settings = typedSettings(command);
    if (environment['KUBERNETES_EXEC_INFO']) {
      if (clusters.length > 1) throw usageError('kubectl asks for one cluster; name one in the exec entry');
      return answerKubectl({ clusterId: clusters[0] ?? clusterId, settings }, world);
    }
    const selection = readSelection({
      clusters,
      clusterId,
      all: switchOption(command, 'all'),
      canPick: world.isTerminal('stdin') && world.isTerminal('stderr'),
    });
    const request = {
      selection,
      region: textOption(command, 'region'),
      ...readContextOptions(command),
      paths: switchOption(command, 'print') ? undefined : kubeconfigPaths(command, world),
    };
    const result = await getCredentials(request, readSettings(settings, environment), world);
    if (result.kubeconfig !== undefined) process.stdout.write(result.kubeconfig);
    for (const line of result.told) printLine(line);
    if (result.givenUp !== undefined) throw result.givenUp;
    if (result.someFailed === true) process.exitCode = 1;
  });
}

/** Adds the options that say what a context is like, and how it is written; {@link readContextOptions} reads them. */
export function addContextOptions(command: Command): Command {
  const options = [
    new Option('--private-ip', "use the API server's private address"),
    new Option(
      '--context <NAME>',
      "name the context, its user and its cluster, instead of after the cluster's id",
    ),
    new Option('--namespace <NAMESPACE>', 'the namespace that the context starts in'),
    new Option('--keep-current-context', 'do not switch to the context'),
    new Option('--overwrite', 'replace entries of the same name that something else wrote'),
  ];
  for (const option of options) command.addOption(option);
  return command.addOption(execApiVersionOption());
}

/**
 * What contexts are to be like, and how they are to be written.
 *
 * @throws EckError `usage` for a name or a version that cannot be one
 */
export function readContextOptions(command: Command): Pick<GetCredentialsRequest, 'context' | 'rules'> {
  const text = (flag: string): string | undefined => textOption(command, flag);
  const isOn = (flag: string): boolean => switchOption(command, flag);
  return {
    context: {
      privateIp: isOn('private-ip'),
      context: contextName(text('context')),
      namespace: namespaceName(text('namespace')),
      execApiVersion: execApiVersion(command),
    },
    rules: { overwrite: isOn('overwrite'), setCurrentContext: !isOn('keep-current-context') },
  };
}

/** A context's name may be almost anything; what would break a kubeconfig or a terminal is refused. */
function contextName(text: string | undefined): string | undefined {
  if (text === undefined || /^[^\p{Cc}\p{Cs}]{1,253}$/u.test(text)) return text;
  throw usageError('--context is empty, longer than 253 characters, or holds control characters');
}

/** A namespace is a DNS label (RFC 1123). */
function namespaceName(text: string | undefined): string | undefined {
  if (text === undefined || /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) return text;
  throw usageError(`--namespace ${quoted(text)} is not a namespace's name`);
}

import { Command, Option } from 'commander';
import { openAccount } from '../ens/account.js';
import { quoted, usageError } from '../errors.js';
import { answerKubectl } from '../exec-credential/answer.js';
import { execApiVersions, type ExecApiVersion } from '../exec-credential/protocol.js';
import { parseClusterId } from '../settings/cluster-id.js';
import { readSettings, settingText } from '../settings/settings.js';
import type { World } from '../world.js';
import { setUpContext } from '../get-credentials/set-up-context.js';
import { summary } from '../get-credentials/summary.js';
import { renderKubeconfig, writeContexts } from '../kubeconfig/user.js';
import {
  addSettingOptions,
  kubeconfigOption,
  kubeconfigPaths,
  switchOption,
  textOption,
  typedSettings,
  typedText,
  withChoices,
  withVariable,
} from './options.js';

/** `get-credentials`: makes `kubectl` work with a cluster. Run by kubectl itself, it answers as `exec-credential`. */
export function getCredentialsCommand(world: World): Command {
  const { environment } = world;
  const command = new Command('get-credentials')
    .description("fetch a cluster's credential, keep it in the keychain, and write a context for kubectl")
    .argument('[CLUSTER]', 'the id of the cluster, such as eck-0123abcd');
  const options = [
    new Option('--cluster-id <ID>', 'the cluster, as a flag'),
    new Option('--private-ip', "use the API server's private address"),
    new Option(
      '--context <NAME>',
      "name the context, its user and its cluster, instead of after the cluster's id",
    ),
    new Option('--namespace <NAMESPACE>', 'the namespace that the context starts in'),
    new Option('--keep-current-context', 'do not switch to the context'),
    new Option('--overwrite', 'replace entries of the same name that something else wrote'),
    new Option('--print', 'print the kubeconfig, and write no kubeconfig file'),
    withChoices(
      new Option('--exec-api-version <VERSION>', 'of the exec entry; v1beta1 for kubectl before 1.22'),
      ['v1', 'v1beta1'],
    ).default('v1'),
  ];
  for (const option of options) command.addOption(withVariable(option));
  command.addOption(kubeconfigOption());
  addSettingOptions(command).addHelpText(
    'after',
    [
      '',
      'Examples:',
      '  kubectl eck get-credentials eck-0123abcd',
      '  kubectl eck get-credentials eck-0123abcd --profile work --context edge',
      '  kubectl eck get-credentials eck-0123abcd --print > edge.kubeconfig',
    ].join('\n'),
  );

  return command.action(async (cluster: string | undefined) => {
    const typedId = cluster ?? typedText(command, 'cluster-id');
    const typed = { clusterId: typedId, settings: typedSettings(command) };
    if (environment['KUBERNETES_EXEC_INFO']) return answerKubectl(typed, world);

    const clusterId = settingText('cluster-id', typedId, environment);
    if (clusterId === undefined) {
      throw usageError('which cluster? Give its id: kubectl eck get-credentials eck-0123abcd');
    }
    const settings = readSettings(typed.settings, environment);
    const request = {
      clusterId: parseClusterId(clusterId),
      privateIp: switchOption(command, 'private-ip', environment),
      context: contextName(textOption(command, 'context', environment)),
      namespace: namespaceName(textOption(command, 'namespace', environment)),
      execApiVersion: execApiVersion(textOption(command, 'exec-api-version', environment) ?? 'v1'),
    };
    const rules = {
      overwrite: switchOption(command, 'overwrite', environment),
      setCurrentContext: !switchOption(command, 'keep-current-context', environment),
    };
    if (switchOption(command, 'print', environment)) {
      const setUp = await setUpContext(await openAccount(settings, world), request, world);
      process.stdout.write(renderKubeconfig([setUp.entry], rules));
      for (const line of summary(setUp)) console.error(line);
      return;
    }
    const paths = kubeconfigPaths(command, world);
    const setUp = await setUpContext(await openAccount(settings, world), request, world);
    const report = await writeContexts(paths, [setUp.entry], rules);
    for (const line of summary(setUp, report)) console.error(line);
  });
}

function execApiVersion(text: string): ExecApiVersion {
  const version = execApiVersions.find((known) => known.endsWith(`/${text}`));
  if (version === undefined) throw usageError(`--exec-api-version ${quoted(text)} is not one of v1, v1beta1`);
  return version;
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

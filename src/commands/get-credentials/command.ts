import { Command, Option } from 'commander';
import { identityWords, openClient } from '../../ens/client.js';
import { EckError, printLine, printOutput, quoted, usageError } from '../../errors.js';
import { readBeforeWriting, renderKubeconfig, writeContexts } from '../../kubeconfig/change.js';
import { checkWritable } from '../../kubeconfig/write.js';
import { readSettings } from '../../settings.js';
import type { World } from '../../world.js';
import { convertCommandLine } from '../convert.js';
import { noClusters } from '../list.js';
import {
  addExamples,
  addSettingOptions,
  execApiVersion,
  execApiVersionOption,
  kubeconfigOption,
  kubeconfigPaths,
  switchOption,
  textOption,
  typedSettings,
  withChoices,
} from '../options.js';
import { contextNamer, isPlainName } from './context-names.js';
import { checkSelection, selectClusters } from './select.js';
import { execEntry, setUpClusters, type ContextOptions } from './set-up.js';
import { summaryOfMany, summaryOfOne } from './summary.js';

/** `get-credentials`: makes `kubectl` work with clusters. When kubectl runs it, `main.ts` answers. */
export function getCredentialsCommand(world: World): Command {
  const command = new Command('get-credentials')
    .alias('login')
    .description('save the credentials of clusters in the keychain, and write contexts for kubectl')
    .argument('[CLUSTER...]', 'ids or names of clusters; without any, pick from a list')
    .option('--all', 'every cluster of the account')
    .option('--region <ID>', 'look for clusters only in this region, such as cn-hangzhou-58')
    .option('--print', 'print the kubeconfig, and write no file')
    .option('--private-ip', "use the API server's private address")
    .option('--context <NAME>', 'name the context; {name}, {id} and {region} are filled in')
    .option('--namespace <NAMESPACE>', 'the namespace that the context starts in')
    .option('--keep-current-context', 'do not switch to the context')
    .option('--overwrite', 'replace entries of the same name, and switch identities')
    .addOption(execApiVersionOption())
    .addOption(withChoices(new Option('-o, --output <FORMAT>', "print the contexts' names"), ['name']))
    .addOption(kubeconfigOption());
  addExamples(
    addSettingOptions(command),
    'eck-0123abcd',
    'eck-0123abcd --profile work --context edge',
    'eck-0123abcd --print > edge.kubeconfig',
    'shop-hangzhou shop-chengdu',
    '--all --region cn-hangzhou-58',
    "--all --context 'edge-{name}'",
  );
  return command.action((clusters: string[]) => getCredentials(clusters, command, world));
}

async function getCredentials(clusters: readonly string[], command: Command, world: World): Promise<void> {
  if (world.environment['KUBERNETES_EXEC_INFO']) {
    throw usageError('kubectl runs get-credentials for one cluster, and without flags of its own');
  }
  const options = readContextOptions(command);
  const context = readContextName(command);
  const region = textOption(command, 'region');
  const selection = { clusters, all: switchOption(command, 'all'), region };
  checkSelection(selection, world.isTerminal('stdin') && world.isTerminal('stderr'));
  const settings = readSettings(typedSettings(command), world.environment);
  const paths = switchOption(command, 'print') ? undefined : kubeconfigPaths(command, world);
  const overwrite = switchOption(command, 'overwrite');

  // An unusable kubeconfig is found before anything is called.
  const before = paths ? await readBeforeWriting(paths) : undefined;
  const client = await openClient(settings, world);
  const { clusters: selected, listed, unknown } = await selectClusters(selection, client, world);
  const count = selected.length + unknown.length;
  if (count === 0) {
    printLine(noClusters(client, { region }));
    return;
  }
  if (count > 1 && isPlainName(context)) {
    throw usageError(
      `--context ${quoted(context ?? '')} names one context, and there are ${count} clusters`,
      'Leave it out, or use {name} or {id} in it',
    );
  }
  const isOne = count === 1 && !selection.all;
  const failures = [...unknown];
  const noteConflict = (cluster: string, error: EckError): void => {
    const isForMany = !isOne && error.fix?.includes('--overwrite');
    const fix = isForMany ? 'Replace what is there with --overwrite' : error.fix;
    failures.push({ cluster, error: new EckError(error.code, error.message, { fix }) });
  };

  const namer = contextNamer(
    {
      template: context,
      clusters: [...selected, ...listed],
      overwrite,
      execOf: (clusterId) => execEntry(clusterId, client, options.execApiVersion),
      // With --overwrite, a client key would stay in the kubeconfig.
      conversionOf: (existing, clusterId) => convertCommandLine(existing, clusterId, command),
    },
    before,
  );
  if (before?.destination !== undefined && selected.some(namer.mayBeNew)) checkWritable(before.destination);
  const report = await setUpClusters(selected, { ...options, namer }, client, world);
  for (const { cluster, error } of report.failures) {
    if (error.code === 'kubeconfig-conflict') noteConflict(cluster, error);
    else failures.push({ cluster, error });
  }

  const entries = report.setUps.map(({ entry }) => entry);
  const setCurrentContext = isOne && !switchOption(command, 'keep-current-context');
  const rules = { overwrite, setCurrentContext };
  const written = paths && entries.length > 0 ? await writeContexts(paths, entries, rules) : undefined;
  for (const { contextName, error } of written?.conflicts ?? []) {
    const setUp = report.setUps.find(({ entry }) => entry.name === contextName);
    noteConflict(setUp?.key.clusterId ?? contextName, error);
  }
  if (!paths && entries.length > 0) printOutput(renderKubeconfig(entries, rules));

  if (textOption(command, 'output') === 'name') {
    printOutput((written?.entries ?? []).map(({ contextName }) => `${contextName}\n`).join(''));
  }
  const identity = identityWords(client);
  const [setUp] = report.setUps;
  const [failure] = failures;
  if (isOne && failure) throw failure.error;
  const lines = isOne
    ? setUp && summaryOfOne(setUp, identity, written)
    : summaryOfMany(report.setUps, failures, identity, written);
  for (const line of lines ?? []) printLine(line);
  if (setUp?.key.identity.kind === 'access-key') {
    printLine(
      'Renewing needs the same variables. To do without: run "aliyun configure", then this with --profile NAME',
    );
  }
  if (report.stopped) throw report.stopped;
  if (failure) process.exitCode = 1;
}

function readContextOptions(command: Command): ContextOptions {
  const namespace = textOption(command, 'namespace');
  // A DNS label (RFC 1123).
  if (namespace !== undefined && !/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace)) {
    throw usageError(`--namespace ${quoted(namespace)} is not the name of a namespace`);
  }
  const privateIp = switchOption(command, 'private-ip');
  return { namespace, privateIp, execApiVersion: execApiVersion(command) };
}

function readContextName(command: Command): string | undefined {
  const context = textOption(command, 'context');
  if (context !== undefined && !/^[^\p{Cc}\p{Cs}]{1,253}$/u.test(context)) {
    throw usageError('--context is empty, longer than 253 characters, or contains control characters');
  }
  return context;
}

import { Option } from 'commander';
import { identityWords, openClient } from '../../ens/client.js';
import { EckError, printLine, printOutput, quoted, usageError } from '../../errors.js';
import { readBeforeWriting, renderKubeconfig, writeContexts } from '../../kubeconfig/change.js';
import { checkWritable } from '../../kubeconfig/write.js';
import type { World } from '../../world.js';
import { convertCommandLine } from '../convert.js';
import { noClusters } from '../list.js';
import { EckCommand, withChoices } from '../options.js';
import { contextNamer, isPlainName } from './context-names.js';
import { checkSelection, selectClusters } from './select.js';
import { execEntry, setUpClusters, type ClusterFailure, type ContextOptions } from './set-up.js';
import { summaryOfMany, summaryOfOne } from './summary.js';

/** `get-credentials`: makes `kubectl` work with clusters. When kubectl runs it, `main.ts` answers. */
export function getCredentialsCommand(world: World): EckCommand {
  const command = new EckCommand('get-credentials')
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
    .addExecApiVersionOption()
    .addOption(withChoices(new Option('-o, --output <FORMAT>', "print the contexts' names"), ['name']))
    .addKubeconfigOption()
    .addSettingOptions()
    .addExamples(
      'eck-0123abcd',
      'eck-0123abcd --profile work --context edge',
      'eck-0123abcd --print > edge.kubeconfig',
      'shop-hangzhou shop-chengdu',
      '--all --region cn-hangzhou-58',
      "--all --context 'edge-{name}'",
    );
  return command.action((clusters: string[]) => getCredentials(clusters, command, world));
}

async function getCredentials(clusters: readonly string[], command: EckCommand, world: World): Promise<void> {
  if (world.environment['KUBERNETES_EXEC_INFO']) {
    throw usageError('kubectl runs get-credentials for one cluster, and without flags of its own');
  }
  const { context, ...options } = readContextOptions(command);
  const region = command.textOption('region');
  const selection = { clusters, all: command.switchOption('all'), region };
  checkSelection(selection, world.isTerminal('stdin') && world.isTerminal('stderr'));
  const settings = command.settings(world);
  const paths = command.switchOption('print') ? undefined : command.kubeconfigPaths(world);
  const overwrite = command.switchOption('overwrite');

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
  const namer = contextNamer(
    {
      template: context,
      clusters: [...selected, ...listed],
      overwrite,
      execOf: (clusterId) => execEntry(clusterId, client, options.execApiVersion, world),
      // With --overwrite, a client key would stay in the kubeconfig.
      conversionOf: (existing, clusterId) => convertCommandLine(existing, clusterId, command),
    },
    before,
  );
  if (before?.destination !== undefined && selected.some(namer.mayBeNew)) checkWritable(before.destination);
  const report = await setUpClusters(selected, { ...options, namer }, client, world);

  const entries = report.setUps.map(({ entry }) => entry);
  const isOne = count === 1 && !selection.all;
  const setCurrentContext = isOne && !command.switchOption('keep-current-context');
  const rules = { overwrite, setCurrentContext };
  const written = paths && entries.length > 0 ? await writeContexts(paths, entries, rules) : undefined;
  const conflicts = (written?.conflicts ?? []).map(({ contextName, error }) => {
    const setUp = report.setUps.find(({ entry }) => entry.name === contextName);
    return { cluster: setUp?.key.clusterId ?? contextName, error };
  });
  const failures = [...unknown, ...report.failures, ...conflicts];
  if (!paths && entries.length > 0) printOutput(renderKubeconfig(entries, rules));

  if (command.textOption('output') === 'name') {
    printOutput((written?.entries ?? []).map(({ contextName }) => `${contextName}\n`).join(''));
  }
  const identity = identityWords(client);
  const [setUp] = report.setUps;
  const [failure] = failures;
  if (isOne && failure) throw failure.error;
  const lines = isOne
    ? setUp && summaryOfOne(setUp, identity, written)
    : summaryOfMany(report.setUps, failures.map(forMany), identity, written);
  for (const line of lines ?? []) printLine(line);
  if (setUp?.key.identity.kind === 'access-key') {
    printLine(
      'Renewing needs the same variables. To do without: run "aliyun configure", then this with --profile NAME',
    );
  }
  if (report.stopped) throw report.stopped;
  if (failure) process.exitCode = 1;
}

/** Among many clusters, `--context` cannot name the one that has a conflict. */
function forMany({ cluster, error }: ClusterFailure): ClusterFailure {
  const { code, message } = error;
  const isConflict = code === 'kubeconfig-conflict' && error.fix?.includes('--overwrite');
  const fix = isConflict ? 'Replace what is there with --overwrite' : error.fix;
  return { cluster, error: new EckError(code, message, { fix }) };
}

function readContextOptions(command: EckCommand): ContextOptions & { readonly context: string | undefined } {
  const context = command.textOption('context');
  if (context !== undefined && !/^[^\p{Cc}\p{Cs}]{1,253}$/u.test(context)) {
    throw usageError('--context is empty, longer than 253 characters, or contains control characters');
  }
  const namespace = command.textOption('namespace');
  // A DNS label (RFC 1123).
  if (namespace !== undefined && !/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace)) {
    throw usageError(`--namespace ${quoted(namespace)} is not the name of a namespace`);
  }
  const privateIp = command.switchOption('private-ip');
  return { context, namespace, privateIp, execApiVersion: command.execApiVersion() };
}

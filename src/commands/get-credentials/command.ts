import { Command } from 'commander';
import { openClient } from '../../ens/client.js';
import { EckError, printLine, printOutput, quoted, usageError } from '../../errors.js';
import { readSettings, type Settings } from '../../settings.js';
import type { World } from '../../world.js';
import { noClusters } from '../list.js';
import {
  addSettingOptions,
  execApiVersion,
  execApiVersionOption,
  kubeconfigOption,
  kubeconfigPaths,
  switchOption,
  textOption,
  typedSettings,
} from '../options.js';
import { execEntry, findSwitch, type ContextOptions } from './context-entry.js';
import { checkSelection, selectClusters, type ClusterSelection } from './select.js';
import { setUpClusters } from './set-up.js';
import { summaryOfMany, summaryOfOne } from './summary.js';
import { findConflicts, renderKubeconfig, writeContexts } from '../../kubeconfig/change.js';
import { readContexts } from '../../kubeconfig/read.js';
import { type KubeconfigPaths } from '../../kubeconfig/files.js';

/** `get-credentials`: makes `kubectl` work with clusters. When kubectl runs it, `main.ts` answers. */
export function getCredentialsCommand(world: World): Command {
  const command = new Command('get-credentials')
    .alias('login')
    .description('save the credentials of clusters in the keychain, and write contexts for kubectl')
    .argument('[CLUSTER...]', 'ids or names of clusters; without any, pick from a list')
    .option('--cluster-id <ID>', 'a cluster, as a flag')
    .option('--all', 'every cluster of the account')
    .option('--region <ID>', 'look for clusters only in this region, such as cn-hangzhou-58')
    .option('--print', 'print the kubeconfig, and write no file')
    .option('--private-ip', "use the API server's private address")
    .option('--context <NAME>', "name the context, instead of after the cluster's id")
    .option('--namespace <NAMESPACE>', 'the namespace that the context starts in')
    .option('--keep-current-context', 'do not switch to the context')
    .option('--overwrite', 'replace entries of the same name, and switch identities')
    .addOption(execApiVersionOption())
    .addOption(kubeconfigOption());
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
    if (world.environment['KUBERNETES_EXEC_INFO']) {
      throw usageError(
        'kubectl runs get-credentials as exec-credential, for one cluster and without flags of its own',
      );
    }
    const text = (flag: string): string | undefined => textOption(command, flag);
    const isOn = (flag: string): boolean => switchOption(command, flag);
    const request = {
      selection: {
        clusters: [...clusters, text('cluster-id') ?? []].flat(),
        all: isOn('all'),
        region: text('region'),
      },
      options: {
        context: text('context'),
        namespace: text('namespace'),
        privateIp: isOn('private-ip'),
        execApiVersion: execApiVersion(command),
      },
      paths: isOn('print') ? undefined : kubeconfigPaths(command, world),
      overwrite: isOn('overwrite'),
      setCurrentContext: !isOn('keep-current-context'),
    };
    checkNames(request.options);
    checkSelection(request.selection, world.isTerminal('stdin') && world.isTerminal('stderr'));
    await getCredentials(request, readSettings(typedSettings(command), world.environment), world);
  });
}

interface Request {
  readonly selection: ClusterSelection;
  readonly options: ContextOptions;
  /** The user kubeconfig to write; `undefined` prints one. */
  readonly paths: KubeconfigPaths | undefined;
  readonly overwrite: boolean;
  readonly setCurrentContext: boolean;
}

/** Selects clusters, fetches and saves their credentials, writes their contexts at once, and says what was done. */
async function getCredentials(
  { selection, options, paths, overwrite, setCurrentContext }: Request,
  settings: Settings,
  world: World,
): Promise<void> {
  // An unusable kubeconfig is found before anything is called.
  const conflicts = paths && (await findConflicts(paths));
  const contexts = paths ? (await readContexts(paths)).contexts : [];
  const client = await openClient(settings, world);
  const { clusterIds, unknown } = await selectClusters(selection, client, world);
  const count = clusterIds.length + unknown.length;
  if (count === 0) {
    printLine(noClusters(client, selection.region === undefined ? {} : { region: selection.region }));
    return;
  }
  if (count > 1 && options.context !== undefined) {
    throw usageError(`--context names one context, and there are ${count} clusters`, 'Leave out --context');
  }
  const isOne = count === 1 && !selection.all;
  const failures = [...unknown];
  const noteConflict = (cluster: string, { code, message, fix }: EckError): void => {
    const error = new EckError(code, message, {
      fix: isOne ? fix : 'Replace what is there with --overwrite',
    });
    failures.push({ cluster, error });
  };

  const free = clusterIds.filter((clusterId) => {
    const name = options.context ?? clusterId;
    const exec = execEntry(clusterId, client, options.execApiVersion);
    const conflict = overwrite ? undefined : (conflicts?.get(name) ?? findSwitch(name, exec, contexts));
    if (conflict) noteConflict(clusterId, conflict);
    return conflict === undefined;
  });
  const report = await setUpClusters(free, options, client, world);
  const { setUps, stopped } = report;
  failures.push(...report.failures);

  const entries = setUps.map(({ entry }) => entry);
  const rules = { overwrite, setCurrentContext: isOne && setCurrentContext };
  const written = paths && entries.length > 0 ? await writeContexts(paths, entries, rules) : undefined;
  for (const { contextName, error } of written?.conflicts ?? []) noteConflict(contextName, error);
  if (!paths && entries.length > 0) printOutput(renderKubeconfig(entries, rules));

  const identity = client.signer.description;
  const [setUp] = setUps;
  const [failure] = failures;
  if (isOne && failure) throw failure.error;
  const lines = isOne
    ? setUp && summaryOfOne(setUp, identity, written)
    : summaryOfMany(setUps, failures, identity, written);
  for (const line of lines ?? []) printLine(line);
  if (stopped) throw stopped;
  if (failure) process.exitCode = 1;
}

function checkNames({ context = 'x', namespace = 'x' }: ContextOptions): void {
  if (!/^[^\p{Cc}\p{Cs}]{1,253}$/u.test(context)) {
    throw usageError('--context is empty, longer than 253 characters, or contains control characters');
  }
  // A DNS label (RFC 1123).
  if (!/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace)) {
    throw usageError(`--namespace ${quoted(namespace)} is not the name of a namespace`);
  }
}

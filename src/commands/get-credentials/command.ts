import { Command } from 'commander';
import { openClient } from '../../ens/client.js';
import { identityWords } from '../../ens/sign-in.js';
import { EckError, printable, printLine, printOutput, quoted, usageError } from '../../errors.js';
import { readExecArguments } from '../../exec-credential/arguments.js';
import { readBeforeWriting, renderKubeconfig, writeContexts } from '../../kubeconfig/change.js';
import type { ExecEntry } from '../../kubeconfig/entry.js';
import type { UserContext } from '../../kubeconfig/read.js';
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
} from '../options.js';
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
    .option('--context <NAME>', "name the context, instead of after the cluster's id")
    .option('--namespace <NAMESPACE>', 'the namespace that the context starts in')
    .option('--keep-current-context', 'do not switch to the context')
    .option('--overwrite', 'replace entries of the same name, and switch identities')
    .addOption(execApiVersionOption())
    .addOption(kubeconfigOption());
  addExamples(
    addSettingOptions(command),
    'eck-0123abcd',
    'eck-0123abcd --profile work --context edge',
    'eck-0123abcd --print > edge.kubeconfig',
    'shop-hangzhou shop-chengdu',
    '--all --region cn-hangzhou-58',
  );
  return command.action((clusters: string[]) => getCredentials(clusters, command, world));
}

async function getCredentials(clusters: readonly string[], command: Command, world: World): Promise<void> {
  if (world.environment['KUBERNETES_EXEC_INFO']) {
    throw usageError('kubectl runs get-credentials for one cluster, and without flags of its own');
  }
  const options = readContextOptions(command);
  const region = textOption(command, 'region');
  const selection = { clusters, all: switchOption(command, 'all'), region };
  checkSelection(selection, world.isTerminal('stdin') && world.isTerminal('stderr'));
  const settings = readSettings(typedSettings(command), world.environment);
  const paths = switchOption(command, 'print') ? undefined : kubeconfigPaths(command, world);
  const overwrite = switchOption(command, 'overwrite');

  // An unusable kubeconfig is found before anything is called.
  const kubeconfig = paths && (await readBeforeWriting(paths));
  const contexts = kubeconfig?.contexts ?? [];
  const nameOf = (clusterId: string): string => options.context ?? clusterId;
  const client = await openClient(settings, world);
  const { clusterIds, unknown } = await selectClusters(selection, client, world);
  const count = clusterIds.length + unknown.length;
  if (count === 0) {
    printLine(noClusters(client, { region }));
    return;
  }
  if (count > 1 && options.context !== undefined) {
    throw usageError(`--context names one context, and there are ${count} clusters`, 'Leave out --context');
  }
  const isOne = count === 1 && !selection.all;
  const failures = [...unknown];
  const noteConflict = (cluster: string, error: EckError): void => {
    const existing = contexts.find(({ name }) => name === nameOf(cluster));
    // With --overwrite, a client key would stay in the kubeconfig.
    const conversion = existing && convertCommandLine(existing, cluster, command);
    const ofMany = conversion ? 'Convert it: kubectl eck convert' : 'Replace what is there with --overwrite';
    const fix = isOne ? (conversion ? `Convert it: ${conversion}` : error.fix) : ofMany;
    failures.push({ cluster, error: new EckError(error.code, error.message, { fix }) });
  };

  const free = clusterIds.filter((clusterId) => {
    const name = nameOf(clusterId);
    const exec = execEntry(clusterId, client, options.execApiVersion);
    const conflict = overwrite
      ? undefined
      : (kubeconfig?.conflicts.get(name) ?? findSwitch(name, exec, contexts));
    if (conflict) noteConflict(clusterId, conflict);
    return conflict === undefined;
  });
  const isNew = (clusterId: string): boolean => contexts.every(({ name }) => name !== nameOf(clusterId));
  if (kubeconfig?.destination !== undefined && free.some(isNew)) checkWritable(kubeconfig.destination);
  const report = await setUpClusters(free, options, client, world);
  failures.push(...report.failures);

  const entries = report.setUps.map(({ entry }) => entry);
  const setCurrentContext = isOne && !switchOption(command, 'keep-current-context');
  const rules = { overwrite, setCurrentContext };
  const written = paths && entries.length > 0 ? await writeContexts(paths, entries, rules) : undefined;
  for (const { contextName, error } of written?.conflicts ?? []) {
    const setUp = report.setUps.find(({ entry }) => entry.name === contextName);
    noteConflict(setUp?.key.clusterId ?? contextName, error);
  }
  if (!paths && entries.length > 0) printOutput(renderKubeconfig(entries, rules));

  const identity = identityWords(client.signer);
  const [setUp] = report.setUps;
  const [failure] = failures;
  if (isOne && failure) throw failure.error;
  const lines = isOne
    ? setUp && summaryOfOne(setUp, identity, written)
    : summaryOfMany(report.setUps, failures, identity, written);
  for (const line of lines ?? []) printLine(line);
  if (report.stopped) throw report.stopped;
  if (failure) process.exitCode = 1;
}

function readContextOptions(command: Command): ContextOptions {
  const context = textOption(command, 'context');
  const namespace = textOption(command, 'namespace');
  if (context !== undefined && !/^[^\p{Cc}\p{Cs}]{1,253}$/u.test(context)) {
    throw usageError('--context is empty, longer than 253 characters, or contains control characters');
  }
  // A DNS label (RFC 1123).
  if (namespace !== undefined && !/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace)) {
    throw usageError(`--namespace ${quoted(namespace)} is not the name of a namespace`);
  }
  const privateIp = switchOption(command, 'private-ip');
  return { context, namespace, privateIp, execApiVersion: execApiVersion(command) };
}

/** Flags that select a credential or its store. */
const identifyingFlags = ['cluster-id', 'profile', 'role-arn', 'endpoint', 'site', 'store'] as const;
type Pins = Readonly<Partial<Record<(typeof identifyingFlags)[number], string | undefined>>>;

/** The error if an `exec` entry under this name would change the cluster or identity of a context of ours. */
function findSwitch(name: string, exec: ExecEntry, contexts: readonly UserContext[]): EckError | undefined {
  const wanted = pinsOf(exec.args);
  for (const context of contexts) {
    if (!context.isOwn || (context.name !== name && context.userName !== name)) continue;
    const pinned = pinsOf(context.execArgs, context.clusterInfoId);
    const changed = identifyingFlags.filter((flag) => pinned && pinned[flag] !== wanted?.[flag]);
    if (changed.length === 0) continue;
    const words = (pins: Pins = {}): string =>
      changed.map((flag) => (pins[flag] ? `--${flag} ${printable(pins[flag])}` : `no --${flag}`)).join(', ');
    const change = `pins ${words(pinned)} and would pin ${words(wanted)}`;
    const message = `Context ${quoted(context.name)} in ${printable(context.file)} ${change}`;
    const fix = 'Switch it with --overwrite, or choose another name with --context NAME';
    return new EckError('kubeconfig-conflict', message, { fix });
  }
  return undefined;
}

function pinsOf(args: readonly string[], otherwiseClusterId?: string): Pins | undefined {
  const read = readExecArguments(args, { KUBERNETES_EXEC_INFO: 'set' });
  return read && { ...read.settings, 'cluster-id': read.clusterId ?? otherwiseClusterId };
}

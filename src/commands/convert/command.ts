import { Command } from 'commander';
import type { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { cacheKeyText } from '../../credential/cache-key.js';
import { certificateSubject, readCertificates } from '../../credential/check.js';
import { openClient } from '../../ens/client.js';
import { EckError, printable, printLine, printOutput, usageError } from '../../errors.js';
import { readCachedCredential } from '../../exec-credential/cache.js';
import type { Mapping } from '../../mapping.js';
import { parseClusterId, readSettings, type Settings } from '../../settings.js';
import { openStore } from '../../store/open.js';
import type { Store } from '../../store/store.js';
import { formatDateTime, shellWord } from '../../terminal/format.js';
import { formatTable, type Column } from '../../terminal/table.js';
import type { World } from '../../world.js';
import type { ContextOptions } from '../get-credentials/context-entry.js';
import { setUpClusters, type ClusterSetUp, type SetUpReport } from '../get-credentials/set-up.js';
import { failureLines, savedWords } from '../get-credentials/summary.js';
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
import { findConvertible, labelOf, refusal, type Findings } from './find.js';
import { readContexts, type UserContext, readUsers, type KubeconfigUser } from '../../kubeconfig/read.js';
import { replaceUsers } from '../../kubeconfig/change.js';
import { type KubeconfigPaths } from '../../kubeconfig/files.js';

/** `convert`: replaces client keys in the user kubeconfig by `exec` entries. */
export function convertCommand(world: World): Command {
  const command = new Command('convert')
    .description('move client keys out of the kubeconfig into the keychain')
    .option('--context <NAME>', 'convert only the user of this context')
    .option('--cluster-id <ID>', 'the cluster of the context, if no name contains its id')
    .option('--dry-run', 'list what would change, and change nothing')
    .option('--overwrite', 'accept a new certificate of another subject')
    .addOption(execApiVersionOption())
    .addOption(kubeconfigOption());
  addSettingOptions(command).addHelpText(
    'after',
    [
      '',
      'Examples:',
      '  kubectl eck convert --dry-run',
      '  kubectl eck convert',
      '  kubectl eck convert --context edge --cluster-id eck-0123abcd',
    ].join('\n'),
  );
  return command.action(async () => {
    const context = textOption(command, 'context');
    const clusterId = textOption(command, 'cluster-id');
    if (clusterId !== undefined) parseClusterId(clusterId);
    if (clusterId !== undefined && context === undefined) {
      throw usageError('--cluster-id is the cluster of one context', 'Give the context with --context NAME');
    }
    const settings = readSettings(typedSettings(command), world.environment);
    if (settings.store === 'none') {
      throw usageError('--store none saves nothing, and the client keys would be lost', 'Give another store');
    }
    const rules = {
      paths: kubeconfigPaths(command, world),
      overwrite: switchOption(command, 'overwrite'),
      options: {
        context: undefined,
        namespace: undefined,
        privateIp: false,
        execApiVersion: execApiVersion(command),
      },
    };
    const users = await readUsers(rules.paths);
    const found = findConvertible(users, { context, clusterId });
    const { failures, stopped } = switchOption(command, 'dry-run')
      ? await list(found)
      : await convert(found, rules, settings, world);
    for (const line of [...failureLines(failures), ...restLines(found)]) printLine(line);
    if (stopped) throw stopped;
    if (failures.length === 0) return;
    const total = found.convertible.length + found.failures.length;
    const message = `${failures.length} of ${total} client keys are still in the user kubeconfig`;
    throw new EckError('conversion-incomplete', message);
  });
}

type ConvertReport = Pick<SetUpReport, 'failures' | 'stopped'>;

/** Prints a line for each user that would be converted. */
async function list({ convertible, failures }: Findings): Promise<ConvertReport> {
  const rows = await Promise.all(
    convertible.map(async ({ user, clusterId }) => ({
      context: printable(labelOf(user)),
      clusterId,
      subject: (await subjectIn(user)) ?? '',
    })),
  );
  const columns: readonly Column<(typeof rows)[number]>[] = [
    ['CONTEXT', ({ context }) => context],
    ['CLUSTER', ({ clusterId }) => clusterId],
    ['SUBJECT', ({ subject }) => subject],
  ];
  printOutput(formatTable(columns, rows, { headers: true }));
  return { failures, stopped: undefined };
}

interface ConvertRules {
  readonly paths: KubeconfigPaths;
  readonly overwrite: boolean;
  readonly options: ContextOptions;
}

/** Fetches and saves a new credential for each user, then writes all `exec` entries at once. */
async function convert(
  found: Findings,
  rules: ConvertRules,
  settings: Settings,
  world: World,
): Promise<ConvertReport> {
  const { convertible } = found;
  const failures = [...found.failures];
  if (convertible.length === 0) return { failures, stopped: undefined };
  const client = await openClient(settings, world);
  const clusterIds = [...new Set(convertible.map(({ clusterId }) => clusterId))];
  const report = await setUpClusters(clusterIds, rules.options, client, world);

  const converted: { readonly user: KubeconfigUser; readonly setUp: ClusterSetUp }[] = [];
  for (const { user, clusterId } of convertible) {
    const setUp = report.setUps.find(({ key }) => key.clusterId === clusterId);
    const error = setUp
      ? await checkSetUp(user, setUp, rules, openStore(settings.store, world))
      : report.failures.find(({ cluster }) => cluster === clusterId)?.error;
    if (error) failures.push({ cluster: labelOf(user), error });
    else if (setUp) converted.push({ user, setUp });
  }
  const replacements = converted.map(({ user: { name, file, content }, setUp: { entry } }) => ({
    name,
    file,
    content,
    exec: entry.exec,
  }));
  if (replacements.length > 0) await replaceUsers(rules.paths, replacements);
  for (const { user, setUp } of converted) for (const line of await linesOf(user, setUp)) printLine(line);
  return { failures, stopped: report.stopped };
}

/** Checks that the new credential is saved and does what the client key in the kubeconfig does. */
async function checkSetUp(
  user: KubeconfigUser,
  { key, credential, entry }: ClusterSetUp,
  { paths, overwrite }: ConvertRules,
  store: Store,
): Promise<EckError | undefined> {
  const issued = certificateSubject(credential);
  const present = await subjectIn(user);
  if (present !== issued && !overwrite) {
    return refusal(
      `its certificate is of ${present ?? 'an unknown subject'}, and the new one of ${issued}`,
      'Accept the new subject with --overwrite',
    );
  }
  for (const { name } of user.contexts) {
    if (await trusts(user, name, paths, entry.certificateAuthorityPem)) continue;
    const fix = `Set up the cluster: kubectl eck get-credentials ${key.clusterId}`;
    return refusal(`the context ${printable(name)} has another CA than ${key.clusterId}`, fix);
  }
  const saved = await readCachedCredential(store, cacheKeyText(key));
  if (saved && Buffer.compare(saved.privateKey.der, credential.privateKey.der) === 0) return undefined;
  return new EckError('keychain-absent', 'the new credential could not be saved', {
    fix: 'Find out why: kubectl eck doctor. Or save it in a file: --store file',
  });
}

/** Whether a context's cluster entry has a CA certificate that ENS issued. */
async function trusts(
  user: KubeconfigUser,
  contextName: string,
  paths: KubeconfigPaths,
  issuedPem: string,
): Promise<boolean> {
  const find = async (files: KubeconfigPaths): Promise<UserContext | undefined> =>
    (await readContexts(files)).contexts.find(({ name, cluster }) => name === contextName && cluster);
  // Files that are used one by one may have clusters of the same name.
  const context = (await find([user.file])) ?? (await find(paths));
  const { cluster = {}, clusterFile = user.file } = context ?? {};
  const pem = await readPem(cluster, 'certificate-authority', clusterFile);
  const issued = readCertificates(issuedPem).map(({ fingerprint256 }) => fingerprint256);
  return certificatesIn(pem).some(({ fingerprint256 }) => issued.includes(fingerprint256));
}

/** The subject of the client certificate in the kubeconfig, or `undefined` if it cannot be read. */
async function subjectIn({ content, file }: KubeconfigUser): Promise<string | undefined> {
  const [leaf] = certificatesIn(await readPem(content, 'client-certificate', file));
  return leaf && certificateSubject({ certificates: [leaf.raw] });
}

function certificatesIn(pem: string): readonly X509Certificate[] {
  try {
    return readCertificates(pem);
  } catch {
    return [];
  }
}

/** The text of a field: `FIELD-data` in base64, else the file that it names. '' if there is none. */
async function readPem(content: Mapping, field: string, file: string): Promise<string> {
  const data = content[`${field}-data`];
  if (typeof data === 'string' && data !== '') return Buffer.from(data, 'base64').toString('latin1');
  const path = pathOf(content, field, file);
  const isFile = path !== undefined && (await stat(path).catch(() => undefined))?.isFile();
  return isFile ? readFile(path, 'latin1').catch(() => '') : '';
}

/** The file that a field names, relative to the kubeconfig. */
function pathOf(content: Mapping, field: string, file: string): string | undefined {
  const path = content[field];
  return typeof path === 'string' && path !== '' ? resolve(dirname(file), path) : undefined;
}

async function linesOf(user: KubeconfigUser, { credential, store }: ClusterSetUp): Promise<string[]> {
  const until = formatDateTime(credential.notAfter);
  const certificate = `new client certificate (${certificateSubject(credential)}; valid until ${until})`;
  const lines = [`${printable(labelOf(user))}: converted. Its ${certificate} is ${savedWords[store]}`];
  const keyFile = pathOf(user.content, 'client-key', user.file);
  if (keyFile) {
    const path = printable(keyFile);
    lines.push(`The old key is still in ${path}. If nothing else uses it: rm ${shellWord(path)}`);
  }
  const data = user.content['client-key-data'];
  if (typeof data === 'string' && (await readFile(user.file, 'utf8')).includes(data)) {
    lines.push(`The old key is also elsewhere in ${printable(user.file)}, in a comment or another user`);
  }
  return lines;
}

function restLines({ convertible, failures, unknown }: Findings): string[] {
  const isNothing = convertible.length === 0 && failures.length === 0;
  const lines = isNothing
    ? ['Nothing to convert: no client key of an ECK cluster is in the user kubeconfig.']
    : [];
  const [first] = unknown;
  if (first === undefined) return lines;
  const command = `kubectl eck convert --context ${shellWord(printable(first))} --cluster-id ID`;
  const names = printable(unknown.join(', '));
  return [...lines, `Left alone, no name contains an ECK id: ${names}. If one is of ECK: ${command}`];
}

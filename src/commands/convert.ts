import type { X509Certificate } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { cacheKeyText } from '../credential/cache-key.js';
import { certificateSubject, readCertificates } from '../credential/check.js';
import { openClient } from '../ens/client.js';
import { EckError, printable, printLine, printOutput, quoted, usageError, type Mapping } from '../errors.js';
import { readCachedCredential } from '../exec-credential/cache.js';
import { replaceUsers } from '../kubeconfig/change.js';
import { readText, type KubeconfigPaths } from '../kubeconfig/files.js';
import { readUsers, type KubeconfigUser, type UserContext } from '../kubeconfig/read.js';
import { parseClusterId, type Settings } from '../settings.js';
import { openStore } from '../store/open.js';
import type { Store } from '../store/store.js';
import { shellWord } from '../terminal/format.js';
import { formatTable, type Column } from '../terminal/table.js';
import type { World } from '../world.js';
import { setUpClusters, type ClusterFailure, type ClusterSetUp } from './get-credentials/set-up.js';
import { certificateWords, failureLines } from './get-credentials/summary.js';
import { commandLine, EckCommand } from './options.js';

/** `convert`: replaces client keys in the user kubeconfig by `exec` entries. */
export function convertCommand(world: World): EckCommand {
  const command = new EckCommand('convert')
    .description('replace client keys in the kubeconfig by new ones in the keychain')
    .option('--context <NAME>', 'convert only the user of this context')
    .option('--cluster-id <ID>', 'the cluster of the context, if no name contains its id')
    .option('--dry-run', 'list what would change, and change nothing')
    .option('--overwrite', 'accept a new certificate of another subject')
    .addExecApiVersionOption()
    .addKubeconfigOption()
    .addSettingOptions()
    .addExamples('--dry-run', '', '--context edge --cluster-id eck-0123abcd');
  return command.action(async () => {
    const context = command.textOption('context');
    const clusterId = command.textOption('cluster-id');
    if (clusterId !== undefined) parseClusterId(clusterId);
    if (clusterId !== undefined && context === undefined) {
      throw usageError('--cluster-id is the cluster of one context', 'Give the context with --context NAME');
    }
    const settings = command.settings(world);
    if (settings.store === 'none') {
      throw usageError('--store none saves nothing, and the client keys would be lost', 'Give another store');
    }
    const paths = command.kubeconfigPaths(world);
    const users = await readUsers(paths);
    const { convertible, failures, unknown } = findConvertible(users, { context, clusterId });
    const total = convertible.length + failures.length;
    let stopped: EckError | undefined;
    if (command.switchOption('dry-run')) printOutput(await formatUsers(convertible));
    else if (convertible.length > 0) stopped = await convert(convertible, failures, settings, paths, command, world);
    for (const line of failureLines(failures)) printLine(line);
    if (total === 0) printLine('Nothing to convert: the user kubeconfig has no client key of an ECK cluster.');
    if (unknown.length > 0) {
      const names = printable(unknown.join(', '));
      printLine(`No name contains an ECK id: ${names}. If one is of ECK: --context NAME --cluster-id ID`);
    }
    if (stopped) throw stopped;
    if (failures.length === 0) return;
    const message = `${failures.length} of ${total} client keys are still in the user kubeconfig`;
    throw new EckError('conversion-incomplete', message);
  });
}

/** A user with a client key, and the cluster that all its contexts reach. */
type Convertible = KubeconfigUser & { readonly clusterId: string };

/** The context that was given, and its cluster if no name contains the id. */
export type ConvertSelection = Readonly<Partial<Record<'context' | 'clusterId', string | undefined>>>;

/**
 * Finds the users with a client key whose contexts reach one ECK cluster, whose id is in a name; those that cannot be
 * converted; and contexts of unknown clusters. @throws EckError `context-not-…` for the context that was given
 */
export function findConvertible(users: readonly KubeconfigUser[], given: ConvertSelection) {
  const { context } = given;
  const convertible: Convertible[] = [];
  const failures: ClusterFailure[] = [];
  const unknown: string[] = [];
  for (const user of context === undefined ? users : [userOf(context, users)]) {
    if (!hasClientKey(user.content)) continue;
    const idsOfClusters = clusterIdsOf(user, given);
    const [clusterId] = idsOfClusters.flat();
    const error = conflictOf(user, idsOfClusters);
    if (clusterId === undefined) unknown.push(...user.contexts.map(({ name }) => name));
    else if (error) failures.push({ cluster: labelOf(user), error });
    else convertible.push({ ...user, clusterId });
  }
  if (context !== undefined && unknown.length > 0) {
    const message = `No name of the context ${quoted(context)} contains the id of an ECK cluster`;
    throw refusal(message, 'Give it with --cluster-id');
  }
  return { convertible, failures, unknown };
}

function userOf(context: string, users: readonly KubeconfigUser[]): KubeconfigUser {
  const user = users.find(({ contexts }) => contexts.some(({ name }) => name === context));
  if (user === undefined) {
    const fix = 'List the contexts: kubectl config get-contexts';
    throw new EckError('context-not-found', `The user kubeconfig has no context ${quoted(context)}`, { fix });
  }
  if (!user.isOwn && !hasClientKey(user.content)) throw refusal(`The user ${quoted(user.name)} has no client key`);
  return user;
}

function hasClientKey(user: Mapping): boolean {
  return Boolean(user['client-key-data']) || Boolean(user['client-key']);
}

/** The `convert` command for a context whose user has a client key, with the settings that were typed. */
export function convertCommandLine(
  { name, user }: UserContext,
  clusterId: string,
  command: EckCommand,
): string | undefined {
  if (!hasClientKey(user)) return undefined;
  const place = { context: name, 'cluster-id': clusterId, kubeconfig: command.textOption('kubeconfig') };
  return commandLine('convert', { ...place, ...command.typedSettings() });
}

/** The ids in the names that belong to each cluster entry of a user's contexts. */
function clusterIdsOf(user: KubeconfigUser, { context, clusterId }: ConvertSelection): string[][] {
  if (user.contexts.length === 0) return [clusterIdsIn([user.name])];
  const ids = new Map<string | undefined, string[]>();
  for (const { name, clusterName } of user.contexts) {
    const isGiven = clusterId !== undefined && name === context;
    const found = isGiven ? [clusterId] : clusterIdsIn([name, clusterName ?? '', user.name]);
    ids.set(clusterName, [...(ids.get(clusterName) ?? []), ...found]);
  }
  return [...ids.values()];
}

/** The ids of ECK clusters in names, such as `admin@eck-0123abcd` and `eck-0123abcd-staging`. */
export function clusterIdsIn(names: readonly string[]): string[] {
  return names.flatMap((name) => name.match(/(?<![\p{L}\p{N}])eck-[a-z0-9]+(?![\p{L}\p{N}])/gu) ?? []);
}

/** Ways to sign in, besides a client key, that an `exec` entry would replace. */
const otherWays = ['exec', 'auth-provider', 'token', 'tokenFile', 'username', 'password'];

function conflictOf({ contexts, content }: KubeconfigUser, idsOfClusters: string[][]): EckError | undefined {
  const ids = [...new Set(idsOfClusters.flat())];
  const fix = `Set up each cluster: kubectl eck get-credentials ${ids.join(' ')}`;
  const also = otherWays.filter((field) => content[field]).join(', ');
  if (contexts.length === 0) return refusal('no context uses it', 'Delete it: kubectl config delete-user');
  if (ids.length > 1) return refusal(`it is of several clusters: ${ids.join(', ')}`, fix);
  if (idsOfClusters.some((idsOfOne) => idsOfOne.length === 0)) {
    return refusal('it is shared with a context of an unknown cluster', fix);
  }
  return also ? refusal(`it also has ${also}`, 'Take one of them out of the kubeconfig') : undefined;
}

function refusal(message: string, fix?: string): EckError {
  return new EckError('context-not-convertible', message, { fix });
}

/** The contexts of a user for a message; the user itself if it has none. */
export function labelOf({ name, contexts }: KubeconfigUser): string {
  return contexts.map((context) => context.name).join(', ') || `user ${name}`;
}

async function formatUsers(users: readonly Convertible[]): Promise<string> {
  const subjects = await Promise.all(users.map(subjectIn));
  const columns: readonly Column<Convertible>[] = [
    ['CONTEXT', (user) => printable(labelOf(user))],
    ['CLUSTER', ({ clusterId }) => clusterId],
    ['SUBJECT', (user) => subjects[users.indexOf(user)] ?? ''],
  ];
  return formatTable(columns, users);
}

/** Converts users, and adds to the failures. @returns why the rest was not tried */
async function convert(
  users: readonly Convertible[],
  failures: ClusterFailure[],
  settings: Settings,
  paths: KubeconfigPaths,
  command: EckCommand,
  world: World,
): Promise<EckError | undefined> {
  const client = await openClient(settings, world);
  const clusters = [...new Set(users.map(({ clusterId }) => clusterId))].map((clusterId) => ({ clusterId }));
  const report = await setUpClusters(clusters, { execApiVersion: command.execApiVersion() }, client, world);
  const overwrite = command.switchOption('overwrite');
  const store = openStore(settings.store, world);
  const converted: (KubeconfigUser & ClusterSetUp)[] = [];
  for (const user of users) {
    const setUp = report.setUps.find(({ key }) => key.clusterId === user.clusterId);
    const failure = report.failures.find(({ cluster }) => cluster === user.clusterId);
    const error = setUp ? await checkSetUp(user, setUp, overwrite, store) : failure?.error;
    if (error) failures.push({ cluster: labelOf(user), error });
    else if (setUp) converted.push({ ...user, ...setUp });
  }
  const replacements = converted.map((user) => ({ ...user, exec: user.entry.exec }));
  if (replacements.length > 0) await replaceUsers(paths, replacements);
  for (const user of converted) for (const line of await linesOf(user)) printLine(line);
  return report.stopped;
}

/** Checks that the new credential is saved and does what the client key in the kubeconfig does. */
async function checkSetUp(
  user: Convertible,
  { key, credential, entry }: ClusterSetUp,
  overwrite: boolean,
  store: Store,
): Promise<EckError | undefined> {
  const issued = certificateSubject(credential);
  const present = await subjectIn(user);
  if (present !== issued && !overwrite) {
    const message = `its certificate is of ${present ?? 'an unknown subject'}, and the new one of ${issued}`;
    return refusal(message, 'Accept the new subject with --overwrite');
  }
  const authorities = readCertificates(entry.certificateAuthorityPem).map((each) => each.fingerprint256);
  for (const { name, cluster = {}, clusterFile = '' } of user.contexts) {
    const trusted = await certificatesOf(cluster, 'certificate-authority', clusterFile);
    if (trusted.some(({ fingerprint256 }) => authorities.includes(fingerprint256))) continue;
    const fix = `Set up the cluster: kubectl eck get-credentials ${user.clusterId}`;
    return refusal(`the context ${printable(name)} has another CA than ${user.clusterId}`, fix);
  }
  const saved = await readCachedCredential(store, cacheKeyText(key));
  if (saved && Buffer.compare(saved.privateKey.der, credential.privateKey.der) === 0) return undefined;
  const fix = 'Find out why: kubectl eck doctor. Or save it in a file: --store file';
  return new EckError('keychain-absent', 'the new credential could not be saved', { fix });
}

/** The subject of the client certificate in the kubeconfig, or `undefined` if it cannot be read. */
async function subjectIn({ content, file }: KubeconfigUser): Promise<string | undefined> {
  const [leaf] = await certificatesOf(content, 'client-certificate', file);
  return leaf && certificateSubject({ certificates: [leaf.raw] });
}

/** The certificates in `FIELD-data`, else in the file that the field names; none if they cannot be read. */
async function certificatesOf(content: Mapping, field: string, file: string): Promise<X509Certificate[]> {
  const data = content[`${field}-data`];
  const path = pathOf(content, field, file);
  try {
    const text = typeof data === 'string' ? Buffer.from(data, 'base64').toString('latin1') : '';
    return readCertificates(text || ((path && (await readText(path))?.text) ?? ''));
  } catch {
    return [];
  }
}

function pathOf(content: Mapping, field: string, file: string): string | undefined {
  const path = content[field];
  return typeof path === 'string' && path !== '' ? resolve(dirname(file), path) : undefined;
}

/** Also says where the old key still is after the change. */
async function linesOf(user: KubeconfigUser & ClusterSetUp): Promise<string[]> {
  const lines = [`${printable(labelOf(user))}: converted. Its new ${certificateWords(user)}`];
  const keyFile = pathOf(user.content, 'client-key', user.file);
  if (keyFile) lines.push(`The old key stays. If nothing else uses it: rm ${shellWord(printable(keyFile))}`);
  const data = user.content['client-key-data'];
  if (typeof data === 'string' && (await readText(user.file))?.text.includes(data)) {
    lines.push(`The old key is also elsewhere in ${printable(user.file)}, in a comment or another user`);
  }
  return lines;
}

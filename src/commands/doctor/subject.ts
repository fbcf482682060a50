import { EckError, printable } from '../../errors.js';
import { readExecArguments } from '../../exec-credential/arguments.js';
import { ownContexts } from '../cached-credentials.js';
import { readConnection, type Connection } from '../../kubeconfig/user-connection.js';
import {
  readContexts,
  type KubeconfigPaths,
  type UserContext,
  type UserContexts,
} from '../../kubeconfig/user.js';
import { isMapping } from '../../mapping.js';
import { isClusterId, parseClusterId } from '../../settings.js';
import { readSettings, type Settings, type SettingTexts } from '../../settings.js';
import { shellWord } from '../../terminal/format.js';
import type { Environment, World } from '../../world.js';

/** What is examined: a cluster, the context that reaches it, and the settings that its credential is asked for with. */
export interface Subject {
  /** `undefined` where none was named, and the current context is for none. */
  readonly clusterId: string | undefined;
  /** Those of the context, and what was typed in their stead. */
  readonly settings: Settings;
  /** The context that was named or meant, whoever wrote it. */
  readonly context: UserContext | undefined;
  readonly isCurrent: boolean;
  /** Whether the context asks this plugin for the credential of {@link clusterId}. */
  readonly isOwn: boolean;
  /** What the context joins. */
  readonly connection: Connection | undefined;
  /** Why the user kubeconfig could not be read. */
  readonly kubeconfigError: EckError | undefined;
  /** What the `exec` entry adds to the environment. */
  readonly execEnvironment: Environment;
  /** The command that sets the context up as it is, with other flags where they are given. */
  setUpCommand(otherFlags?: SetUpFlags): string;
}

/** Flags of `get-credentials` by their names, without a value where they take none. */
export type SetUpFlags = Readonly<Record<string, string | true>>;

/** What a person asked to be examined. */
export interface SubjectRequest {
  /** A context's name or a cluster's id; without one it is the current context. */
  readonly asked: string | undefined;
  readonly typed: SettingTexts;
  readonly paths: KubeconfigPaths;
  /** `--kubeconfig`, where it was given. */
  readonly kubeconfigFlag: string | undefined;
}

/**
 * Finds out what is to be examined. A kubeconfig that cannot be read, or lacks the context, is a finding and no error.
 *
 * @throws EckError `usage`
 */
export async function findSubject(request: SubjectRequest, world: World): Promise<Subject> {
  const { asked, paths } = request;
  const { contexts, error } = await readOrExplain(paths);
  const own = ownContexts(contexts, world.environment);
  const ofCluster = own.filter(({ clusterId }) => clusterId === asked);
  const name =
    asked === undefined
      ? contexts.currentContext
      : contexts.contexts.some((context) => context.name === asked)
        ? asked
        : (ofCluster.find(({ isCurrent }) => isCurrent) ?? ofCluster[0])?.name;
  const context = contexts.contexts.find((candidate) => candidate.name === name);
  const ownContext = own.find((candidate) => candidate.name === context?.name);
  const clusterId = ownContext?.clusterId ?? clusterOf(asked, context);
  const connection = context && (await readConnection(paths, context.name));

  const execEnvironment = context?.execEnvironment ?? {};
  const environment = { ...world.environment, ...execEnvironment };
  const texts = settingTexts(context, request.typed, environment);
  const isCurrent = context !== undefined && context.name === contexts.currentContext;
  const flags: SetUpFlags = {
    ...(clusterId === undefined || context === undefined
      ? {}
      : contextFlags(context.name, clusterId, isCurrent)),
    ...(request.kubeconfigFlag === undefined ? {} : { kubeconfig: request.kubeconfigFlag }),
    // How long to wait is no part of a context.
    ...Object.fromEntries(Object.entries(texts).filter(([flag]) => !flag.endsWith('timeout'))),
    ...(execVersion(connection) === 'v1beta1' ? { 'exec-api-version': 'v1beta1' } : {}),
  };
  return {
    clusterId,
    settings: readSettings(texts, environment),
    context,
    isCurrent,
    isOwn: ownContext !== undefined,
    connection,
    kubeconfigError: error,
    execEnvironment,
    setUpCommand: (otherFlags = {}) => setUpCommand(clusterId, { ...flags, ...otherFlags }),
  };
}

/** What a context needs to stay what it is called, and to become the current one only if it is. */
function contextFlags(name: string, clusterId: string, isCurrent: boolean): SetUpFlags {
  return {
    ...(name === clusterId ? {} : { context: name }),
    ...(isCurrent ? {} : { 'keep-current-context': true }),
  };
}

function setUpCommand(clusterId: string | undefined, flags: SetUpFlags): string {
  const words = Object.entries(flags).flatMap(([flag, value]) =>
    value === true ? [`--${flag}`] : [`--${flag}`, value],
  );
  const command = ['kubectl eck get-credentials', ...[clusterId ?? [], words].flat().map(shellWord)];
  return printable(command.join(' '), Infinity);
}

async function readOrExplain(
  paths: KubeconfigPaths,
): Promise<{ readonly contexts: UserContexts; readonly error?: EckError }> {
  try {
    return { contexts: await readContexts(paths) };
  } catch (error) {
    if (!(error instanceof EckError)) throw error;
    return { contexts: { currentContext: undefined, contexts: [] }, error };
  }
}

/** The cluster that is meant where no context of ours says it. A console's kubeconfig names contexts after clusters. */
function clusterOf(asked: string | undefined, context: UserContext | undefined): string | undefined {
  if (asked !== undefined && context === undefined) return parseClusterId(asked);
  const name = context?.name ?? '';
  return name.startsWith('eck-') && isClusterId(name) ? name : undefined;
}

/** The flags of the `exec` entry, and what was typed in their stead. */
function settingTexts(
  context: UserContext | undefined,
  typed: SettingTexts,
  environment: Environment,
): SettingTexts {
  const asKubectl = { ...environment, KUBERNETES_EXEC_INFO: 'set' };
  const { endpoint, site, ...written } =
    readExecArguments(context?.execArgs ?? [], asKubectl)?.settings ?? {};
  // Either says where ENS is.
  const isElsewhere = typed.endpoint !== undefined || typed.site !== undefined;
  const where = { ...(endpoint === undefined ? {} : { endpoint }), ...(site === undefined ? {} : { site }) };
  return { ...written, ...(isElsewhere ? {} : where), ...typed };
}

function execVersion(connection: Connection | undefined): string | undefined {
  const exec = connection?.user['exec'];
  return isMapping(exec) && typeof exec['apiVersion'] === 'string'
    ? exec['apiVersion'].split('/').at(-1)
    : undefined;
}

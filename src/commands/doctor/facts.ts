import type { Cluster } from '@kubernetes/client-node';
import type { ClientCredential } from '../../credential/client-credential.js';
import type { EnsClient } from '../../ens/client.js';
import { EckError, isMapping, type ErrorCode } from '../../errors.js';
import { readExecArguments } from '../../exec-credential/arguments.js';
import type { IssuedKubeconfig } from '../../kubeconfig/issued.js';
import { readContexts, type UserContext } from '../../kubeconfig/read.js';
import { isClusterId, parseClusterId, readSettings, type SettingTexts, type StoreName } from '../../settings.js';
import type { World } from '../../world.js';
import { ownContexts } from '../cached-credentials.js';
import { convertCommandLine } from '../convert.js';
import { commandLine, type EckCommand, type Flags } from '../options.js';

/** One check. It changes nothing that lasts. It throws an EckError if it fails. */
export type Check = (facts: Facts, world: World) => Promise<Result> | Result;

/** The result of a check, safe to print and without secrets. */
export interface Result {
  readonly status: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly detail: string;
  readonly fix?: string | undefined;
  readonly code?: ErrorCode | undefined;
}

export function ok(detail: string): Result {
  return { status: 'ok', detail };
}

export function warning(detail: string, fix: string): Result {
  return { status: 'warning', detail, fix };
}

export function skipped(detail: string, fix?: string): Result {
  return { status: 'skipped', detail, fix };
}

/** Facts shared between checks. Contains secrets. */
export type Facts = Awaited<ReturnType<typeof findFacts>> & {
  /** Whether there is a kubectl that reads the `exec` entry. */
  hasKubectl?: boolean;
  /** The store that works. */
  store?: StoreName;
  client?: EnsClient;
  issued?: IssuedKubeconfig;
  /** The credential that kubectl would get. */
  credential?: { readonly credential: ClientCredential; readonly isCached: boolean };
  cluster?: Cluster;
};

/**
 * Finds the context and the cluster to check by a context's name or a cluster's id, by default the current context, and
 * sets the variables of the `exec` entry, as kubectl does. @throws EckError `usage`
 */
export async function findFacts(name: string | undefined, command: EckCommand, world: World) {
  const typed = command.typedSettings();
  let kubeconfigError: EckError | undefined;
  const paths = command.kubeconfigPaths(world);
  const contexts = await readContexts(paths).catch((error: unknown) => {
    if (!(error instanceof EckError)) throw error;
    kubeconfigError = error;
    return { currentContext: undefined, contexts: [], destination: undefined };
  });
  const own = ownContexts(contexts, world.environment);
  const ofCluster = own.filter(({ clusterId }) => clusterId === name);
  const ownName = (ofCluster.find(({ isCurrent }) => isCurrent) ?? ofCluster[0])?.name;
  const find = (wanted?: string): UserContext | undefined =>
    contexts.contexts.find((candidate) => candidate.name === wanted);
  const context = find(name ?? contexts.currentContext) ?? find(ownName);
  const ownContext = own.find((candidate) => candidate.name === context?.name);
  const clusterId = ownContext?.clusterId ?? clusterOf(name, context);
  const isCurrent = context !== undefined && context.name === contexts.currentContext;
  const exec = isMapping(context?.user['exec']) ? context.user['exec'] : undefined;

  // The SDK reads the variables of the process.
  Object.assign(process.env, context?.execEnvironment);
  const environment = { ...world.environment, ...context?.execEnvironment };
  const asKubectl = { ...environment, KUBERNETES_EXEC_INFO: 'set' };
  const written = readExecArguments(context?.execArgs ?? [], asKubectl)?.settings ?? {};
  // A typed --site replaces a written --endpoint, and the other way round.
  const isElsewhere = typed.endpoint !== undefined || typed.site !== undefined;
  const used = Object.entries(written).filter(([flag]) => !isElsewhere || !/^(endpoint|site)$/.test(flag));
  const texts: SettingTexts = { ...Object.fromEntries(used), ...typed };
  const isWritten = context !== undefined && clusterId !== undefined;
  const flags: Flags & { readonly kubeconfig?: string | undefined } = {
    context: isWritten && context.name !== clusterId ? context.name : undefined,
    'keep-current-context': isWritten && !isCurrent ? true : undefined,
    kubeconfig: command.textOption('kubeconfig'),
    ...texts,
    timeout: undefined,
    'exec-api-version': String(exec?.['apiVersion']).endsWith('/v1beta1') ? 'v1beta1' : undefined,
  };
  const setUp = clusterId === undefined ? 'get-credentials' : `get-credentials ${clusterId}`;
  return {
    /** `undefined` if no cluster was named and the current context is for none. */
    clusterId,
    /** Those of the context, and typed flags. */
    settings: readSettings(texts, environment),
    context,
    isCurrent,
    /** The context's `exec` entry, if it asks this plugin for a credential of the cluster. */
    exec: ownContext && exec,
    kubeconfigError,
    /** The file of the context, or where a new one would be written. */
    kubeconfigFile: (clusterId === undefined ? undefined : context?.file) ?? contexts.destination ?? paths[0],
    /** `--kubeconfig` for kubectl, if it was typed. */
    kubeconfigFlag: flags.kubeconfig === undefined ? [] : ['--kubeconfig', paths[0]],
    /** The `get-credentials` command that writes the context again, with other flags if they are given. */
    setUpCommand: (otherFlags?: Flags) => commandLine(setUp, { ...flags, ...otherFlags }),
    /** The `convert` command for the context, if its user has a client key. */
    convertCommand: context && clusterId && convertCommandLine(context, clusterId, command),
  };
}

/** The cluster that is meant if no context of ours says so. The console names a context after its cluster. */
function clusterOf(name: string | undefined, context: UserContext | undefined): string | undefined {
  if (name !== undefined && context === undefined) return parseClusterId(name);
  const contextName = context?.name ?? '';
  return contextName.startsWith('eck-') && isClusterId(contextName) ? contextName : undefined;
}

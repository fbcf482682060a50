import { readExecArguments } from '../exec-credential/arguments.js';
import type { Environment } from '../identity/identity.js';
import type { UserContexts } from '../kubeconfig/user.js';
import { isClusterId } from '../settings/cluster-id.js';
import { readSettings, settingText, type Settings } from '../settings/settings.js';

/** A context of the user kubeconfig whose credential comes from this plugin, and which credential it asks for. */
export interface OwnContext {
  readonly name: string;
  /** The file that it stands in. */
  readonly file: string;
  readonly isCurrent: boolean;
  readonly clusterId: string;
  /** As kubectl, run in this environment, would have them. */
  readonly settings: Settings;
  /** What kubectl would run this plugin in: this environment, and what the `exec` entry adds to it. */
  readonly environment: Environment;
}

/**
 * Tells which credentials the contexts ask this plugin for. A context whose `exec` entry cannot be understood asks for
 * none, and is left out.
 */
export function ownContexts(
  { contexts, currentContext }: UserContexts,
  environment: Environment,
): OwnContext[] {
  return contexts.flatMap((context): OwnContext[] => {
    if (!context.isOwn) return [];
    const { name, file, execArgs, execEnvironment, clusterInfoId } = context;
    const itsEnvironment = { ...environment, ...execEnvironment };
    const request = readExecArguments(execArgs, { ...itsEnvironment, KUBERNETES_EXEC_INFO: 'set' });
    if (request === undefined) return [];
    const clusterId = settingText('cluster-id', request.clusterId, itsEnvironment) ?? clusterInfoId ?? '';
    if (!isClusterId(clusterId)) return [];
    try {
      const settings = readSettings(request.settings, itsEnvironment);
      const isCurrent = name === currentContext;
      return [{ name, file, isCurrent, clusterId, settings, environment: itsEnvironment }];
    } catch {
      return [];
    }
  });
}

import { EckError, usageError } from '../errors.js';
import { parseClusterId } from '../settings.js';
import { readSettings } from '../settings.js';
import { parentProcess, type ParentProcess } from './parent-process.js';
import type { World } from '../world.js';
import type { ExecArguments } from './arguments.js';
import { formatExecCredential, readExecInfo, type ExecInfo } from './protocol.js';
import { provide } from './provide.js';

/**
 * Answers kubectl: its request from the environment, the answer on standard output, nothing else there.
 *
 * @throws EckError where no credential can be had, with nothing on standard output
 */
export async function answerKubectl(typed: ExecArguments, world: World): Promise<void> {
  const info = readExecInfo(world.environment['KUBERNETES_EXEC_INFO']);
  const clusterId = clusterAskedFor(typed, info);
  const settings = readSettings(typed.settings, world.environment);
  const { credential, expiration } = await provide(
    { clusterId, settings, parentProcess: requesterOf(world) },
    world,
  );
  // console.log and not process.stdout, which takes longer to set up than all the rest of this program.
  console.log(formatExecCredential(info.apiVersion, credential, expiration));
}

/** A person who runs the plugin by hand may ask as often as they like. */
function requesterOf({ environment, platform }: World): ParentProcess | undefined {
  return environment['KUBERNETES_EXEC_INFO'] ? parentProcess(platform) : undefined;
}

function clusterAskedFor(typed: ExecArguments, info: ExecInfo): string {
  const named = typed.clusterId;
  if (named !== undefined) return parseClusterId(named);
  if (info.clusterId === undefined) {
    throw usageError(
      'which cluster? Give --cluster-id eck-…, or let the kubeconfig carry clusterId in its exec extension',
    );
  }
  try {
    return parseClusterId(info.clusterId);
  } catch (error) {
    throw new EckError('exec-info-invalid', `KUBERNETES_EXEC_INFO: ${(error as Error).message}`);
  }
}

import { EckError, messageOf, printOutput, usageError } from '../errors.js';
import { parseClusterId, readSettings } from '../settings.js';
import type { World } from '../world.js';
import type { ExecArguments } from './arguments.js';
import { findParentProcess } from './parent-process.js';
import { formatExecCredential, parseExecApiVersion, readExecInfo, type ExecInfo } from './protocol.js';
import { provide } from './provide.js';

/**
 * Answers kubectl: reads its request from the environment and prints the credential on standard output.
 *
 * @throws EckError before anything is printed
 */
export async function answerKubectl(typed: ExecArguments, world: World): Promise<void> {
  const { environment, platform } = world;
  if (world.isTerminal('stdout')) {
    throw usageError(
      'a private key is not printed to a terminal',
      'kubectl runs this command by itself. Try kubectl get nodes, or check the setup with kubectl eck doctor',
    );
  }
  const requestText = environment['KUBERNETES_EXEC_INFO'];
  const info = readExecInfo(requestText, parseExecApiVersion(typed.execApiVersion));
  const clusterId = readClusterId(typed, info);
  const settings = readSettings(typed.settings, environment);
  // Only a program that sets the variable asks again because the API server rejected the certificate.
  const parentProcess = requestText ? findParentProcess(platform) : undefined;
  const { credential, expiration } = await provide({ clusterId, settings, parentProcess }, world);
  printOutput(`${formatExecCredential(info.apiVersion, credential, expiration)}\n`);
}

function readClusterId(typed: ExecArguments, info: ExecInfo): string {
  if (typed.clusterId !== undefined) return parseClusterId(typed.clusterId);
  if (info.clusterId === undefined) {
    throw usageError(
      'no cluster is named',
      'Give --cluster-id eck-…, or set clusterId in the exec extension of the cluster in the kubeconfig',
    );
  }
  try {
    return parseClusterId(info.clusterId);
  } catch (error) {
    throw new EckError('exec-info-invalid', `KUBERNETES_EXEC_INFO: ${messageOf(error)}`);
  }
}

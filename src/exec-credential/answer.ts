import { cacheKeyText } from '../credential/cache-key.js';
import type { ClientCredential } from '../credential/client-credential.js';
import { expirationTimestamp, freshness } from '../credential/freshness.js';
import { EckError, printOutput, quoted, usageError } from '../errors.js';
import { isClusterId, parseClusterId, readSettings, type Settings } from '../settings.js';
import { openStore } from '../store/open.js';
import type { World } from '../world.js';
import type { ExecArguments } from './arguments.js';
import { readCachedCredential } from './cache.js';
import { formatExecCredential, parseExecApiVersion, readExecInfo, type ExecInfo } from './protocol.js';
import { CredentialRecords, findParentProcess, type ParentProcess } from './records.js';
import { cacheKeyOf } from './resolve-identity.js';

/**
 * Answers kubectl: reads its request from the environment and prints the credential on standard output.
 *
 * @throws EckError before anything is printed
 */
export async function answerKubectl(args: ExecArguments, world: World): Promise<void> {
  const { environment, platform } = world;
  if (world.isTerminal('stdout')) {
    throw usageError(
      'a private key is not printed to a terminal',
      'kubectl runs this command by itself. Try kubectl get nodes, or check the setup with kubectl eck doctor',
    );
  }
  const requestText = environment['KUBERNETES_EXEC_INFO'];
  const info = readExecInfo(requestText, parseExecApiVersion(args.execApiVersion));
  const clusterId = readClusterId(args, info);
  const settings = readSettings(args.settings, environment);
  // Without the variable the caller is not client-go, so asking again does not mean a rejection.
  const parentProcess = requestText ? findParentProcess(platform) : undefined;
  const { credential, expiration } = await provideCredential(clusterId, settings, parentProcess, world);
  printOutput(`${formatExecCredential(info.apiVersion, credential, expiration)}\n`);
}

function readClusterId(args: ExecArguments, info: ExecInfo): string {
  if (args.clusterId !== undefined) return parseClusterId(args.clusterId);
  if (info.clusterId === undefined) {
    throw usageError(
      'no cluster is named',
      'Give --cluster-id eck-…, or provideClusterInfo: true and clusterId in the exec extension of the cluster',
    );
  }
  if (isClusterId(info.clusterId)) return info.clusterId;
  throw new EckError(
    'exec-info-invalid',
    `KUBERNETES_EXEC_INFO: ${quoted(info.clusterId)} is not a cluster id`,
  );
}

/**
 * Serves the cached credential while it is fresh, else renews it. Runs at every kubectl command, so serving loads
 * nothing heavy and uses no network.
 */
async function provideCredential(
  clusterId: string,
  settings: Settings,
  parentProcess: ParentProcess | undefined,
  world: World,
): Promise<{ credential: ClientCredential; expiration: Date }> {
  const key = await cacheKeyOf(clusterId, settings, world);
  const keyText = cacheKeyText(key);
  const store = openStore(settings.store, world);
  const cached = await readCachedCredential(store, keyText);
  const records = new CredentialRecords(keyText, world);
  const isRejected = wasRejected(cached, parentProcess, records, world.now());
  const verdict = isRejected ? 'rejected' : freshness(cached, settings, world.now());
  world.debug(`store ${store.name}, key ${keyText}: ${verdict}`);

  let credential = cached;
  if (credential === undefined || verdict !== 'serve') {
    const { renew } = await import('./renew.js');
    credential = await renew({ key, settings, cached, isRejected, parentProcess }, { store, records }, world);
  }
  const expiration = expirationTimestamp(credential, settings, world.now());
  if (parentProcess) records.noteServed(parentProcess, { fetchedAt: credential.fetchedAt, expiration });
  return { credential, expiration };
}

/** A program that reloads its kubeconfig also asks again, so renewals after a rejection are limited. */
const repairEveryMs = 60_000;

/**
 * Whether the API server seems to have rejected the cached credential: client-go asks again before the expiration that
 * it was given, from the same process.
 */
function wasRejected(
  cached: ClientCredential | undefined,
  parentProcess: ParentProcess | undefined,
  records: CredentialRecords,
  now: Date,
): boolean {
  const served = cached && parentProcess && records.servedTo(parentProcess);
  if (served === undefined || served.fetchedAt.getTime() !== cached?.fetchedAt.getTime()) return false;
  if (now >= served.expiration) return false;
  const repairedAt = records.lastRenewal()?.repairedAt;
  return repairedAt === undefined || Math.abs(now.getTime() - repairedAt.getTime()) >= repairEveryMs;
}

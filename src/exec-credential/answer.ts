import { cacheKeyText } from '../credential/cache-key.js';
import type { ClientCredential } from '../credential/client-credential.js';
import { expirationTimestamp, freshness } from '../credential/freshness.js';
import { EckError, printOutput, quoted, usageError } from '../errors.js';
import { isClusterId, parseClusterId, readSettings, type Settings } from '../settings.js';
import { openStore } from '../store/open.js';
import type { World } from '../world.js';
import type { ExecArguments } from './arguments.js';
import { readServable } from './cache.js';
import { formatExecCredential, parseExecApiVersion, readExecInfo, type ExecInfo } from './protocol.js';
import { CredentialRecords, findParentProcess, loggedOut, type ParentProcess } from './records.js';
import type { Doubt } from './renew.js';
import { cacheKeyOf } from './resolve-identity.js';

/**
 * Answers kubectl: reads its request from the environment and prints the credential on standard output.
 *
 * @throws EckError before anything is printed
 */
export async function answerKubectl(args: ExecArguments, world: World): Promise<void> {
  const { environment } = world;
  if (world.isTerminal('stdout')) {
    throw usageError(
      'a private key is not printed to a terminal',
      'kubectl runs this command by itself. Try kubectl get nodes, or check the setup with kubectl eck doctor',
    );
  }
  const info = readExecInfo(environment['KUBERNETES_EXEC_INFO'], parseExecApiVersion(args.execApiVersion));
  const clusterId = readClusterId(args, info);
  const settings = readSettings(args.settings, environment);
  const { credential, expiration } = await provideCredential(clusterId, settings, world);
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
  throw new EckError('exec-info-invalid', `KUBERNETES_EXEC_INFO: ${quoted(info.clusterId)} is not a cluster id`);
}

/**
 * Serves the cached credential while it is fresh, else renews it. Runs at every kubectl command, so serving loads
 * nothing heavy and uses no network.
 */
async function provideCredential(
  clusterId: string,
  settings: Settings,
  world: World,
): Promise<{ credential: ClientCredential; expiration: Date }> {
  const key = await cacheKeyOf(clusterId, settings, world);
  const keyText = cacheKeyText(key);
  const records = new CredentialRecords(keyText, world);
  if (records.ending()?.reason === 'logout') throw loggedOut(clusterId, settings);
  const store = openStore(settings.store, world);
  const cached = await readServable(keyText, { store, records });
  const parentProcess = findParentProcess(world.platform);
  const verdict = freshness(cached, settings, world.now());
  const isFresh = cached !== undefined && verdict === 'serve';
  const doubt = isFresh ? await doubtOf(cached, parentProcess, records, world) : undefined;
  world.debug(`store ${store.name}, key ${keyText}: ${doubt ?? verdict}`);

  let credential = cached;
  if (credential === undefined || verdict !== 'serve' || doubt !== undefined) {
    const { renew } = await import('./renew.js');
    credential = await renew({ key, settings, cached, doubt, parentProcess }, { store, records }, world);
  }
  const expiration = expirationTimestamp(credential, settings, world.now());
  records.noteServed(parentProcess, { fetchedAt: credential.fetchedAt, expiration });
  return { credential, expiration };
}

/** The time between two renewals of a credential that the API server rejects. */
const repairEveryMs = 60_000;

/**
 * Whether the API server rejects a cached credential (`rejected`), or may do so (`suspected`). client-go runs this
 * plugin again after a 401, from the same process and before the expiration that it was given, and does not say so.
 * `kubectl apply -f -` and programs that reload their kubeconfig do the same without a 401, so the API server is asked.
 */
async function doubtOf(
  cached: ClientCredential,
  parentProcess: ParentProcess,
  records: CredentialRecords,
  world: World,
): Promise<Doubt | undefined> {
  const served = records.servedTo(parentProcess);
  const now = world.now();
  if (served?.fetchedAt.getTime() !== cached.fetchedAt.getTime() || now >= served.expiration) return undefined;
  const { repairedAt } = records.lastRenewal() ?? {};
  if (repairedAt && Math.abs(now.getTime() - repairedAt.getTime()) < repairEveryMs) return undefined;
  const apiServer = records.lastSaved()?.apiServer;
  if (apiServer === undefined) return 'suspected';
  if (!records.takeQuestion(now)) return undefined;
  const { isRejectedBy } = await import('../ens/api-server.js');
  return (await isRejectedBy(apiServer, cached, world)) ? 'rejected' : undefined;
}

import { cacheKeyText } from '../credential/cache-key.js';
import { certificateSubject } from '../credential/check.js';
import { EckError, formatDateTime, printable, printError, printLine } from '../errors.js';
import type { ApiServer } from '../exec-credential/cached-record.js';
import { readCachedCredential } from '../exec-credential/cache.js';
import { CredentialRecords } from '../exec-credential/records.js';
import { fetchAndSave, isRefusal } from '../exec-credential/renew.js';
import { cacheKeyOf } from '../exec-credential/resolve-identity.js';
import { identityText } from '../identity.js';
import { readSettings, type Settings } from '../settings.js';
import { openStore } from '../store/open.js';
import type { World } from '../world.js';
import {
  nothingCached,
  ofTypedIdentity,
  readCredentials,
  selectCredentials,
  type CredentialEntry,
} from './cached-credentials.js';
import { commandLine, EckCommand } from './options.js';

/** Calls at a time, far below the limit of ENS. */
const concurrency = 8;

/** `refresh`: fetches credentials now, whatever their age. */
export function refreshCommand(world: World): EckCommand {
  const command = new EckCommand('refresh')
    .description('fetch credentials now, each with its own identity, or those that flags select')
    .argument('[CLUSTER...]', "an id, or a context's name; by default the current context's credential")
    .option('--all', 'every credential that "status" shows')
    .addKubeconfigOption()
    .addAccountOptions()
    .addExamples('', 'eck-0123abcd --profile work', '--all');
  return command.action(async (names: string[]) => {
    const typed = command.typedSettings();
    const settings = readSettings(typed, world.environment);
    const all = command.switchOption('all');
    const entries = await readCredentials(command.kubeconfigPaths(world), world);
    const isNamed = all || names.length > 0;
    // Without a name it is the credential of the current context alone, and not others of its cluster.
    const isMeant = ({ contexts }: CredentialEntry) => isNamed || contexts.some(({ isCurrent }) => isCurrent);
    const chosen = ofTypedIdentity(selectCredentials(entries, names, all).filter(isMeant), typed);
    if (chosen.length === 0) printLine(nothingCached);
    const { default: Queue } = await import('p-queue');
    await new Queue({ concurrency }).addAll(
      chosen.map((entry) => async () => {
        try {
          printLine(await refresh(entry, settings, world));
        } catch (error) {
          printError(error, world);
        }
      }),
    );
  });
}

/** Fetches a credential, and saves it in its store. @throws EckError that also says what became of the cached one */
async function refresh(entry: CredentialEntry, command: Settings, world: World): Promise<string> {
  const { key, keyText, record, contexts } = entry;
  const { clusterId } = key;
  if (record === undefined && contexts.every(({ settings }) => settings.store === 'none')) {
    return `${clusterId}: nothing to refresh, since --store none saves nothing`;
  }
  const identity = printable(identityText(key.identity));
  const fetching = await settingsToFetch(entry, command, world);
  if (fetching === undefined) {
    const message = `${clusterId}: the credential belongs to ${identity}, which is not the identity here`;
    const fix = `Set that identity up, or delete the credential with "kubectl eck logout ${clusterId}"`;
    throw new EckError('identity-unusable', message, { fix });
  }
  const { settings } = fetching;
  const store = openStore(settings.store, fetching.world);
  const cache = { store, records: new CredentialRecords(keyText, fetching.world) };
  const cached = await readCachedCredential(store, keyText);
  try {
    const rules = { hasFallBack: false, mustSave: true, endsLogout: true };
    const fetched = await fetchAndSave({ key, settings, cached }, cache, fetching.world, rules);
    warnOutdatedContexts(entry, cache.records.lastSaved()?.apiServer, world);
    const certificate = `the client certificate (${certificateSubject(fetched)})`;
    const until = formatDateTime(fetched.notAfter);
    return `${clusterId}: fetched for ${identity}; ${certificate} is valid until ${until}`;
  } catch (error) {
    if (!(error instanceof EckError)) throw error;
    let left = '';
    if (cached !== undefined && isRefusal(error)) left = '; the cached credential was deleted';
    else if (cached !== undefined && world.now() < cached.notAfter) {
      left = `; the cached credential is valid until ${formatDateTime(cached.notAfter)}`;
    }
    const { code, fix } = error;
    throw new EckError(code, `${clusterId}: ${error.message}${left}`, { fix, cause: error });
  }
}

const privateAddress = /^https:\/\/(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))\./;

/** Warns of contexts that name another API server, or trust another CA, than ENS issues now. */
function warnOutdatedContexts(
  { contexts, key: { clusterId } }: CredentialEntry,
  issued: ApiServer | undefined,
  world: World,
): void {
  for (const { name, cluster } of contexts) {
    const { server, 'certificate-authority-data': data } = cluster;
    const authority = typeof data === 'string' ? Buffer.from(data, 'base64').toString('latin1') : undefined;
    if (issued === undefined || typeof server !== 'string') return;
    // ENS was asked for the public address only.
    const isOtherServer = server !== issued.server && !(privateAddress.test(server) && !issued.privateIp);
    const isOtherAuthority = authority !== undefined && authority.trim() !== issued.certificateAuthorityPem.trim();
    if (!isOtherServer && !isOtherAuthority) continue;
    const what = [isOtherServer && 'API server', isOtherAuthority && 'CA'].filter(Boolean).join(' and another ');
    const flags = { context: name === clusterId ? undefined : name, 'private-ip': issued.privateIp || undefined };
    world.warn(`context ${printable(name)} is out of date: ENS issues another ${what}`);
    printLine(`Run "${commandLine(`get-credentials ${clusterId}`, flags)}"`);
  }
}

/**
 * The settings and the world with which a credential can be fetched again: those of a context that asks for it, else
 * those that its key implies; `undefined` where this environment has not the identity. The timeout is the command's.
 */
export async function settingsToFetch(
  { key, keyText, contexts, record }: CredentialEntry,
  command: Settings,
  world: World,
): Promise<{ readonly settings: Settings; readonly world: World } | undefined> {
  const context = contexts.find(({ settings }) => settings.store !== 'none');
  if (context !== undefined) {
    const settings = { ...context.settings, timeoutMs: command.timeoutMs };
    return { settings, world: { ...world, environment: context.environment } };
  }
  const { identity, endpoint, clusterId } = key;
  const settings: Settings = {
    ...command,
    profile: identity.kind === 'profile' ? identity.name : undefined,
    roleArn: identity.assumedRole,
    endpoint,
    store: record?.store ?? command.store,
  };
  const isSame = cacheKeyText(await cacheKeyOf(clusterId, settings, world)) === keyText;
  return isSame ? { settings, world } : undefined;
}

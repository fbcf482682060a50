import { Command, Option } from 'commander';
import { certificateSubject } from '../credential/check.js';
import { EckError, printable, printError, printLine } from '../errors.js';
import { readCachedCredential } from '../exec-credential/cache.js';
import { CredentialRecords } from '../exec-credential/records.js';
import { fetchAndSave, isRefusal } from '../exec-credential/renew.js';
import { identityKey } from '../identity.js';
import { readSettings, type Settings } from '../settings.js';
import { openStore } from '../store/open.js';
import { formatDateTime } from '../terminal/format.js';
import type { World } from '../world.js';
import {
  ofTypedIdentity,
  readCredentials,
  selectCredentials,
  settingsToFetch,
  type CredentialEntry,
} from './cached-credentials.js';
import {
  addAccountOptions,
  kubeconfigOption,
  kubeconfigPaths,
  switchOption,
  typedSettings,
} from './options.js';

/** Calls at a time, far below the limit of ENS. */
const concurrency = 8;

/** `refresh`: fetches credentials now, whatever their age. */
export function refreshCommand(world: World): Command {
  const command = new Command('refresh')
    .description('fetch credentials now, whatever their age')
    .argument('[CLUSTER...]', "an id, or a context's name; by default the current context's credential")
    .addOption(new Option('--all', 'every credential that "status" shows'))
    .addOption(kubeconfigOption());
  addAccountOptions(command).addHelpText(
    'after',
    [
      '',
      'Each credential is fetched with its own identity. --profile, --role-arn,',
      '--endpoint and --site select those of one identity or endpoint.',
      '',
      'Examples:',
      '  kubectl eck refresh',
      '  kubectl eck refresh eck-0123abcd --profile work',
      '  kubectl eck refresh --all',
    ].join('\n'),
  );

  return command.action(async (names: string[]) => {
    const typed = typedSettings(command);
    const settings = readSettings(typed, world.environment);
    const all = switchOption(command, 'all');
    const entries = await readCredentials(kubeconfigPaths(command, world), world);
    const selected = selectCredentials(entries, { names, all, command: 'refresh' });
    // Without a name it is the credential of the current context alone, and not others of its cluster.
    const isNamed = all || names.length > 0;
    const chosen = ofTypedIdentity(
      isNamed ? selected : selected.filter(({ contexts }) => contexts.some(({ isCurrent }) => isCurrent)),
      typed,
    );
    if (chosen.length === 0) {
      printLine('No credential is cached here. Set up a cluster: kubectl eck get-credentials eck-0123abcd');
    }
    const { default: Queue } = await import('p-queue');
    await new Queue({ concurrency }).addAll(
      chosen.map((entry) => async () => {
        try {
          printLine(await refresh(entry, settings, world));
        } catch (error) {
          printError(error, world.environment);
        }
      }),
    );
  });
}

/**
 * Fetches a credential with its own identity, and saves it in its store.
 *
 * @returns a line that says so
 * @throws EckError that also says what became of the cached one
 */
async function refresh(entry: CredentialEntry, command: Settings, world: World): Promise<string> {
  const { key, keyText, record, contexts } = entry;
  const { clusterId } = key;
  if (record === undefined && contexts.every(({ settings }) => settings.store === 'none')) {
    return `${clusterId}: nothing to refresh, since --store none saves nothing`;
  }
  const identity = printable(identityKey(key.identity));
  const fetching = await settingsToFetch(entry, command, world);
  if (fetching === undefined) {
    throw new EckError(
      'identity-unusable',
      `${clusterId}: the credential belongs to ${identity}, which is not the identity of this environment`,
      { fix: `Set that identity up, or delete the credential with "kubectl eck logout ${clusterId}"` },
    );
  }
  const { settings } = fetching;
  const store = openStore(settings.store, fetching.world);
  const cache = { store, records: new CredentialRecords(keyText, fetching.world) };
  const cached = await readCachedCredential(store, keyText);
  try {
    const renewal = { key, settings, cached, isRejected: false };
    const rules = { hasFallBack: false, mustSave: true };
    const fetched = await fetchAndSave(renewal, cache, fetching.world, rules);
    const saved = await readCachedCredential(store, keyText);
    const isSaved = saved?.fetchedAt.getTime() === fetched.fetchedAt.getTime();
    return (
      `${clusterId}: fetched for ${identity}; the client certificate (${certificateSubject(fetched)}) is valid ` +
      `until ${formatDateTime(fetched.notAfter)}${isSaved ? '' : '. No store works here: set KUBECTL_ECK_STORE=file'}`
    );
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

import { certificateSubject } from '../credential/check.js';
import { readCachedCredential } from '../exec-credential/cache.js';
import type { CredentialDates } from '../credential/freshness.js';
import { EckError, printable, printError, printLine } from '../errors.js';
import { identityKey } from '../identity.js';
import {
  fetchSettings,
  type KnownCredential,
  readKnown,
  forTyped,
  nothingKept,
  selectCredentials,
} from './cached-credentials.js';
import { openStore } from '../store/open-store.js';
import { fetchAndSave, isRefusal } from '../exec-credential/renew.js';
import { type Settings, readSettings } from '../settings.js';
import { CredentialRecords } from '../exec-credential/records.js';
import type { World } from '../world.js';
import { Command, Option } from 'commander';
import {
  addAccountOptions,
  kubeconfigOption,
  kubeconfigPaths,
  switchOption,
  typedSettings,
} from './options.js';

/** A credential that was fetched. */
export interface Refreshed {
  readonly notAfter: Date;
  /** Safe to print. */
  readonly certificateSubject: string;
  /** Not where no store of this machine works, or none is wanted. */
  readonly isKept: boolean;
}

/**
 * Fetches a known credential now, as the identity that it is kept for, and keeps it where the old one is.
 *
 * @param command the settings of the command: how long it may take, and who asks where no context says so
 * @throws EckError where it cannot be fetched or kept; the message says what became of the old one
 */
export async function refreshCredential(
  credential: KnownCredential,
  command: Settings,
  world: World,
): Promise<Refreshed> {
  const { key, account } = credential;
  const found = await fetchSettings(credential, command, world);
  if (found === undefined) {
    throw new EckError(
      'identity-unusable',
      `the credential of ${key.clusterId} is kept for ${printable(identityKey(key.identity))}, which is not the ` +
        'identity of this environment; set that up, or forget the credential with ' +
        `"kubectl eck logout ${key.clusterId}"`,
    );
  }
  const { settings } = found;
  const store = openStore(settings.store, found.world);
  const records = new CredentialRecords(account, found.world);
  const cached = await readCachedCredential(store, account);
  try {
    const fetched = await fetchAndSave(
      { key, settings, cached, refused: false },
      { store, records },
      found.world,
      {
        hasFallBack: false,
        mustSave: true,
      },
    );
    return {
      notAfter: fetched.notAfter,
      certificateSubject: certificateSubject(fetched),
      isKept:
        (await readCachedCredential(store, account))?.fetchedAt.getTime() === fetched.fetchedAt.getTime(),
    };
  } catch (error) {
    if (!(error instanceof EckError)) throw error;
    const message = `${key.clusterId}: ${error.message}${whatIsLeft(cached, error, world.now())}`;
    throw new EckError(error.code, message, { cause: error });
  }
}

function whatIsLeft(kept: CredentialDates | undefined, error: EckError, now: Date): string {
  if (kept === undefined) return '';
  if (isRefusal(error)) return '; the credential that was kept has been deleted';
  const until = kept.notAfter.toISOString();
  return now.getTime() < kept.notAfter.getTime()
    ? `; the credential of ${kept.fetchedAt.toISOString()} is still kept, and valid until ${until}`
    : `; the credential that is kept has expired at ${until}`;
}

/** At a time. ENS takes 100 calls a second, and each takes a part of one. */
const concurrency = 8;

/** `refresh`: fetches credentials now, whatever is kept. */
export function refreshCommand(world: World): Command {
  const { environment } = world;
  const command = new Command('refresh')
    .description('fetch credentials now, whatever is kept')
    .argument('[CLUSTER...]', "an id, or a context's name; by default the current context's credential")
    .addOption(new Option('--all', 'every credential that is known here, see "status"'))
    .addOption(kubeconfigOption());
  addAccountOptions(command).addHelpText(
    'after',
    [
      '',
      'Each credential is fetched as the identity that it is kept for. With --profile,',
      '--role-arn, --endpoint or --site on the command line, only those for that',
      'identity or endpoint are.',
      '',
      'Examples:',
      '  kubectl eck refresh',
      '  kubectl eck refresh eck-0123abcd --profile work',
      '  kubectl eck refresh --all',
    ].join('\n'),
  );

  return command.action(async (names: string[]) => {
    const typed = typedSettings(command);
    const settings = readSettings(typed, environment);
    const all = switchOption(command, 'all');
    const known = await readKnown(kubeconfigPaths(command, world), world);
    const selected = selectCredentials(known, { names, all, command: 'refresh' });
    // Without a name it is about the context that kubectl uses, and not about others that reach the same cluster.
    const isNamed = all || names.length > 0;
    const asked = isNamed ? selected : selected.filter(isOfCurrentContext);
    const chosen = forTyped(asked, typed);
    const [first] = selected;
    if (chosen.length === 0 && first !== undefined)
      throw nothingKept(first.key.clusterId, 'for that identity');
    if (chosen.length === 0) {
      printLine('No credential is kept here. Set up a cluster: kubectl eck get-credentials eck-0123abcd');
    }

    const [{ default: Queue }, { refreshCredential }] = await Promise.all([
      import('p-queue'),
      import('./refresh.js'),
    ]);
    const refresh = async (credential: KnownCredential): Promise<void> => {
      const { clusterId } = credential.key;
      if (isKeptNowhere(credential)) {
        printLine(`${clusterId}: nothing is kept (--store none), so there is nothing to refresh`);
        return;
      }
      try {
        const { certificateSubject, notAfter, isKept } = await refreshCredential(credential, settings, world);
        const identity = printable(identityKey(credential.key.identity));
        const until = notAfter.toISOString().slice(0, 10);
        const where = isKept ? '' : '. Nothing on this machine keeps it: set KUBECTL_ECK_STORE=file';
        printLine(
          `${clusterId}: fetched for ${identity}; the client certificate (${certificateSubject}) is valid until ${until}${where}`,
        );
      } catch (error) {
        printError(error, environment);
      }
    };
    await new Queue({ concurrency }).addAll(chosen.map((credential) => () => refresh(credential)));
  });
}

function isOfCurrentContext({ contexts }: KnownCredential): boolean {
  return contexts.some(({ isCurrent }) => isCurrent);
}

/** Whether every context that asks for it wants nothing kept. */
function isKeptNowhere({ record, contexts }: KnownCredential): boolean {
  return record === undefined && contexts.every(({ settings }) => settings.store === 'none');
}

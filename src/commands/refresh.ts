import { Command, Option } from 'commander';
import { printable } from '../errors.js';
import { identityKey } from '../identity/identity.js';
import type { KnownCredential } from '../kept/known-credentials.js';
import { readKnown } from '../kept/read-known.js';
import { forTyped, nothingKept, selectCredentials } from '../kept/select-credentials.js';
import { report } from '../report.js';
import { readSettings } from '../settings/settings.js';
import { tell } from '../tell.js';
import type { World } from '../world.js';
import {
  addAccountOptions,
  kubeconfigOption,
  kubeconfigPaths,
  switchOption,
  typedSettings,
  withVariable,
} from './options.js';

/** At a time. ENS takes 100 calls a second, and each takes a part of one. */
const concurrency = 8;

/** `refresh`: fetches credentials now, whatever is kept. */
export function refreshCommand(world: World): Command {
  const { environment } = world;
  const command = new Command('refresh')
    .description('fetch credentials now, whatever is kept')
    .argument('[CLUSTER...]', "an id, or a context's name; by default the current context's credential")
    .addOption(withVariable(new Option('--all', 'every credential that is known here, see "status"')))
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
    const all = switchOption(command, 'all', environment);
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
      tell('No credential is kept here. Set up a cluster: kubectl eck get-credentials eck-0123abcd');
    }

    const [{ default: Queue }, { refreshCredential }] = await Promise.all([
      import('p-queue'),
      import('../refresh/refresh-credential.js'),
    ]);
    const refresh = async (credential: KnownCredential): Promise<void> => {
      const { clusterId } = credential.key;
      if (isKeptNowhere(credential)) {
        tell(`${clusterId}: nothing is kept (--store none), so there is nothing to refresh`);
        return;
      }
      try {
        const { certificateSubject, notAfter, isKept } = await refreshCredential(credential, settings, world);
        const identity = printable(identityKey(credential.key.identity));
        const until = notAfter.toISOString().slice(0, 10);
        const where = isKept ? '' : '. Nothing on this machine keeps it: set KUBECTL_ECK_STORE=file';
        tell(
          `${clusterId}: fetched for ${identity}; the client certificate (${certificateSubject}) is valid until ${until}${where}`,
        );
      } catch (error) {
        report(error, environment);
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

import { Command, Option } from 'commander';
import { printable, quoted, usageError } from '../errors.js';
import type { KnownCredential } from '../kept/known-credentials.js';
import { meantCredentials } from '../kept/meant-credentials.js';
import { readKnown } from '../kept/read-known.js';
import { credentialsNamed, forTyped, nothingKept, selectCredentials } from '../kept/select-credentials.js';
import { keepingStores, type KeepingStore } from '../keychain/store.js';
import { removeContexts } from '../kubeconfig/user.js';
import { forgetAll, type ForgetListener } from '../logout/forget-all.js';
import { forgottenLine, removalLines, stayingLines, stillValid } from '../logout/summary.js';
import { report } from '../report.js';
import { cacheDirectory } from '../settings/directories.js';
import { isClusterId } from '../settings/cluster-id.js';
import { readSettings } from '../settings/settings.js';
import { flawOfDirectory } from '../state/directory.js';
import { tell } from '../tell.js';
import type { World } from '../world.js';
import {
  addIdentityOptions,
  kubeconfigOption,
  kubeconfigPaths,
  switchOption,
  typedSettings,
  textOption,
  withChoices,
  withVariable,
} from './options.js';

/** `logout`: forgets credentials, and contexts where asked to. */
export function logoutCommand(world: World): Command {
  const { environment } = world;
  const command = new Command('logout')
    .description('forget credentials that are kept here')
    .argument('[CLUSTER...]', "an id, or a context's name; by default the current context's cluster")
    .addOption(
      withVariable(new Option('--all', 'every credential of this plugin, also those that nothing tells of')),
    )
    .addOption(
      withVariable(
        new Option('--remove-contexts', 'take the contexts that ask for them out of the kubeconfig, too'),
      ),
    )
    .addOption(
      withVariable(
        withChoices(
          new Option('--from-store <STORE>', 'forget only what is kept in this store'),
          keepingStores,
        ),
      ),
    )
    .addOption(kubeconfigOption());
  addIdentityOptions(command).addHelpText(
    'after',
    [
      '',
      'A credential is forgotten for every identity and endpoint. With --profile,',
      '--role-arn, --endpoint or --site on the command line, only those for that',
      'identity or endpoint are.',
      '',
      'A certificate that was kept stays valid at its API server until it ends, or is',
      'revoked in the ENS console.',
      '',
      'Examples:',
      '  kubectl eck logout',
      '  kubectl eck logout eck-0123abcd --remove-contexts',
      '  kubectl eck logout --all',
    ].join('\n'),
  );

  return command.action(async (names: string[]) => {
    const all = switchOption(command, 'all', environment);
    const only = storeName(textOption(command, 'from-store', environment));
    const paths = kubeconfigPaths(command, world);
    const whose = typedSettings(command);
    const known = await readKnown(paths, world);
    const lost = names.filter((name) => isClusterId(name) && credentialsNamed(known, name).length === 0);
    const meant = await meantCredentials(lost, readSettings(whose, environment), world);
    const selected = selectCredentials([...known, ...meant], { names, all, command: 'logout' });
    const credentials = forTyped(selected, whose);
    const [first] = selected;
    if (credentials.length === 0 && first) throw nothingKept(first.key.clusterId, 'for that identity');

    // Contexts first, so that no kubectl has a credential fetched again meanwhile.
    if (switchOption(command, 'remove-contexts', environment)) await takeContextsOut(credentials);
    else stayingLines(credentials).forEach(tell);

    const listener: ForgetListener = {
      forgotten(credential, deletedFrom) {
        if (deletedFrom.length > 0 || !meant.includes(credential))
          tell(forgottenLine(credential, deletedFrom));
        else report(nothingKept(credential.key.clusterId), environment);
      },
      failed(error) {
        report(error, environment);
      },
    };
    const leftovers = all && Object.keys(whose).length === 0;
    const request = { credentials, only, leftovers, hasState: hasState() };
    const { deleted, unknown } = await forgetAll(request, listener, world);
    if (unknown > 0) tell(`${unknown} more were kept that nothing told of, and are forgotten.`);
    if (deleted > 0) tell(stillValid);
    else if (credentials.length === 0) tell('Nothing is kept here.');

    async function takeContextsOut(ofThese: readonly KnownCredential[]): Promise<void> {
      try {
        const contexts = ofThese.flatMap((credential) => credential.contexts.map(({ name }) => name));
        removalLines(await removeContexts(paths, contexts)).forEach(tell);
      } catch (error) {
        report(error, environment);
      }
    }
  });

  function hasState(): boolean {
    const directory = cacheDirectory(environment, world.homeDirectory());
    const flaw = flawOfDirectory(directory);
    if (flaw !== undefined) {
      world.warn(
        `${printable(directory)} ${flaw}, so what is remembered of credentials is not removed from it`,
      );
    }
    return flaw === undefined;
  }
}

function storeName(text: string | undefined): KeepingStore | undefined {
  if (text === undefined) return undefined;
  const store = keepingStores.find((name) => name === text);
  if (store === undefined) {
    throw usageError(`--from-store ${quoted(text)} is not one of ${keepingStores.join(', ')}`);
  }
  return store;
}

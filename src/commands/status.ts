import { Command, Option } from 'commander';
import { credentialsNamed, nothingKept } from '../kept/select-credentials.js';
import { readKnown } from '../kept/read-known.js';
import { openCatalog } from '../keychain/catalog.js';
import { readSettings } from '../settings/settings.js';
import { credentialStatus } from '../status/credential-status.js';
import { formatStatus, statusFormats } from '../status/format-status.js';
import { tell } from '../tell.js';
import type { World } from '../world.js';
import {
  kubeconfigOption,
  kubeconfigPaths,
  outputFormat,
  outputOption,
  switchOption,
  withVariable,
} from './options.js';

/** `status`: the credentials that are kept here, and how each of them is. */
export function statusCommand(world: World): Command {
  const { environment } = world;
  const command = new Command('status')
    .description('the credentials kept here, and how each of them is')
    .argument('[CLUSTER...]', "only those of these clusters: an id, or a context's name")
    .addOption(outputOption(statusFormats))
    .addOption(withVariable(new Option('--no-headers', 'print a table without its heading')))
    .addOption(kubeconfigOption())
    .addHelpText(
      'after',
      [
        '',
        'STATUS is one of:',
        '  ok           served at once',
        '  due          renewed at the next command, and served if ENS cannot be reached',
        '  expired      its certificate has ended; the next command fetches one',
        '  gone         it was kept, and is not any more; the next command fetches one',
        '  not kept     a context asks for it; the next command fetches one',
        '  locked       it may be in a keychain that is locked, and stays locked',
        '  unknown      the store that should have it cannot be asked from here',
        '  no context   it is kept, and no context of this kubeconfig asks for it',
        '',
        'Examples:',
        '  kubectl eck status',
        '  kubectl eck status eck-0123abcd -o wide',
        '  kubectl eck status -o json',
      ].join('\n'),
    );

  return command.action(async (names: string[]) => {
    const format = outputFormat(command, statusFormats, environment);
    const headers = !switchOption(command, 'no-headers', environment);
    const settings = readSettings({}, environment);
    const known = await readKnown(kubeconfigPaths(command, world), world);
    const missing = names.find((name) => credentialsNamed(known, name).length === 0);
    if (missing !== undefined) throw nothingKept(missing);
    const shown =
      names.length === 0 ? known : [...new Set(names.flatMap((name) => credentialsNamed(known, name)))];

    const catalog = await openCatalog(world);
    try {
      const { default: Queue } = await import('p-queue');
      const statuses = await new Queue({ concurrency: 16 }).addAll(
        shown.map((credential) => () => credentialStatus(credential, catalog, settings, world)),
      );
      process.stdout.write(await formatStatus(statuses, { format, headers, now: world.now() }));
    } finally {
      catalog.close();
    }
    if (shown.length === 0) {
      tell('No credential is kept here. Set up a cluster: kubectl eck get-credentials eck-0123abcd');
    }
  });
}

import { Command, Option } from 'commander';
import { convert } from './convert.js';
import { maskSecrets } from './mask-secrets.js';
import { reportFailures } from './report-failures.js';
import { summary } from './summary.js';
import { usageError } from '../../errors.js';
import { parseClusterId } from '../../settings.js';
import { readSettings } from '../../settings.js';
import { printLine } from '../../errors.js';
import { mayColour } from '../../terminal/format.js';
import type { World } from '../../world.js';
import {
  addSettingOptions,
  execApiVersion,
  execApiVersionOption,
  kubeconfigOption,
  kubeconfigPaths,
  switchOption,
  textOption,
  typedSettings,
} from '../options.js';

/** `convert`: moves client keys that lie in the user kubeconfig into the store. */
export function convertCommand(world: World): Command {
  const { environment } = world;
  const command = new Command('convert')
    .description('move client keys out of the kubeconfig into the keychain')
    .argument(
      '[CONTEXT...]',
      'only these contexts, instead of all whose names hold an id such as eck-0123abcd',
    );
  const options = [
    new Option('--context <NAME>', 'only this context, as a flag'),
    new Option('--cluster-id <ID>', 'the cluster of the context, where no name says it'),
    new Option('--dry-run', 'show what would change, with secrets hidden, and keep and write nothing'),
    new Option('--backup', 'keep the old kubeconfig beside the new one; it holds the keys'),
  ];
  for (const option of options) command.addOption(option);
  command.addOption(execApiVersionOption()).addOption(kubeconfigOption());
  addSettingOptions(command).addHelpText(
    'after',
    [
      '',
      'Examples:',
      '  kubectl eck convert --dry-run',
      '  kubectl eck convert',
      '  kubectl eck convert --context edge --cluster-id eck-0123abcd',
    ].join('\n'),
  );

  return command.action(async (typedContexts: readonly string[]) => {
    const context = textOption(command, 'context');
    const contextNames = [...new Set(context === undefined ? typedContexts : [...typedContexts, context])];
    const clusterId = textOption(command, 'cluster-id');
    if (clusterId !== undefined && contextNames.length !== 1) {
      throw usageError(
        '--cluster-id says which cluster one context is of; give the context with --context NAME',
      );
    }
    const settings = readSettings(typedSettings(command), environment);
    if (settings.store === 'none') {
      throw usageError('--store none keeps nothing, and the client key would be lost; choose another store');
    }
    const dryRun = switchOption(command, 'dry-run');
    const report = await convert(
      {
        paths: kubeconfigPaths(command, world),
        selection: {
          contextNames,
          clusterId: clusterId === undefined ? undefined : parseClusterId(clusterId),
        },
        execApiVersion: execApiVersion(command),
        backUp: switchOption(command, 'backup'),
        dryRun,
      },
      settings,
      world,
    );
    if (dryRun && report.changes.length > 0) {
      const { unifiedDiff } = await import('../../terminal/unified-diff.js');
      for (const { path, before, after } of report.changes) {
        const shown = { path, before: maskSecrets(before), after: maskSecrets(after) };
        process.stdout.write(unifiedDiff(shown, { colour: mayColour('stdout', world) }));
      }
    }
    for (const line of summary(report, { dryRun })) printLine(line);
    reportFailures(report, world);
  });
}

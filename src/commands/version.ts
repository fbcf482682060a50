import { Command } from 'commander';
import { buildDate, commit, version } from '../version.js';
import { outputFormat, outputOption } from './options.js';

const formats = ['text', 'json'] as const;

/** `version`: which release this is, and as JSON also what it was built from. */
export function versionCommand(): Command {
  const command = new Command('version')
    .description('print the version')
    .addOption(outputOption(formats))
    .addHelpText('after', '\nExample:\n  kubectl eck version -o json');
  return command.action(() => {
    const format = outputFormat(command, formats);
    console.log(
      format === 'json' ? JSON.stringify({ version, commit, buildDate }) : `kubectl-eck ${version}`,
    );
  });
}

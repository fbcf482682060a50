import { Command, Option } from 'commander';
import { version } from '../version.js';

/** `version`: which release this is. */
export function versionCommand(): Command {
  return new Command('version')
    .description('print the version')
    .addOption(new Option('-o, --output <FORMAT>', 'print it as').choices(['text', 'json']).default('text'))
    .action(({ output }: { output: 'text' | 'json' }) => {
      console.log(output === 'json' ? JSON.stringify({ version }) : `kubectl-eck ${version}`);
    });
}

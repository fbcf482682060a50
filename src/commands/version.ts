import { Command, Option } from 'commander';
import { buildDate, commit, version } from '../version.js';

/** `version`: which release this is, and as JSON also what it was built from. */
export function versionCommand(): Command {
  return new Command('version')
    .description('print the version')
    .addOption(new Option('-o, --output <FORMAT>', 'print it as').choices(['text', 'json']).default('text'))
    .action(({ output }: { output: 'text' | 'json' }) => {
      console.log(
        output === 'json' ? JSON.stringify({ version, commit, buildDate }) : `kubectl-eck ${version}`,
      );
    });
}

import { Command, CommanderError } from 'commander';
import { usageError } from '../errors.js';
import type { World } from '../world.js';
import { version } from '../version.js';
import { convertCommand } from './convert.js';
import { doctorCommand } from './doctor.js';
import { execCredentialCommand } from './exec-credential.js';
import { getCredentialsCommand } from './get-credentials.js';
import { listCommand } from './list.js';
import { logoutCommand } from './logout.js';
import { refreshCommand } from './refresh.js';
import { statusCommand } from './status.js';
import { versionCommand } from './version.js';

/** The commands, in the order in which help lists them. Adding one is a line. */
const commands = [
  getCredentialsCommand,
  listCommand,
  statusCommand,
  refreshCommand,
  logoutCommand,
  convertCommand,
  doctorCommand,
  execCredentialCommand,
  versionCommand,
];

/** The command line: every command with its options, ready to parse. */
export function program(world: World): Command {
  const root = new Command('kubectl eck')
    .description(
      "Kubernetes clusters of Alibaba Cloud's edge service (ENS), with your cloud identity and no key in a file",
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .showSuggestionAfterError()
    .addHelpText('after', '\nStart with:\n  kubectl eck get-credentials eck-0123abcd\n  kubectl get nodes');
  for (const command of commands) root.addCommand(command(world));
  for (const command of [root, ...root.commands]) {
    command.exitOverride().configureOutput({ writeErr: () => undefined });
  }
  return root;
}

/**
 * Parses a command line and runs its command.
 *
 * @throws EckError of whatever goes wrong; `usage` for a command line that cannot be understood
 */
export async function run(args: readonly string[], world: World): Promise<void> {
  // A reader that has seen enough is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  const root = program(world);
  if (args.length === 0) {
    root.outputHelp();
    return;
  }
  try {
    await root.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return;
    throw usageError(`${commanderMessage(error)}; see "kubectl eck ${helpPath(root, args)}--help"`);
  }
}

/** Commander's message on one line, as it would be after "kubectl-eck: ". */
function commanderMessage(error: CommanderError): string {
  return error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
}

function helpPath(root: Command, args: readonly string[]): string {
  const command = root.commands.find((candidate) => candidate.name() === args[0]);
  return command === undefined ? '' : `${command.name()} `;
}

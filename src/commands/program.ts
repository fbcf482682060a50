import { Command, CommanderError } from 'commander';
import { usageError } from '../errors.js';
import type { World } from '../world.js';
import { version } from '../version.js';
import { convertCommand } from './convert/command.js';
import { doctorCommand } from './doctor/command.js';
import { completionCommand } from './completion/command.js';
import { execCredentialCommand } from './exec-credential.js';
import { getCredentialsCommand } from './get-credentials/command.js';
import { compareCommands, groupOf, otherCommands } from './groups.js';
import { listCommand } from './list.js';
import { logoutCommand } from './logout.js';
import { refreshCommand } from './refresh.js';
import { statusCommand } from './status.js';
import { usageMessage } from './usage-message.js';
import { versionCommand } from './version.js';

/** The commands. Adding one is a line here, and one in groups.ts. */
const commands = [
  getCredentialsCommand,
  listCommand,
  statusCommand,
  refreshCommand,
  logoutCommand,
  convertCommand,
  doctorCommand,
  execCredentialCommand,
  completionCommand,
  versionCommand,
];

/** The command line: every command with its options, ready to parse. */
export function program(world: World): Command {
  const root = new Command('kubectl eck')
    .description(
      "Kubernetes clusters of Alibaba Cloud's edge service (ENS), with your cloud identity and no key in a file",
    )
    .usage('<command> [options]')
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .version(version, '-V, --version', 'print the version')
    .commandsGroup(otherCommands)
    .helpCommand('help [command]', 'print help for a command')
    .showSuggestionAfterError()
    .addHelpText('after', '\nStart with:\n  kubectl eck get-credentials eck-0123abcd\n  kubectl get nodes');
  const made = commands
    .map((command) => command(world))
    .sort((one, other) => compareCommands(one.name(), other.name()));
  for (const command of made) root.addCommand(command.helpGroup(groupOf(command.name())));
  for (const command of [root, ...root.commands]) {
    command
      .helpOption('-h, --help', 'print help')
      .exitOverride()
      .configureOutput({ writeErr: () => undefined });
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
  if (args[0] === completionRequest) return answerShell(root, args.slice(1), world);
  if (args.length === 0) {
    root.outputHelp();
    return;
  }
  try {
    await root.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return;
    // Help for a command that there is not: commander shows all help then, and tells nobody why.
    if (error.code === 'commander.help') return run(args.slice(1), world);
    throw usageError(usageMessage(error.message, `kubectl eck ${helpPath(root, args)}--help`));
  }
}

/** What shells ask with, as cobra has it. Not a command of commander, which would take `--help` behind it for itself. */
const completionRequest = '__complete';

async function answerShell(root: Command, words: readonly string[], world: World): Promise<void> {
  const { answerCompletion } = await import('./completion/answer.js');
  await answerCompletion(root, words, world);
}

function helpPath(root: Command, args: readonly string[]): string {
  const command = root.commands.find((candidate) => candidate.name() === args[0]);
  return command === undefined ? '' : `${command.name()} `;
}

import { CommanderError } from 'commander';
import { printable, printOutput, usageError, type EckError } from '../errors.js';
import { answerKubectl } from '../exec-credential/answer.js';
import { release, type World } from '../world.js';
import { completionCommand } from './completion/command.js';
import { convertCommand } from './convert.js';
import { doctorCommand } from './doctor/command.js';
import { getCredentialsCommand } from './get-credentials/command.js';
import { listCommand } from './list.js';
import { logoutCommand } from './logout.js';
import { EckCommand } from './options.js';
import { hideProgress, startSpinner } from '../terminal/progress.js';
import { refreshCommand } from './refresh.js';
import { statusCommand } from './status.js';

/** The commands by their groups in help, both in its order. To add a command, add it here. */
const groups: Readonly<Record<string, readonly ((world: World) => EckCommand)[]>> = {
  'Every day:': [getCredentialsCommand, listCommand, statusCommand, refreshCommand, logoutCommand, convertCommand],
  'Finding faults:': [doctorCommand],
  'Run by kubectl:': [execCredentialCommand],
  'Others:': [completionCommand, versionCommand],
};

/** The commands that a kubeconfig may name. All others refuse while kubectl runs this program. */
const runByKubectl: readonly string[] = ['exec-credential', 'get-credentials'];

/** The command line: every command with its options, ready to parse. */
export function program(world: World): EckCommand {
  const root = new EckCommand('kubectl eck')
    .description("Kubernetes clusters of Alibaba Cloud's edge service (ENS), with no key in a file")
    .usage('<command> [options]')
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .version(release.version, '-V, --version', 'print the version')
    .commandsGroup('Others:')
    .helpCommand('help [command]', 'print help for a command')
    .showSuggestionAfterError()
    .addHelpText('after', '\nStart with:\n  kubectl eck get-credentials eck-0123abcd\n  kubectl get nodes');
  for (const [heading, commands] of Object.entries(groups)) {
    for (const command of commands) root.addCommand(command(world).helpGroup(heading));
  }
  root.hook('preAction', (_, command) => {
    checkParent(command.name(), world);
    if (command.opts()['verbose'] || root.opts()['verbose']) process.env['KUBECTL_ECK_LOG'] = 'debug';
    if (command.name() !== 'exec-credential') startSpinner(world);
  });
  for (const command of [root, ...root.commands]) {
    command
      .option('-v, --verbose', 'print each step, and the stack trace of an error')
      .helpOption('-h, --help', 'print help')
      .exitOverride()
      .configureOutput({ writeOut: printOutput, writeErr: () => undefined });
  }
  return root;
}

/** @throws EckError `usage` if kubectl runs a command that is for people: a kubeconfig may name any */
function checkParent(name: string, { environment }: World): void {
  if (!environment['KUBERNETES_EXEC_INFO'] || runByKubectl.includes(name)) return;
  const message = `"${name}" cannot be run by kubectl as a credential plugin`;
  throw usageError(message, 'Unset KUBERNETES_EXEC_INFO to run it by hand');
}

/** Parses a command line and runs its command. @throws EckError of the command, or `usage` */
export async function run(args: readonly string[], world: World): Promise<void> {
  const root = program(world);
  // As cobra does. Not a command of commander, which would take a --help behind it for its own.
  if (args[0] === '__complete') {
    checkParent(args[0], world);
    const { answerCompletion } = await import('./completion/command.js');
    return answerCompletion(root, args.slice(1), world);
  }
  if (args.length === 0) {
    root.outputHelp();
    return;
  }
  try {
    await root.parseAsync(args, { from: 'user' });
    hideProgress();
  } catch (error) {
    hideProgress();
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return;
    // `help UNKNOWN`: commander would print all help and not say why.
    if (error.code === 'commander.help') return run(args.slice(1), world);
    const command = root.commands.find((candidate) => candidate.name() === args[0]);
    throw commandLineError(error.message, `kubectl eck ${command ? `${command.name()} ` : ''}--help`);
  }
}

export function commandLineError(message: string, help: string): EckError {
  const text = printable(message.replace(/^error: /, ''));
  const [, mistake = text, suggestion] = /^(.*?) *(?:\(Did you mean (.*)\?\))?$/.exec(text) ?? [];
  const sentence = mistake.replace(/\. Expected/, ', expected').replace(/\.$/, '');
  const question = suggestion === undefined ? '' : `Did you mean ${suggestion}? `;
  return usageError(sentence, `${question}See "${help}"`);
}

/** `version`: this release, and as JSON also the commit that it was built from. */
function versionCommand(): EckCommand {
  const formats = ['text', 'json'] as const;
  const command = new EckCommand('version').description('print the version').addOutputOption(formats);
  return command.addExamples('-o json').action(() => {
    const isJson = command.outputFormat(formats) === 'json';
    printOutput(isJson ? `${JSON.stringify(release)}\n` : `kubectl-eck ${release.version}\n`);
  });
}

/** `exec-credential`: what kubectl runs. `main.ts` answers the usual forms without this. */
function execCredentialCommand(world: World): EckCommand {
  const command = new EckCommand('exec-credential')
    .description('print a credential for kubectl; kubectl runs this by itself')
    .option('--cluster-id <ID>', 'the cluster, where the kubeconfig does not say')
    .addExecApiVersionOption()
    .addSettingOptions()
    .addExamples('--cluster-id eck-0123abcd');
  return command.action(() => {
    const clusterId = command.textOption('cluster-id');
    const execApiVersion = command.textOption('exec-api-version');
    return answerKubectl({ clusterId, execApiVersion, settings: command.typedSettings() }, world);
  });
}

import { Argument, Command } from 'commander';
import { shells, type Shell } from './shells.js';
import { withChoices } from '../options.js';

/** `completion`: the script that teaches a shell to complete `kubectl-eck`. */
export function completionCommand(): Command {
  return new Command('completion')
    .description('print the script that lets a shell complete kubectl-eck')
    .addArgument(withChoices(new Argument('<SHELL>', 'your shell'), shells))
    .addHelpText(
      'after',
      [
        '',
        'Examples:',
        '  source <(kubectl-eck completion bash)    # in ~/.bashrc',
        '  source <(kubectl-eck completion zsh)     # in ~/.zshrc, after compinit',
        '  kubectl-eck completion fish > ~/.config/fish/completions/kubectl-eck.fish',
        '  kubectl-eck completion powershell >> $PROFILE',
        '',
        'The words after "kubectl eck" are completed by kubectl itself (1.26 and later;',
        'see "kubectl completion --help"), which runs kubectl_complete-eck: keep that',
        'program on PATH, as kubectl-eck is.',
      ].join('\n'),
    )
    .action(async (shell: Shell) => {
      const { completionScripts } = await import('./scripts.js');
      process.stdout.write(completionScripts[shell]);
    });
}

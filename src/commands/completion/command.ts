import { Argument } from 'commander';
import { messageOf, printable, printOutput } from '../../errors.js';
import type { World } from '../../world.js';
import { EckCommand, withChoices } from '../options.js';
import { complete, type Candidate } from './complete.js';
import { sourcesFor } from './sources.js';

/** The completion script of each shell. Loading one starts no process. */
const scripts: Readonly<Record<string, () => Promise<{ readonly default: string }>>> = {
  bash: () => import('../../../plugin/completion/kubectl-eck.bash', { with: { type: 'text' } }),
  zsh: () => import('../../../plugin/completion/kubectl-eck.zsh', { with: { type: 'text' } }),
  fish: () => import('../../../plugin/completion/kubectl-eck.fish', { with: { type: 'text' } }),
  powershell: () => import('../../../plugin/completion/kubectl-eck.ps1', { with: { type: 'text' } }),
};

/** `completion`: prints a shell's completion script. */
export function completionCommand(): EckCommand {
  return new EckCommand('completion')
    .description('print the script that completes kubectl-eck in a shell')
    .addArgument(withChoices(new Argument('<SHELL>', 'your shell'), Object.keys(scripts)))
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
        'kubectl 1.26 and later completes "kubectl eck" itself (see "kubectl completion',
        '--help"). It runs kubectl_complete-eck, which has to be on PATH.',
      ].join('\n'),
    )
    .action(async (shell: string) => {
      const script = await scripts[shell]?.();
      printOutput(script?.default ?? '');
    });
}

/** Answers `__complete`, which shells run, and ends the process. It never fails and never warns. */
export async function answerCompletion(root: EckCommand, words: readonly string[], world: World): Promise<never> {
  const silent = { ...world, warn: world.debug.bind(world) };
  const completing = complete(root, words, (command) => sourcesFor(command, silent));
  const candidates = await completing.catch((error: unknown): Candidate[] => {
    world.debug(`nothing can be completed: ${messageOf(error)}`);
    return [];
  });
  printOutput(formatCompletion(candidates));
  // A call to ENS that takes too long is not waited for.
  process.exit(0);
}

/**
 * Values that no shell can misread: letters, digits and signs without a meaning in a shell. Older kubectl scripts let
 * bash expand a value, so `$(…)` in a cluster's name would run; and some insert ` -` unquoted, as a flag.
 */
const harmless = /^(?!.* -)[\p{L}\p{M}\p{N} _.,:@%+=/-]+$/u;

/** Formats completions in cobra's protocol: a value with a tab and its description per line, then the directive. */
export function formatCompletion(candidates: readonly Candidate[] | undefined): string {
  const lines = (candidates ?? [])
    .filter(({ value }) => harmless.test(value))
    .map(({ value, description }) => `${value}\t${printable(description, 100)}`.trimEnd());
  // ShellCompDirectiveDefault, which completes files, or ShellCompDirectiveNoFileComp.
  return [...lines, candidates === undefined ? ':0' : ':4', ''].join('\n');
}

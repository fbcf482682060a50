import type { Command } from 'commander';

/** What a command's help says after its options: examples, above all. From then on its help is printed nowhere else. */
export function helpAfter(command: Command): string {
  let help = '';
  command.configureOutput({ writeOut: (text) => (help += text) });
  command.outputHelp();
  return help.slice(command.helpInformation().length);
}

/** The lines of the examples in a command's help, without what a shell does with their output. */
export function examplesOf(command: Command): string[] {
  return [...helpAfter(command).matchAll(/^ {2,}.*?\b(kubectl[ -]eck .*)$/gm)].map(([, line = '']) =>
    line.replace(/(?:\)| +[#>|]).*$/, '').trim(),
  );
}

import type { Command, Option } from 'commander';

/** What the word under the cursor is. */
export type Asked =
  | { readonly kind: 'flag' }
  | { readonly kind: 'value'; readonly option: Option }
  /** An argument of the command, or, where there is no command yet, the command. */
  | { readonly kind: 'argument'; readonly index: number };

/** An unfinished command line, as far as it was typed. */
export interface Line {
  /** The command that was named; the program itself where none was yet. */
  readonly command: Command;
  /** The options that stand before the cursor. */
  readonly given: ReadonlySet<Option>;
  /** Their values, by the flag's long name without dashes. */
  readonly values: ReadonlyMap<string, string>;
  /** The command's arguments before the cursor. */
  readonly operands: readonly string[];
  readonly asked: Asked;
  /** What is there already of the word under the cursor; of `--flag=value`, what follows the sign. */
  readonly prefix: string;
}

/**
 * Reads an unfinished command line by the definitions of the commands. Flags that there are not are passed over.
 *
 * @param words what follows the program's name; the last one is the word under the cursor, and may be empty
 */
export function readLine(root: Command, words: readonly string[]): Line {
  const before = [...words];
  const current = before.pop() ?? '';
  const given = new Set<Option>();
  const values = new Map<string, string>();
  const operands: string[] = [];
  let command = root;
  let pending: Option | undefined;
  let isAfterDashes = false;

  const give = (option: Option, value: string | undefined): void => {
    given.add(option);
    if (value !== undefined) values.set(nameOf(option), value);
    else if (option.required) pending = option;
  };
  for (const word of before) {
    if (pending !== undefined) {
      values.set(nameOf(pending), word);
      pending = undefined;
    } else if (isAfterDashes) {
      operands.push(word);
    } else if (word === '--') {
      isAfterDashes = true;
    } else if (word.length > 1 && word.startsWith('-')) {
      const { option, value } = findOption(command, word);
      if (option !== undefined) give(option, value);
    } else if (command === root) {
      // A command that there is not: then nothing is known of what follows it.
      command = findCommand(root, word) ?? root.createCommand(word);
    } else {
      operands.push(word);
    }
  }

  const line = { command, given, values, operands };
  if (pending !== undefined) return { ...line, asked: { kind: 'value', option: pending }, prefix: current };
  if (!isAfterDashes && current.startsWith('-')) {
    const { option, value } = findOption(command, current);
    return current.startsWith('--') && option !== undefined && value !== undefined
      ? { ...line, asked: { kind: 'value', option }, prefix: value }
      : { ...line, asked: { kind: 'flag' }, prefix: current };
  }
  return { ...line, asked: { kind: 'argument', index: operands.length }, prefix: current };
}

/** The commands that help shows, the help command among them. */
export function visibleCommands(root: Command): Command[] {
  return root.createHelp().visibleCommands(root);
}

/** The options that help shows, `--help` among them. */
export function visibleOptions(command: Command): Option[] {
  return command.createHelp().visibleOptions(command);
}

function findCommand(root: Command, name: string): Command | undefined {
  return visibleCommands(root).find((command) => command.name() === name || command.aliases().includes(name));
}

/** Finds the option of `--flag`, `--flag=value`, `-f` or `-fvalue`, and the value where it stands in the same word. */
function findOption(
  command: Command,
  word: string,
): { option?: Option | undefined; value?: string | undefined } {
  const options = visibleOptions(command);
  if (word.startsWith('--')) {
    const equals = word.indexOf('=');
    const long = equals < 0 ? word : word.slice(0, equals);
    const option = options.find((candidate) => candidate.long === long);
    return { option, value: equals < 0 ? undefined : word.slice(equals + 1) };
  }
  const option = options.find(({ short }) => short === word.slice(0, 2));
  const rest = word.slice(2);
  return { option, value: option?.required === true && rest !== '' ? rest : undefined };
}

function nameOf(option: Option): string {
  return option.long?.slice(2) ?? option.name();
}

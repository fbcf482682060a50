import { CommanderError, type Command } from 'commander';
import { program } from '../../src/commands/program.js';
import { EckError } from '../../src/errors.js';
import type { World } from '../../src/world.js';
import { FakeWorld } from '../exec-credential/fixtures.js';

/** A world without a machine. */
export const world: World = new FakeWorld({}, '/dev/null/home');

/** The commands with their definitions, but without actions. */
export function definitions(): Command {
  const root = program(world);
  for (const command of root.commands) command.action(() => undefined);
  for (const command of [root, ...root.commands]) command.configureOutput({ writeOut: () => undefined });
  return root;
}

/** Whether a command line can be parsed. Nothing is executed. */
export function parses(args: readonly string[]): boolean {
  try {
    definitions().parse(args, { from: 'user' });
    return true;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0;
    if (error instanceof EckError && error.code === 'usage') return false;
    throw error;
  }
}

/** All help of a command, with the text after the options. */
export function helpOf(command: Command): string {
  let help = '';
  command.configureOutput({ writeOut: (text) => (help += text) });
  command.outputHelp();
  return help;
}

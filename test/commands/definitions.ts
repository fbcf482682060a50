import { CommanderError, type Command } from 'commander';
import { program } from '../../src/commands/program.js';
import { EckError } from '../../src/errors.js';
import type { World } from '../../src/world.js';

/** No machine in particular. */
export const world: World = {
  environment: {},
  platform: 'linux',
  homeDirectory: () => '/nonexistent',
  now: () => new Date(0),
  isTerminal: () => false,
  warn: () => undefined,
  debug: () => undefined,
};

/** The commands as they are defined, but none of them does anything. */
export function definitions(): Command {
  const root = program(world);
  for (const command of root.commands) command.action(() => undefined);
  for (const command of [root, ...root.commands]) command.configureOutput({ writeOut: () => undefined });
  return root;
}

/** Whether a command line is understood; nothing is executed. */
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

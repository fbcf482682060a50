import type { Command } from 'commander';

/** The commands whose clusters are those with a credential or a context here, and no others of the account. */
const keptCommands: readonly string[] = ['status', 'refresh', 'logout', 'doctor'];

/** Whether a command is about what is here. It takes the name of a context in the place of a cluster's id. */
export function isAboutKept(command: Command): boolean {
  return keptCommands.includes(command.name());
}

/** The groups that help lists the commands in, in its order. A command that is in none is among the others. */
const groups: readonly (readonly [heading: string, commands: readonly string[]])[] = [
  ['Every day:', ['get-credentials', 'list', 'status', 'refresh', 'logout', 'convert']],
  ['Finding faults:', ['doctor']],
  ['Run by kubectl:', ['exec-credential']],
];

/** The heading of the commands that are in no other group. */
export const otherCommands = 'Others:';

/** The headings of all groups, in the order of help. */
export const groupHeadings: readonly string[] = [...groups.map(([heading]) => heading), otherCommands];

const grouped = groups.flatMap(([heading, commands]) => commands.map((command) => ({ command, heading })));

/** The heading that help lists a command under. */
export function groupOf(command: string): string {
  return grouped.find((member) => member.command === command)?.heading ?? otherCommands;
}

/** Compares two commands by the places that they have in help. */
export function compareCommands(one: string, other: string): number {
  return placeOf(one) - placeOf(other);
}

function placeOf(command: string): number {
  const place = grouped.findIndex((member) => member.command === command);
  return place < 0 ? grouped.length : place;
}

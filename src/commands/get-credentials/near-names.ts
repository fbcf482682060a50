/** The most names that are suggested. */
const shownAtMost = 3;

/**
 * The names that somebody may have meant who typed another one, the nearest first: those that differ in a letter or
 * two, or in case, and those that begin with what was typed.
 */
export function nearNames(typed: string, names: readonly string[]): string[] {
  const wanted = typed.toLowerCase();
  const limit = typed.length < 3 ? 0 : Math.min(2, Math.ceil(typed.length / 3));
  return names
    .map((name) => {
      const candidate = name.toLowerCase();
      const distance = editDistance(wanted, candidate);
      const isNear = distance <= limit || (typed.length >= 2 && candidate.startsWith(wanted));
      return { name, distance, isNear };
    })
    .filter(({ isNear }) => isNear)
    .sort((one, other) => one.distance - other.distance)
    .slice(0, shownAtMost)
    .map(({ name }) => name);
}

/** How many characters have to be added, removed or replaced to get from one text to another (Levenshtein). */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: Array.from(other).length + 1 }, (_, column) => column);
  for (const [index, character] of Array.from(one).entries()) {
    const next = [index + 1];
    for (const [column, otherCharacter] of Array.from(other).entries()) {
      const replaced = (row[column] ?? 0) + (character === otherCharacter ? 0 : 1);
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

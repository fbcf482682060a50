/** A text as one word of a command that a person can copy into a shell: quoted where it has to be. */
export function shellWord(text: string): string {
  return /^[\w.:/@=,+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

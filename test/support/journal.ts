import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesHolding, secretForms } from './secrets.js';

/** Names the directory that collects, for the whole suite, what the search for leaked keys needs. */
export const journalVariable = 'KUBECTL_ECK_TEST_JOURNAL';

/** Notes a private key that was issued. */
export function noteKey(pem: string): void {
  append('keys', `${JSON.stringify(pem)}\n`);
}

/** Notes what a program wrote to standard error. */
export function noteOutput(text: string): void {
  append('output', text);
}

/** Notes a file that contains a key and should not. */
export function noteLeak(file: string): void {
  append('leaks', `${file}\n`);
}

function append(name: string, text: string): void {
  const journal = process.env[journalVariable];
  if (journal !== undefined) appendFileSync(join(journal, name), text);
}

/**
 * Searches the journal, and directories that tests may have left, for the keys that were issued.
 *
 * @param isWholeSuite whether no key at all means that the search does not work
 */
export async function leaksIn(
  journal: string,
  directories: readonly string[],
  isWholeSuite: boolean,
): Promise<string[]> {
  const read = (name: string): string => {
    const file = join(journal, name);
    return existsSync(file) ? readFileSync(file, 'latin1') : '';
  };
  const lines = (name: string): string[] => read(name).split('\n').filter(Boolean);
  const keys = lines('keys').map((line) => JSON.parse(line) as string);
  if (keys.length === 0 && isWholeSuite) throw new Error('no key was issued in the whole suite');
  const leaks = lines('leaks');
  const output = read('output');
  if (keys.flatMap(secretForms).some((form) => output.includes(form.toString('latin1')))) {
    leaks.push('standard error of a program');
  }
  for (const directory of directories) leaks.push(...(await filesHolding(directory, keys)));
  return leaks;
}

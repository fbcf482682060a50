import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesHolding, secretForms } from './secrets.js';

/**
 * What the whole test suite remembers, so that it can be looked through for private keys at the end: every key that
 * was issued in it, and everything that a program said on standard error. It lies in the directory that this variable
 * names; without one, nothing is remembered.
 */
export const journalVariable = 'KUBECTL_ECK_TEST_JOURNAL';

const directory = (): string | undefined => process.env[journalVariable];

/** Remembers a private key that was issued. */
export function noteKey(pem: string): void {
  append('keys', `${JSON.stringify(pem)}\n`);
}

/** Remembers what a program said on standard error. */
export function noteOutput(text: string): void {
  append('output', text);
}

/** Remembers a file that held a key and should not have. */
export function noteLeak(file: string): void {
  append('leaks', `${file}\n`);
}

function append(name: string, text: string): void {
  const journal = directory();
  if (journal !== undefined && text !== '') appendFileSync(join(journal, name), text);
}

/**
 * Looks through a journal, and through directories that tests may have left files in.
 *
 * @returns where a key that was issued has leaked to; none, if all is well
 * @param isWholeSuite whether keys must have been issued, so that finding none means that nothing was looked for
 * @throws where that is so
 */
export async function leaksIn(
  journal: string,
  directories: readonly string[],
  isWholeSuite: boolean,
): Promise<string[]> {
  const keys = readLines(join(journal, 'keys')).map((line) => JSON.parse(line) as string);
  if (keys.length === 0 && isWholeSuite) {
    throw new Error('no key was issued in the whole suite, so none was looked for');
  }
  const output = existsSync(join(journal, 'output'))
    ? readFileSync(join(journal, 'output'))
    : Buffer.alloc(0);
  const leaks = readLines(join(journal, 'leaks'));
  if (keys.flatMap(secretForms).some((form) => output.includes(form)))
    leaks.push('standard error of a program');
  for (const place of directories) leaks.push(...(await filesHolding(place, keys)));
  return leaks;
}

function readLines(file: string): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
}

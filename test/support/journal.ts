import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

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

/** The files at or below a path that contain one of the private keys as PEM, its base64, or DER. */
export async function filesHolding(path: string, keysPem: readonly string[]): Promise<string[]> {
  const forms = keysPem.flatMap(secretForms);
  const found: string[] = [];
  const search = async (file: string): Promise<void> => {
    const status = await unlessGone(lstat(file));
    if (status?.isDirectory() === true) {
      for (const name of (await unlessGone(readdir(file))) ?? []) await search(join(file, name));
    } else if (status?.isFile() === true) {
      const content = await unlessGone(readFile(file));
      if (content !== undefined && forms.some((form) => content.includes(form))) found.push(file);
    }
  };
  await search(path);
  return found;
}

/** Other runs of these tests delete their own directories. */
async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Parts of a private key that are found whatever stands around them: of its DER, its PEM, and the PEM's base64. */
export function secretForms(keyPem: string): Buffer[] {
  const lines = keyPem.split('\n').filter((line) => line !== '' && !line.startsWith('-----'));
  const der = Buffer.from(lines.join(''), 'base64');
  // The start of the DER is the same for all keys; the private number is in the middle.
  const middle = Math.floor(der.length / 3);
  const base64 = Buffer.from(keyPem).toString('base64');
  const start = Math.floor(base64.length / 8) * 4;
  const line = lines[Math.floor(lines.length / 2)] ?? '';
  const forms = [der.subarray(middle, middle + 24), line, base64.slice(start, start + 40)];
  return forms.map((form) => Buffer.from(form)).filter((form) => form.length >= 16);
}

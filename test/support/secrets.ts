import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The files below a directory that hold one of the private keys, in any of the forms that one could leak in: PEM, the
 * base64 of PEM, or the bare key, as text or as bytes. What goes away while it is looked through holds none.
 */
export async function filesHolding(directory: string, keysPem: readonly string[]): Promise<string[]> {
  const needles = keysPem.flatMap(secretForms);
  const found: string[] = [];
  const look = async (path: string, isDirectory: boolean): Promise<void> => {
    if (!isDirectory) {
      const content = await unlessGone(readFile(path));
      if (content !== undefined && needles.some((needle) => content.includes(needle))) found.push(path);
      return;
    }
    for (const entry of (await unlessGone(readdir(path, { withFileTypes: true }))) ?? []) {
      if (entry.isFile() || entry.isDirectory()) await look(join(path, entry.name), entry.isDirectory());
    }
  };
  const status = await unlessGone(lstat(directory));
  if (status?.isDirectory() || status?.isFile()) await look(directory, status.isDirectory());
  return found;
}

/** Other runs of these tests remove their own directories. */
async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Parts of a key that cannot be there by chance, whatever stands around them. */
export function secretForms(keyPem: string): Buffer[] {
  const lines = keyPem.split('\n').filter((line) => line !== '' && !line.startsWith('-----'));
  const der = Buffer.from(lines.join(''), 'base64');
  // The private number stands somewhere in the middle; the start of a DER key is the same for all keys.
  const middle = Math.floor(der.length / 3);
  const base64 = Buffer.from(keyPem).toString('base64');
  return [
    der.subarray(middle, middle + 24),
    Buffer.from(lines[Math.floor(lines.length / 2)] ?? ''),
    Buffer.from(base64.slice(Math.floor(base64.length / 8) * 4, Math.floor(base64.length / 8) * 4 + 40)),
  ].filter((needle) => needle.length >= 16);
}

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { checkClientCredential } from '../../credential/check.js';
import type { ClientCredential } from '../../credential/client-credential.js';
import { messageOf, printable } from '../../errors.js';
import { base64Text } from '../../kubeconfig/issued.js';
import type { KubeconfigUser } from '../../kubeconfig/user.js';

/** Larger than any certificate chain or key. */
const largestFile = 1024 * 1024;

/**
 * Reads the client credential that lies in the user kubeconfig, or in the files that it names, relative to its own
 * directory. Text in the kubeconfig comes before a file, as it does for kubectl.
 *
 * @returns the credential, as fetched at `now`
 * @throws Error saying what is wrong with it, without quoting from it
 */
export async function readEmbeddedCredential(
  user: Pick<KubeconfigUser, 'file' | 'content'>,
  now: Date,
): Promise<ClientCredential> {
  const certificate = await pemOf(user, 'client-certificate');
  const privateKey = await pemOf(user, 'client-key');
  return checkClientCredential({ certificate, privateKey }, now);
}

/** The file that the client key lies in, where that is not the kubeconfig. */
export function clientKeyFile({
  file,
  content,
}: Pick<KubeconfigUser, 'file' | 'content'>): string | undefined {
  const path = content['client-key'];
  return typeof path === 'string' && path !== '' ? resolve(dirname(file), path) : undefined;
}

async function pemOf(
  { file, content }: Pick<KubeconfigUser, 'file' | 'content'>,
  field: 'client-certificate' | 'client-key',
): Promise<string> {
  const path = content[field];
  if (content[`${field}-data`] || typeof path !== 'string' || path === '') {
    return base64Text(content, `${field}-data`);
  }
  return readPem(resolve(dirname(file), path));
}

async function readPem(path: string): Promise<string> {
  try {
    // Opening a pipe would wait for somebody to write to it.
    const file = await open(path, constants.O_RDONLY | ((constants.O_NONBLOCK as number | undefined) ?? 0));
    try {
      const stats = await file.stat();
      if (!stats.isFile() || stats.size > largestFile) throw new Error('it is no file that could hold one');
      return await file.readFile('latin1');
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new Error(`${printable(path)} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

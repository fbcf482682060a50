import { quoted, usageError } from '../errors.js';

/**
 * Reads a cluster id, such as `eck-0123abcd`: letters, digits, `-` and `_`, at most 63 of them.
 *
 * @throws EckError `usage`, before the text goes into a call, a file's name or a keychain
 */
export function parseClusterId(text: string): string {
  if (text === '') throw usageError('the cluster id is empty; give one such as eck-0123abcd');
  if (!isClusterId(text)) {
    throw usageError(`${quoted(text)} is not a cluster id; give one such as eck-0123abcd`);
  }
  return text;
}

/** Whether a text has the form of a cluster id. */
export function isClusterId(text: string): boolean {
  return /^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$/.test(text);
}

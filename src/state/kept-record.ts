import { readdirSync, readFileSync } from 'node:fs';
import { credentialKeyText, type CredentialKey } from '../credential/key.js';
import { keepingStores, type KeepingStore } from '../keychain/store.js';
import { cacheDirectory } from '../settings/directories.js';
import type { World } from '../world.js';
import { flawOfDirectory } from './directory.js';

/**
 * What is remembered of a credential that was kept: which one, where, and what its certificate says. No secret. It
 * tells what to look for, and not whether that is still there: a keychain can be emptied behind this program's back.
 */
export interface KeptRecord {
  readonly key: CredentialKey;
  readonly store: KeepingStore;
  /** The client certificate's subject, safe to print. */
  readonly certificateSubject: string;
  readonly fetchedAt: Date;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** The name of the file that holds a record, in the directory of the credential's state. */
export const keptRecordFile = 'kept.json';

/** A record as the text of its file. */
export function formatKeptRecord(record: KeptRecord): string {
  return JSON.stringify({ account: credentialKeyText(record.key), ...record });
}

/**
 * Reads what {@link formatKeptRecord} wrote.
 *
 * @returns `undefined` for anything else, such as a file that was cut, or that another release wrote
 */
export function parseKeptRecord(text: string): KeptRecord | undefined {
  try {
    // Only this program writes these files, in a directory that nobody else can write to.
    const { account, key, store, certificateSubject, ...dates } = JSON.parse(text) as Record<string, unknown>;
    const record = {
      key: key as CredentialKey,
      store: store as KeptRecord['store'],
      certificateSubject: certificateSubject as string,
      fetchedAt: dateOf(dates['fetchedAt']),
      notBefore: dateOf(dates['notBefore']),
      notAfter: dateOf(dates['notAfter']),
    };
    // Computed from every part of the key, the account also tells whether they are all there.
    const isWhole =
      credentialKeyText(record.key) === account &&
      (keepingStores as readonly unknown[]).includes(store) &&
      typeof certificateSubject === 'string';
    return isWhole ? record : undefined;
  } catch {
    return undefined;
  }
}

/** The records of all credentials that this user has kept, in the order of their accounts. */
export function readKeptRecords(world: Pick<World, 'environment' | 'homeDirectory'>): KeptRecord[] {
  const root = cacheDirectory(world.environment, world.homeDirectory());
  // Others must not be able to make this program look for, call or delete what they choose.
  if (flawOfDirectory(root) !== undefined) return [];
  return readdirSync(root)
    .sort()
    .flatMap((name) => {
      try {
        return parseKeptRecord(readFileSync(`${root}/${name}/${keptRecordFile}`, 'utf8')) ?? [];
      } catch {
        return [];
      }
    });
}

function dateOf(value: unknown): Date {
  const date = new Date(typeof value === 'string' ? value : NaN);
  if (Number.isNaN(date.getTime())) throw new RangeError('not a date');
  return date;
}

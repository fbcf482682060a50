import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ErrorCode } from '../errors.js';
import { cacheDirectory, checkPrivateDirectory, shortDigest, removeFile } from '../cache-directory.js';
import type { World } from '../world.js';
import { isRunning, type ParentProcess } from './parent-process.js';
import { cacheKeyText, type CacheKey } from '../credential/cache-key.js';
import { savingStores, type SavingStore } from '../settings.js';

/** What was served to a process. */
export interface Served {
  /** `fetchedAt` of the credential. */
  readonly fetchedAt: Date;
  /** The `expirationTimestamp` that went with it: asking again after it means nothing. */
  readonly expiration: Date;
}

/** How the last renewal of a credential went. */
export interface RenewalRecord {
  readonly finishedAt: Date;
  /** Where it failed. */
  readonly failure?: { readonly code: ErrorCode; readonly message: string };
  /** When a renewal was last made because the API server had refused what was kept. */
  readonly repairedAt?: Date;
}

/** One in this many answers to kubectl looks for marks that nobody needs any more. */
const sweepOneIn = 50;

/**
 * What is remembered of one kept credential besides the credential: where it is kept, who was served, how the last
 * renewal went, and the lock that a renewal is made under. None of it is secret, and all of it can be lost: then a
 * credential may be renewed once too often, or once too seldom, and `status` does not know of it.
 *
 * It lies in a directory of the credential's own, below kubectl's cache directory. Where that cannot be used, the
 * person is warned once a run, and nothing is remembered.
 */
export class CredentialRecords {
  readonly #root: string;
  readonly #directory: string;
  #usable: boolean | undefined;

  constructor(
    account: string,
    private readonly world: Pick<World, 'environment' | 'homeDirectory' | 'warn'>,
  ) {
    this.#root = cacheDirectory(world);
    this.#directory = `${this.#root}/${directoryName(account)}`;
  }

  /** Where the lock of a renewal is, or `undefined` where there can be none. */
  get lockFile(): string | undefined {
    return this.#open() ? `${this.#directory}/lock` : undefined;
  }

  /** What was served to a process before, if it is remembered. */
  servedTo(requester: ParentProcess): Served | undefined {
    const [startedAt, fetchedAt, expiration] = this.#read(markName(requester)).split(' ');
    if (startedAt !== requester.startedAt || !fetchedAt || !expiration) return undefined;
    const [fetchedAtMs, expirationMs] = [Number(fetchedAt), Number(expiration)];
    if (Number.isNaN(fetchedAtMs + expirationMs)) return undefined;
    return { fetchedAt: new Date(fetchedAtMs), expiration: new Date(expirationMs) };
  }

  /** Remembers what is served to a process. */
  noteServed(requester: ParentProcess, { fetchedAt, expiration }: Served): void {
    this.#write(markName(requester), `${requester.startedAt} ${fetchedAt.getTime()} ${expiration.getTime()}`);
    if (Math.random() * sweepOneIn < 1) this.sweep();
  }

  /** How the last renewal went, if it is remembered. */
  lastRenewal(): RenewalRecord | undefined {
    try {
      return parseRecord(JSON.parse(this.#read('renewal.json')));
    } catch {
      return undefined;
    }
  }

  /** Remembers how a renewal went. */
  noteRenewal(record: RenewalRecord): void {
    this.#write('renewal.json', JSON.stringify(record));
  }

  /** Remembers that the credential is kept, and where. */
  noteSaved(record: CachedRecord): void {
    this.#write(recordFileName, formatRecordFile(record));
  }

  /** Remembers that the credential is not kept any more. */
  noteDeleted(): void {
    if (this.#open()) removeFile(`${this.#directory}/${recordFileName}`);
  }

  /**
   * Forgets all of it. A process that holds the lock meanwhile does not keep what it fetches: the lock is gone, and with
   * it the right to.
   */
  remove(): void {
    if (this.#open()) rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Removes the marks of processes that have ended. */
  sweep(): void {
    for (const name of this.#list()) {
      const processId = /^served-(\d+)$/.exec(name)?.[1];
      if (processId !== undefined && !isRunning(Number(processId))) removeFile(`${this.#directory}/${name}`);
    }
  }

  #list(): string[] {
    try {
      return readdirSync(this.#directory);
    } catch {
      return [];
    }
  }

  #read(name: string): string {
    if (!this.#open()) return '';
    const file = `${this.#directory}/${name}`;
    // Most often there is none, and an error takes longer to make than a look.
    if (!existsSync(file)) return '';
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return '';
    }
  }

  /** What is read back half-written says nothing, so these files need no renaming into place. */
  #write(name: string, text: string): void {
    if (!this.#open()) return;
    try {
      writeFileSync(`${this.#directory}/${name}`, text, { mode: 0o600 });
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException;
      // The directory was there: since then, somebody has had everything forgotten. Then so be it.
      if (code !== 'ENOENT') this.#giveUp(`cannot be written (${code})`);
    }
  }

  /** Opens the directory at the first use, and looks whether nobody else could have put anything there. */
  #open(): boolean {
    if (this.#usable === undefined) {
      this.#usable = true;
      const flaw = checkPrivateDirectory(this.#root) ?? this.#make();
      if (flaw !== undefined) this.#giveUp(flaw);
    }
    return this.#usable;
  }

  /** The directory itself needs no such look: nobody else can do anything in the one above it. */
  #make(): string | undefined {
    try {
      if (!existsSync(this.#directory)) mkdirSync(this.#directory, { mode: 0o700 });
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException;
      if (code !== 'EEXIST') return `cannot be used (${code})`;
    }
    return undefined;
  }

  #giveUp(flaw: string): void {
    if (this.#usable === false) return;
    this.#usable = false;
    this.world.warn(
      `${this.#root} ${flaw}, so renewals are not shared between processes and a revoked certificate is not noticed; ` +
        'make it a directory of your own with mode 0700, or name another one with KUBECACHEDIR',
    );
  }
}

/**
 * The name of an account's directory: the account itself, so that a person can tell them apart. It is percent-encoded
 * already, but for the few characters that a file's name cannot have everywhere.
 */
function directoryName(account: string): string {
  const name = account.replace(/[*/]/g, (character) => (character === '/' ? '+' : '%2A'));
  // File names end at 255 bytes.
  return name.length <= 200 ? name : `${name.slice(0, 190)}~${shortDigest(name)}`;
}

function markName({ processId }: ParentProcess): string {
  return `served-${processId}`;
}

function parseRecord(value: unknown): RenewalRecord | undefined {
  const { finishedAt, repairedAt, failure } = (value ?? {}) as Record<string, unknown>;
  const finished = dateOf(finishedAt);
  if (finished === undefined) return undefined;
  const repaired = dateOf(repairedAt);
  const { code, message } = (failure ?? {}) as Record<string, unknown>;
  return {
    finishedAt: finished,
    // Only this program writes these files, in a directory that nobody else can write to.
    ...(typeof code === 'string' && typeof message === 'string'
      ? { failure: { code: code as ErrorCode, message } }
      : {}),
    ...(repaired === undefined ? {} : { repairedAt: repaired }),
  };
}

function dateOf(value: unknown): Date | undefined {
  const date = new Date(typeof value === 'string' ? value : NaN);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/**
 * What is remembered of a credential that was kept: which one, where, and what its certificate says. No secret. It
 * tells what to look for, and not whether that is still there: a keychain can be emptied behind this program's back.
 */
export interface CachedRecord {
  readonly key: CacheKey;
  readonly store: SavingStore;
  /** The client certificate's subject, safe to print. */
  readonly certificateSubject: string;
  readonly fetchedAt: Date;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** The name of the file that holds a record, in the directory of the credential's state. */
export const recordFileName = 'record.json';

/** A record as the text of its file. */
export function formatRecordFile(record: CachedRecord): string {
  return JSON.stringify({ account: cacheKeyText(record.key), ...record });
}

/**
 * Reads what {@link formatRecordFile} wrote.
 *
 * @returns `undefined` for anything else, such as a file that was cut, or that another release wrote
 */
export function parseRecordFile(text: string): CachedRecord | undefined {
  try {
    // Only this program writes these files, in a directory that nobody else can write to.
    const { account, key, store, certificateSubject, ...dates } = JSON.parse(text) as Record<string, unknown>;
    const record = {
      key: key as CacheKey,
      store: store as CachedRecord['store'],
      certificateSubject: certificateSubject as string,
      fetchedAt: savedDate(dates['fetchedAt']),
      notBefore: savedDate(dates['notBefore']),
      notAfter: savedDate(dates['notAfter']),
    };
    // Computed from every part of the key, the account also tells whether they are all there.
    const isWhole =
      cacheKeyText(record.key) === account &&
      (savingStores as readonly unknown[]).includes(store) &&
      typeof certificateSubject === 'string';
    return isWhole ? record : undefined;
  } catch {
    return undefined;
  }
}

/** The records of all credentials that this user has kept, in the order of their accounts. */
export function readRecords(world: Pick<World, 'environment' | 'homeDirectory'>): CachedRecord[] {
  const root = cacheDirectory(world);
  // Others must not be able to make this program look for, call or delete what they choose.
  if (checkPrivateDirectory(root) !== undefined) return [];
  return readdirSync(root)
    .sort()
    .flatMap((name) => {
      try {
        return parseRecordFile(readFileSync(`${root}/${name}/${recordFileName}`, 'utf8')) ?? [];
      } catch {
        return [];
      }
    });
}

function savedDate(value: unknown): Date {
  const date = new Date(typeof value === 'string' ? value : NaN);
  if (Number.isNaN(date.getTime())) throw new RangeError('not a date');
  return date;
}

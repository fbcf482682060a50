import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cacheDirectory, checkPrivateDirectory, removeFile, shortDigest } from '../cache-directory.js';
import { cacheKeyText, type CacheKey } from '../credential/cache-key.js';
import type { CredentialDates } from '../credential/freshness.js';
import { errorCode, ifPossible, type ErrorCode } from '../errors.js';
import { savingStores, type SavingStore } from '../settings.js';
import type { World } from '../world.js';

/** The program that runs us, usually kubectl. */
export interface ParentProcess {
  readonly processId: number;
  /** Differs for a later process with the same id. In the system's own unit, '' if it is unknown. */
  readonly startedAt: string;
}

/** Where a credential was saved, and what its certificate says. The store may have lost it since. */
export interface CachedRecord extends CredentialDates {
  readonly key: CacheKey;
  readonly store: SavingStore;
  /** Safe to print. */
  readonly certificateSubject: string;
}

/** The result of the last renewal of a credential. */
export interface RenewalRecord {
  readonly finishedAt: Date;
  readonly failure?: RenewalFailure | undefined;
  /** The last renewal that was made because the API server rejected the certificate. */
  readonly repairedAt?: Date | undefined;
}

/** Why a renewal failed, and when the failures began. */
interface RenewalFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly fix?: string | undefined;
  readonly since: Date;
}

/** What a parent process was served: the credential's `fetchedAt`, and the `expirationTimestamp` of the answer. */
interface Served {
  readonly fetchedAt: Date;
  readonly expiration: Date;
}

/** The file of a {@link CachedRecord} in the directory of a credential. */
export const recordFileName = 'record.json';
const renewalFileName = 'renewal.json';

/** One answer in this many looks for files of parent processes that have ended. */
const sweepOneIn = 50;

/**
 * The records about one credential, and its renewal lock: a directory without secrets, private to this user. If it
 * cannot be used, there is one warning and no record, so a credential may be renewed too often or too late.
 */
export class CredentialRecords {
  readonly #root: string;
  readonly #directory: string;
  #isUsable: boolean | undefined;

  /** @param keyText see {@link cacheKeyText} */
  constructor(
    keyText: string,
    private readonly world: Pick<World, 'environment' | 'homeDirectory' | 'warn'>,
  ) {
    this.#root = cacheDirectory(world);
    this.#directory = `${this.#root}/${directoryName(keyText)}`;
  }

  /** The path of the renewal lock; `undefined` if there can be none. */
  get lockFile(): string | undefined {
    return this.#open() ? `${this.#directory}/lock` : undefined;
  }

  /** What the parent process was served last. */
  servedTo({ processId, startedAt }: ParentProcess): Served | undefined {
    const [start, fetchedAt, expiration] = this.#read(`served-${processId}`).split(' ');
    if (start !== startedAt || !fetchedAt || !expiration) return undefined;
    if (Number.isNaN(Number(fetchedAt) + Number(expiration))) return undefined;
    return { fetchedAt: new Date(Number(fetchedAt)), expiration: new Date(Number(expiration)) };
  }

  noteServed({ processId, startedAt }: ParentProcess, { fetchedAt, expiration }: Served): void {
    this.#write(`served-${processId}`, `${startedAt} ${fetchedAt.getTime()} ${expiration.getTime()}`);
    if (Math.random() * sweepOneIn < 1) this.sweep();
  }

  /** Notes that the parent process is warned of an outage. @returns whether this is the first time */
  noteWarned({ processId, startedAt }: ParentProcess, outageSince: Date): boolean {
    const text = `${startedAt} ${outageSince.getTime()}`;
    if (this.#read(`warned-${processId}`) === text) return false;
    this.#write(`warned-${processId}`, text);
    return true;
  }

  lastRenewal(): RenewalRecord | undefined {
    const text = this.#read(renewalFileName);
    return text === '' ? undefined : ifPossible(() => parseRenewal(text));
  }

  noteRenewal(record: RenewalRecord): void {
    this.#write(renewalFileName, JSON.stringify(record));
  }

  noteSaved(record: CachedRecord): void {
    this.#write(recordFileName, JSON.stringify(record));
  }

  noteDeleted(): void {
    if (this.#open()) removeFile(`${this.#directory}/${recordFileName}`);
  }

  /** Removes all records and the lock. A process that holds the lock does not save what it fetches then. */
  remove(): void {
    if (this.#open()) rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Removes the files of parent processes that have ended. */
  sweep(): void {
    for (const name of ifPossible(() => readdirSync(this.#directory)) ?? []) {
      const processId = /^(?:served|warned)-(\d+)$/.exec(name)?.[1];
      if (processId !== undefined && !isRunning(Number(processId))) removeFile(`${this.#directory}/${name}`);
    }
  }

  /** @returns '' if there is no such file */
  #read(name: string): string {
    const file = `${this.#directory}/${name}`;
    // Usually there is none, and an exception costs more than this check.
    if (!this.#open() || !existsSync(file)) return '';
    return ifPossible(() => readFileSync(file, 'utf8')) ?? '';
  }

  /** A half-written file reads as no record, so these files are written in place. */
  #write(name: string, text: string): void {
    if (!this.#open()) return;
    try {
      writeFileSync(`${this.#directory}/${name}`, text, { mode: 0o600 });
    } catch (error) {
      const code = errorCode(error);
      // ENOENT: another process has removed the records.
      if (code !== 'ENOENT') this.#close(`cannot be written (${code})`);
    }
  }

  #open(): boolean {
    if (this.#isUsable === undefined) {
      this.#isUsable = true;
      const problem = checkPrivateDirectory(this.#root) ?? checkPrivateDirectory(this.#directory);
      if (problem !== undefined) this.#close(problem);
    }
    return this.#isUsable;
  }

  #close(problem: string): void {
    if (this.#isUsable === false) return;
    this.#isUsable = false;
    this.world.warn(
      `the directory ${this.#root} ${problem}, so it is not used; make it private to you (mode 0700), or set KUBECACHEDIR`,
    );
  }
}

/** The records of all credentials of this user, in the order of their cache keys. */
export function readRecords(world: Pick<World, 'environment' | 'homeDirectory'>): CachedRecord[] {
  const root = cacheDirectory(world);
  if (checkPrivateDirectory(root) !== undefined) return [];
  return readdirSync(root)
    .sort()
    .flatMap((name) => ifPossible(() => readRecord(root, name)) ?? []);
}

/** The directory is the name of the key, so a record that belongs elsewhere, or has half a key, is not read. */
function readRecord(root: string, directory: string): CachedRecord | undefined {
  const text = readFileSync(`${root}/${directory}/${recordFileName}`, 'utf8');
  const record = JSON.parse(text) as CachedRecord;
  const { key, store, certificateSubject } = record;
  if (directoryName(cacheKeyText(key)) !== directory) return undefined;
  if (!savingStores.includes(store) || typeof certificateSubject !== 'string') return undefined;
  const fetchedAt = parseDate(record.fetchedAt);
  const [notBefore, notAfter] = [parseDate(record.notBefore), parseDate(record.notAfter)];
  return { key, store, certificateSubject, fetchedAt, notBefore, notAfter };
}

function parseRenewal(text: string): RenewalRecord {
  const { finishedAt, repairedAt, failure } = JSON.parse(text) as RenewalRecord;
  return {
    finishedAt: parseDate(finishedAt),
    failure: failure && { ...failure, since: parseDate(failure.since) },
    repairedAt: repairedAt && parseDate(repairedAt),
  };
}

/** @throws RangeError for anything but a date in JSON */
function parseDate(value: unknown): Date {
  const date = new Date(typeof value === 'string' ? value : NaN);
  if (Number.isNaN(date.getTime())) throw new RangeError('not a date');
  return date;
}

/** The cache key, without the characters that some file systems refuse, and within their 255 bytes. */
function directoryName(keyText: string): string {
  const name = keyText.replace(/[*/]/g, (character) => (character === '/' ? '+' : '%2A'));
  return name.length <= 200 ? name : `${name.slice(0, 190)}~${shortDigest(name)}`;
}

/** Warns once, not at every command; if that cannot be noted, each time. */
export function warnOnce(name: string, message: string, world: World): void {
  const directory = cacheDirectory(world);
  const file = `${directory}/warned-${name}`;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(file, '', { flag: 'wx', mode: 0o600 });
  } catch {
    if (existsSync(file)) return;
  }
  world.warn(message);
}

/** The process that started this one. */
export function findParentProcess(platform: NodeJS.Platform): ParentProcess {
  const processId = process.ppid;
  return { processId, startedAt: (platform === 'linux' && startTime(processId)) || '' };
}

/** Field 22 of /proc/PID/stat (proc(5)). Field 2, the command in parentheses, may contain anything. */
function startTime(processId: number): string | undefined {
  const stat = ifPossible(() => readFileSync(`/proc/${processId}/stat`, 'latin1'));
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

/** Whether a process exists, of any user. */
function isRunning(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { cacheDirectory, checkPrivateDirectory, removeFile } from '../cache-directory.js';
import { EckError, errorCode, ifPossible, printable, type ErrorCode } from '../errors.js';
import { argumentsOf, type Settings } from '../settings.js';
import type { World } from '../world.js';
import {
  directoryName,
  endingFileName,
  parseDate,
  readEnding,
  readRecord,
  recordFileName,
  type CachedRecord,
  type Ending,
} from './cached-record.js';

/** The program that runs us, usually kubectl. */
export interface ParentProcess {
  readonly processId: number;
  /** Differs for a later process with the same id. In the system's own unit, '' if it is unknown. */
  readonly startedAt: string;
}

/** The result of the last renewal of a credential. */
export interface RenewalRecord {
  readonly finishedAt: Date;
  /** Why it failed, and when the failures began. */
  readonly failure?: Readonly<{ code: ErrorCode; message: string; fix?: string | undefined; since: Date }> | undefined;
  /** The last renewal that was made because the API server rejected the certificate. */
  readonly repairedAt?: Date | undefined;
}

/** What a parent process was served: the credential's `fetchedAt`, and the `expirationTimestamp` of the answer. */
interface Served {
  readonly fetchedAt: Date;
  readonly expiration: Date;
}

const renewalFileName = 'renewal.json';

const questionEveryMs = 5000;

/** One answer in this many looks for files of parent processes that have ended. */
const sweepOneIn = 50;

/**
 * The records about one credential, and its renewal lock: a directory without secrets, private to this user. If it
 * cannot be used, there is one warning and no record, so a credential may be renewed too often or too late.
 */
export class CredentialRecords {
  readonly #root: string;
  /** The path of the records of this credential. */
  readonly directory: string;
  #isUsable: boolean | undefined;

  /** @param keyText see {@link cacheKeyText} */
  constructor(
    keyText: string,
    private readonly world: Pick<World, 'environment' | 'homeDirectory' | 'warn'>,
  ) {
    this.#root = cacheDirectory(world);
    this.directory = `${this.#root}/${directoryName(keyText)}`;
  }

  /** The path of the renewal lock; `undefined` if there can be none. */
  get lockFile(): string | undefined {
    return this.#open() ? `${this.directory}/lock` : undefined;
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

  lastSaved(): CachedRecord | undefined {
    return this.#open() ? readRecord(this.directory) : undefined;
  }

  noteSaved(record: CachedRecord): void {
    this.#replace(recordFileName, JSON.stringify(record));
  }

  noteDeleted(): void {
    this.#remove(recordFileName);
  }

  ending(): Ending | undefined {
    return this.#open() ? readEnding(this.directory) : undefined;
  }

  /** @returns whether it is noted */
  noteEnding(ending: Ending): boolean {
    return this.#replace(endingFileName, JSON.stringify(ending));
  }

  /** Credentials that were fetched at this time or later are served. Copies of earlier ones may be left. */
  clearEnding(fetchedAt?: Date): void {
    const ending = this.ending();
    const saved = fetchedAt && this.lastSaved();
    const mayHaveCopies = saved && (saved.places.length > 1 || +saved.fetchedAt !== +fetchedAt);
    // The clock may have been set back.
    if (ending && mayHaveCopies)
      this.noteEnding({ reason: 'refusal', at: new Date(Math.min(+ending.at, +fetchedAt - 1)) });
    else this.#remove(endingFileName);
  }

  /**
   * Takes the turn to ask the API server whether it accepts the credential, once in {@link questionEveryMs} for all
   * processes.
   */
  takeQuestion(now: Date): boolean {
    const slot = Math.floor(now.getTime() / questionEveryMs);
    if (now.getTime() - Number(this.#read(`asked-${slot - 1}`)) < questionEveryMs) return false;
    try {
      const text = String(now.getTime());
      if (this.#open()) writeFileSync(`${this.directory}/asked-${slot}`, text, { flag: 'wx', mode: 0o600 });
      return this.#open();
    } catch {
      return false;
    }
  }

  /**
   * Removes all records but an ending, and the lock. A process that holds the lock does not save what it fetches then.
   */
  remove(): void {
    if (!this.#open()) return;
    for (const name of ifPossible(() => readdirSync(this.directory)) ?? [])
      if (name !== endingFileName) this.#remove(name);
    ifPossible(() => {
      rmdirSync(this.directory);
    });
    this.#isUsable = undefined;
  }

  /** Removes the files of parent processes that have ended, of killed processes, and of earlier questions. */
  sweep(): void {
    const lastSlot = Math.floor(Date.now() / questionEveryMs) - 1;
    for (const name of ifPossible(() => readdirSync(this.directory)) ?? []) {
      const [, kind, ofKind, ofKilled] = /^(?:(served|warned|asked)-(\d+)|\w+\.json\.(\d+)\.tmp)$/.exec(name) ?? [];
      const number = Number(ofKind ?? ofKilled);
      const isNeeded = kind === 'asked' ? number >= lastSlot : Number.isNaN(number) || isRunning(number);
      if (!isNeeded) this.#remove(name);
    }
  }

  #remove(name: string): void {
    if (this.#open()) removeFile(`${this.directory}/${name}`);
  }

  /** @returns '' if there is no such file */
  #read(name: string): string {
    const file = `${this.directory}/${name}`;
    // Usually there is none, and an exception costs more than this check.
    if (!this.#open() || !existsSync(file)) return '';
    return ifPossible(() => readFileSync(file, 'utf8')) ?? '';
  }

  /** A half-written file reads as no record, so most files are written in place. */
  #write(name: string, text: string): boolean {
    if (!this.#open()) return false;
    try {
      writeFileSync(`${this.directory}/${name}`, text, { mode: 0o600 });
      return true;
    } catch (error) {
      const code = errorCode(error);
      // ENOENT: another process has removed the records.
      if (code !== 'ENOENT') this.#close(`cannot be written (${code})`);
      return false;
    }
  }

  /** A full disk and a process that is killed leave the old file. */
  #replace(name: string, text: string): boolean {
    // Another process may have removed the directory since.
    if (!existsSync(this.directory)) this.#isUsable = undefined;
    const temporary = `${name}.${process.pid}.tmp`;
    const isReplaced =
      this.#write(temporary, text) &&
      ifPossible(() => {
        renameSync(`${this.directory}/${temporary}`, `${this.directory}/${name}`);
        return true;
      });
    if (!isReplaced) this.#remove(temporary);
    return isReplaced ?? false;
  }

  #open(): boolean {
    if (this.#isUsable === undefined) {
      this.#isUsable = true;
      const problem = checkPrivateDirectory(this.#root) ?? checkPrivateDirectory(this.directory);
      if (problem !== undefined) this.#close(problem);
    }
    return this.#isUsable;
  }

  #close(problem: string): void {
    if (this.#isUsable === false) return;
    this.#isUsable = false;
    this.world.warn(
      `the directory ${this.#root} ${problem}, so it is not used; make it yours alone (mode 0700), or set KUBECACHEDIR to a directory that can be written`,
    );
  }
}

function parseRenewal(text: string): RenewalRecord {
  const { finishedAt, repairedAt, failure } = JSON.parse(text) as RenewalRecord;
  return {
    finishedAt: parseDate(finishedAt),
    failure: failure && { ...failure, since: parseDate(failure.since) },
    repairedAt: repairedAt && parseDate(repairedAt),
  };
}

/** What `exec-credential` answers after a logout. */
export function loggedOut(clusterId: string, settings: Settings): EckError {
  const login = ['kubectl eck login', clusterId, ...argumentsOf(settings)].join(' ');
  return new EckError('logged-out', `You are logged out of ${clusterId}`, {
    fix: printable(`Run "${login}"`, Infinity),
  });
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

/** The process that started this one. On Linux, a shell does not count: fabric8 starts one for each request. */
export function findParentProcess(platform: NodeJS.Platform): ParentProcess {
  const processId = process.ppid;
  const stat = platform === 'linux' ? readStat(processId) : undefined;
  if (stat?.command === 'sh') {
    const starter = readStat(stat.parentId);
    if (starter) return { processId: stat.parentId, startedAt: starter.startedAt };
  }
  return { processId, startedAt: stat?.startedAt ?? '' };
}

/** Reads /proc/PID/stat (proc(5)). Field 2, the command in parentheses, may contain anything. */
function readStat(processId: number): { command: string; parentId: number; startedAt: string } | undefined {
  const text = ifPossible(() => readFileSync(`/proc/${processId}/stat`, 'latin1'));
  if (text === undefined) return undefined;
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  const command = text.slice(text.indexOf('(') + 1, end);
  return { command, parentId: Number(fields[1]), startedAt: fields[19] ?? '' };
}

/** Whether a process exists, of any user. */
function isRunning(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

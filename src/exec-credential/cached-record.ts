import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cacheDirectory, checkPrivateDirectory, shortDigest } from '../cache-directory.js';
import { cacheKeyText, type CacheKey } from '../credential/cache-key.js';
import type { CredentialDates } from '../credential/freshness.js';
import { ifPossible, isMapping, printable } from '../errors.js';
import type { IssuedKubeconfig } from '../kubeconfig/issued.js';
import { savingStores, type SavingStore } from '../settings.js';
import type { World } from '../world.js';

/** Where a credential was saved, and what its certificate says. A store may have lost it since. */
export interface CachedRecord extends CredentialDates, AboutCluster {
  readonly key: CacheKey;
  /** The store that it was saved in last. */
  readonly store: SavingStore;
  /** Every place that may hold a copy of it, or of an earlier one. */
  readonly places: readonly StorePlace[];
  /** Safe to print. */
  readonly certificateSubject: string;
}

/** What is recorded about a cluster. */
export interface AboutCluster {
  /** Absent in records of earlier versions. */
  readonly apiServer?: ApiServer | undefined;
  /** Absent if ENS did not say it. Safe to print. */
  readonly clusterName?: string | undefined;
}

/** A store of one machine. */
export interface StorePlace {
  readonly store: SavingStore;
  /** The host's name, and an id that stays if the name changes. */
  readonly machine: string;
  /** The kernel keyring is empty after the machine starts again. */
  readonly boot?: string | undefined;
}

/** The API server of an issued kubeconfig. */
export type ApiServer = IssuedKubeconfig['cluster'] & {
  /** Whether ENS was asked for the private address. */
  readonly privateIp: boolean;
};

/** Why credentials that were saved until then are not served, also if one could not be deleted. */
export interface Ending {
  readonly reason: 'logout' | 'refusal';
  readonly at: Date;
}

/** The files of a {@link CachedRecord} and an {@link Ending} in the directory of a credential. */
export const [recordFileName, endingFileName] = ['record.json', 'ending.json'];

/** The records of this user's credentials, in the order of their cache keys, which begin with `prefix`. */
export function readRecords(world: Pick<World, 'environment' | 'homeDirectory'>, prefix = ''): CachedRecord[] {
  const root = cacheDirectory(world);
  if (checkPrivateDirectory(root) !== undefined) return [];
  const start = directoryName(prefix);
  return readdirSync(root)
    .filter((name) => name.startsWith(start))
    .sort()
    .flatMap((name) => readRecord(`${root}/${name}`) ?? []);
}

/** The directory is the name of the key, so a record that belongs elsewhere, or has half a key, is not read. */
export function readRecord(directory: string): CachedRecord | undefined {
  return ifPossible(() => {
    const record = JSON.parse(readFileSync(`${directory}/${recordFileName}`, 'utf8')) as CachedRecord;
    const { key, store, certificateSubject, clusterName: name } = record;
    if (!directory.endsWith(`/${directoryName(cacheKeyText(key))}`)) return undefined;
    if (!savingStores.includes(store) || typeof certificateSubject !== 'string') return undefined;
    const fetchedAt = parseDate(record.fetchedAt);
    const [notBefore, notAfter] = [parseDate(record.notBefore), parseDate(record.notAfter)];
    const places = readPlaces(record.places, store);
    const apiServer = readApiServer(record.apiServer);
    const clusterName = typeof name === 'string' ? printable(name) : undefined;
    const about = { certificateSubject, apiServer, clusterName };
    return { key, store, places, fetchedAt, notBefore, notAfter, ...about };
  });
}

/** Whether a logout lasts: it ends with the next `get-credentials` or `refresh`. */
export function isLoggedOut(keyText: string, world: Pick<World, 'environment' | 'homeDirectory'>): boolean {
  return readEnding(`${cacheDirectory(world)}/${directoryName(keyText)}`)?.reason === 'logout';
}

export function readEnding(directory: string): Ending | undefined {
  const file = `${directory}/${endingFileName}`;
  // Usually there is none, and an exception costs more than this check.
  if (!existsSync(file)) return undefined;
  return ifPossible(() => {
    const { reason, at } = JSON.parse(readFileSync(file, 'utf8')) as Partial<Ending>;
    return reason === 'logout' || reason === 'refusal' ? { reason, at: parseDate(at) } : undefined;
  });
}

/** Earlier versions recorded no places: the store of this machine counts. */
function readPlaces(value: unknown, store: SavingStore): StorePlace[] {
  const places = (Array.isArray(value) ? value : []).filter(
    (place): place is StorePlace =>
      isMapping(place) &&
      savingStores.some((known) => known === place['store']) &&
      typeof place['machine'] === 'string',
  );
  return places.length > 0 ? places : [{ ...placeHere(store), boot: undefined }];
}

function readApiServer(value: unknown): ApiServer | undefined {
  if (!isMapping(value)) return undefined;
  const { server, certificateAuthorityPem, tlsServerName, privateIp } = value;
  if (typeof server !== 'string' || !server.startsWith('https://')) return undefined;
  if (typeof certificateAuthorityPem !== 'string') return undefined;
  const name = typeof tlsServerName === 'string' && { tlsServerName };
  return { server, certificateAuthorityPem, ...name, privateIp: privateIp === true };
}

/** @throws RangeError for anything but a date in JSON */
export function parseDate(value: unknown): Date {
  const date = new Date(typeof value === 'string' ? value : NaN);
  if (Number.isNaN(date.getTime())) throw new RangeError('not a date');
  return date;
}

/** The cache key, without the characters that some file systems refuse, and within their 255 bytes. */
export function directoryName(keyText: string): string {
  const name = keyText.replaceAll('/', '+').replaceAll('*', '%2A');
  return name.length <= 200 ? name : `${name.slice(0, 190)}~${shortDigest(name)}`;
}

/** A store of this machine, as it runs now. */
export function placeHere(store: SavingStore): StorePlace {
  return { store, machine: thisMachine(), ...(store === 'kernel' && { boot: bootId() }) };
}

/**
 * Whether a place holds nothing any more, is of this machine, or of another one. Records are on other machines too if
 * those have the same home directory; so is the store `file`.
 */
export function whereIs({ store, machine, boot }: StorePlace): 'nowhere' | 'here' | 'elsewhere' {
  const idOf = (text: string): string | undefined => text.split(' ').at(-1);
  if (store !== 'file' && idOf(machine) !== idOf(thisMachine())) return 'elsewhere';
  const bootNow = bootId();
  return store === 'kernel' && boot && bootNow && boot !== bootNow ? 'nowhere' : 'here';
}

/** Identifies this start of the machine; '' if that is unknown. */
export function bootId(): string {
  return ifPossible(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()) ?? '';
}

/** Only on Linux do several machines commonly have one home directory. */
function thisMachine(): string {
  if (process.platform !== 'linux') return '';
  // Not an import, which every answer would wait for.
  const host = process.getBuiltinModule('node:os').hostname();
  const id = ifPossible(() => readFileSync('/etc/machine-id', 'latin1').trim());
  return `${host} ${id ? shortDigest(id) : host}`;
}

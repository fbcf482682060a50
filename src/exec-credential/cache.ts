import type { ClientCredential } from '../credential/client-credential.js';
import { cacheKeyText, type CacheKey } from '../credential/cache-key.js';
import { decodeEntry, encodeEntry } from '../credential/encoded-entry.js';
import { printable } from '../errors.js';
import type { StoreChoice, StoreName } from '../settings.js';
import { openStore } from '../store/open.js';
import { StoreError, type Store } from '../store/store.js';
import type { World } from '../world.js';
import { CredentialRecords } from './records.js';
import {
  placeHere,
  readRecords,
  whereIs,
  type AboutCluster,
  type CachedRecord,
  type StorePlace,
} from './cached-record.js';

/** Where a credential is saved, and the records about it. */
export interface Cache {
  readonly store: Store;
  readonly records: CredentialRecords;
}

/** Reads a cached credential; `undefined` if there is none, or one that cannot be understood. @throws StoreError */
export async function readCachedCredential(store: Store, keyText: string): Promise<ClientCredential | undefined> {
  const entry = await store.read(keyText);
  return entry && decodeEntry(keyText, entry);
}

/** Reads a cached credential that no logout and no refusal ended. What could not be deleted then is not served. */
export async function readServable(keyText: string, { store, records }: Cache): Promise<ClientCredential | undefined> {
  const found = await readCachedCredential(store, keyText);
  const ending = found && records.ending();
  return ending && found.fetchedAt <= ending.at ? undefined : found;
}

/**
 * Saves a credential and records where. Deletes those of earlier temporary AccessKeys, which nothing asks for again.
 *
 * @returns the store that has it now; `none` if no store saved it
 * @throws StoreError from a store that was chosen by name
 */
export async function saveCredential(
  key: CacheKey,
  credential: ClientCredential,
  about: AboutCluster,
  { store, records }: Cache,
  world: World,
): Promise<StoreName> {
  const keyText = cacheKeyText(key);
  const { fetchedAt, notBefore, notAfter } = credential;
  if (isTemporary(key)) {
    const earlier = readRecords(world, keyText.slice(0, keyText.indexOf(temporaryKey) + temporaryKey.length));
    for (const record of earlier) {
      const isOld = +fetchedAt - +record.fetchedAt >= temporaryMs;
      if (isOld && cacheKeyText(record.key) !== keyText) await deleteRecorded(record, world);
    }
  }
  const entry = encodeEntry(keyText, credential);
  let savedIn = await saveUnlessFull(store, keyText, entry);
  if (savedIn === undefined) {
    const others = readRecords(world).filter((record) => cacheKeyText(record.key) !== keyText);
    const temporary = others.filter((record) => isTemporary(record.key));
    const [oldest] = temporary.sort((one, other) => +one.fetchedAt - +other.fetchedAt);
    if (oldest) await deleteRecorded(oldest, world);
    savedIn = await store.save(keyText, entry);
  }
  if (savedIn === 'none') return savedIn;
  // Loads node:crypto, which serving does without.
  const check = await import('../credential/check.js');
  const certificateSubject = check.certificateSubject(credential);
  const here = placeHere(savedIn);
  const { places: last = [], clusterName } = records.lastSaved() ?? {};
  const isOther = (place: StorePlace) => place.store !== here.store || place.machine !== here.machine;
  const places = [here, ...last.filter((place) => isOther(place) && whereIs(place) !== 'nowhere')];
  const dates = { fetchedAt, notBefore, notAfter };
  records.noteSaved({ key, store: savedIn, places, certificateSubject, ...dates, clusterName, ...about });
  return savedIn;
}

/** How the cache keys of temporary AccessKeys continue after the cluster and the endpoint. */
const temporaryKey = '/access-key%3ASTS.';
/** The shortest lifetime of a temporary AccessKey is 15 minutes; jobs that run side by side have one each. */
const temporaryMs = 3_600_000;

function isTemporary(key: CacheKey): boolean {
  return cacheKeyText(key).includes(temporaryKey);
}

/** @returns `undefined` if the store is full */
async function saveUnlessFull(store: Store, keyText: string, entry: Uint8Array) {
  const isFull = (error: unknown) => error instanceof StoreError && error.code === 'keychain-full';
  try {
    const savedIn = await store.save(keyText, entry);
    return savedIn === 'none' && store.failures?.some(isFull) ? undefined : savedIn;
  } catch (error) {
    if (isFull(error)) return undefined;
    throw error;
  }
}

/** Deletes what a record names. What cannot be deleted stays recorded. */
async function deleteRecorded({ key }: CachedRecord, world: World): Promise<void> {
  const keyText = cacheKeyText(key);
  const records = new CredentialRecords(keyText, world);
  const { failures } = await deleteCopies(keyText, records, [], world);
  if (failures.length > 0) return;
  records.clearEnding();
  records.remove();
}

/**
 * Deletes every copy of a credential that is recorded or may be in `stores`, and updates its record.
 *
 * @param named stores that are an error if they are absent
 * @returns the stores that had a copy, and why others may still have one
 */
export async function deleteCopies(
  keyText: string,
  records: CredentialRecords,
  stores: readonly Store[],
  world: World,
  named: readonly StoreChoice[] = [],
): Promise<{ deletedFrom: StoreChoice[]; failures: StoreError[] }> {
  const record = records.lastSaved();
  const remaining: StorePlace[] = [];
  const deletedFrom: StoreChoice[] = [];
  const failures: StoreError[] = [];
  const recorded = new Map<StoreChoice, StorePlace>();
  for (const place of record?.places ?? []) {
    const where = whereIs(place);
    if (where === 'here') recorded.set(place.store, place);
    if (where !== 'elsewhere') continue;
    const machine = printable(place.machine.replace(/ .*/, ''));
    const message = `it is in the ${place.store} of another machine, ${machine}`;
    const fix = `Run this command there. If that machine is gone, remove ${printable(records.directory)}`;
    failures.push(new StoreError(place.store, 'keychain-unreachable', message, fix));
    remaining.push(place);
  }
  const others = [...recorded.values()].filter(({ store }) => stores.every(({ name }) => name !== store));
  for (const store of [...stores, ...others.map((place) => openStore(place.store, world))]) {
    try {
      if (await store.delete(keyText)) deletedFrom.push(store.name);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      const place = recorded.get(store.name);
      if (place) remaining.push(place);
      // Other stores than these may be absent.
      const mayHoldIt = /^keychain-(?:locked|timeout|unreachable)$/.test(error.code);
      if (place || named.includes(store.name) || mayHoldIt) failures.push(error);
    }
  }
  if (record && remaining[0]) records.noteSaved({ ...record, store: remaining[0].store, places: remaining });
  else records.noteDeleted();
  return { deletedFrom, failures };
}

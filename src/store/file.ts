import type { Hash } from 'node:crypto';
import fs from 'node:fs';
import { errorCode, printable } from '../errors.js';
import { sameBytes, StoreError, type Store } from './store.js';

declare const Bun: { CryptoHasher: new (name: string) => Pick<Hash, 'update'> } | undefined;

/** Larger files are not read. */
const largestFile = 1 << 20;
/** An older temporary file is from a process that died, and holds secrets. */
const abandonedMs = 60_000;
// Windows has neither of the two, and no owners or modes either: there the person's profile protects the directory.
const { O_NOFOLLOW: noFollow = 0, O_NONBLOCK: nonBlock = 0 } = fs.constants as Partial<typeof fs.constants>;

/**
 * The store `file`: one file an entry, 0600, in a directory of 0700 that is made at the first save. A file is replaced
 * as a whole or not at all, also by a power failure. A file that is not plain, not ours or open to others is absent.
 */
export function openFileStore(directory: string): Store {
  async function use<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw refusal(directory, `cannot be used (${errorCode(error)})`, error);
    }
  }

  const useIfThere = <T>(absent: T, work: () => T | Promise<T>) => use(() => (isThere(directory) ? work() : absent));

  /** The file of a key, named by SHA-256. node:crypto takes 2 ms to load, and `crypto.subtle` starts a thread. */
  const pathOf = (key: string) => {
    const isNode = typeof Bun === 'undefined';
    const hash = isNode ? process.getBuiltinModule('node:crypto').createHash('sha256') : new Bun.CryptoHasher('sha256');
    return `${directory}/${hash.update(key).digest('hex')}`;
  };

  return {
    name: 'file',
    read: (key) => useIfThere(undefined, () => readPrivateFile(pathOf(key))),
    save: (key, entry) =>
      use(async () => {
        if (!isThere(directory)) fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
        deleteAbandoned(directory);
        const path = pathOf(key);
        const old = readPrivateFile(path);
        if (old === undefined || !sameBytes(old, entry)) await replaceFile(directory, path, entry);
        return 'file' as const;
      }),
    delete: (key) =>
      useIfThere(false, () => {
        deleteAbandoned(directory);
        return deleteFile(pathOf(key));
      }),
    deleteAll: () =>
      useIfThere(0, () => {
        const ours = /^[0-9a-f]{64}(\.[-0-9a-f]+\.tmp)?$/;
        const names = fs.readdirSync(directory).filter((name) => ours.test(name));
        const deleted = names.filter((name) => deleteFile(`${directory}/${name}`));
        if (fs.readdirSync(directory).length === 0) fs.rmdirSync(directory);
        return deleted.filter((name) => !name.endsWith('.tmp')).length;
      }),
  };
}

/** @returns whether the directory is there. Other users' rights to it are removed. */
function isThere(directory: string): boolean {
  for (const path of [directory.slice(0, directory.lastIndexOf('/')), directory]) {
    const found = fs.lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return false;
    if (!found.isDirectory()) throw refusal(path, 'is not a directory, or is a link to one');
    if (!isOurs(found)) throw refusal(path, 'belongs to another user');
    if (isOpenToOthers(found)) fs.chmodSync(path, 0o700);
  }
  return true;
}

function readPrivateFile(path: string): Uint8Array | undefined {
  let file: number | undefined;
  try {
    // Without O_NONBLOCK, opening a FIFO would wait for a writer.
    file = fs.openSync(path, fs.constants.O_RDONLY | noFollow | nonBlock);
    const found = fs.fstatSync(file);
    const isUsable = found.isFile() && isOurs(found) && !isOpenToOthers(found) && found.size <= largestFile;
    return isUsable ? fs.readFileSync(file) : undefined;
  } catch (error) {
    if (['ENOENT', 'ELOOP'].includes(errorCode(error))) return undefined;
    throw error;
  } finally {
    if (file !== undefined) fs.closeSync(file);
  }
}

async function replaceFile(directory: string, path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    await writeAndSync(temporary, 'wx', bytes);
    fs.renameSync(temporary, path);
  } catch (error) {
    deleteFile(temporary);
    throw error;
  }
  // Makes the rename itself last. Windows cannot open a directory, and does not need this.
  if (process.platform !== 'win32') await writeAndSync(directory, 'r');
}

/** Asynchronous, so that other saves go on beside it. */
async function writeAndSync(path: string, flags: string, bytes?: Uint8Array): Promise<void> {
  const file = await fs.promises.open(path, flags, 0o600);
  try {
    if (bytes) await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

function deleteAbandoned(directory: string): void {
  for (const name of fs.readdirSync(directory).filter((each) => each.endsWith('.tmp'))) {
    const found = fs.lstatSync(`${directory}/${name}`, { throwIfNoEntry: false });
    if (found && Date.now() - found.mtimeMs > abandonedMs) deleteFile(`${directory}/${name}`);
  }
}

function deleteFile(path: string): boolean {
  try {
    fs.unlinkSync(path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

function isOurs(found: fs.Stats): boolean {
  return process.getuid === undefined || found.uid === process.getuid();
}

function isOpenToOthers(found: fs.Stats): boolean {
  return process.platform !== 'win32' && (found.mode & 0o077) !== 0;
}

function refusal(directory: string, why: string, cause?: unknown): StoreError {
  const message = `the directory ${printable(directory)} for credentials ${why}`;
  const fix = cause ? 'Set KUBECACHEDIR to a directory that can be written' : 'Move it out of the way';
  return new StoreError('file', 'keychain-refused', message, `${fix}, or choose another --store`, cause);
}

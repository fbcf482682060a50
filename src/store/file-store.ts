import fs from 'node:fs';
import { messageOf, printable } from '../errors.js';
import { sameBytes } from './split-items.js';
import { StoreError, type Store } from './store.js';

/** Larger than any entry; what is larger is not read. */
const largestFile = 1 << 20;
/** A temporary file that is older than this was left by a process that died. */
const abandonedMs = 60_000;

/**
 * The store `file`: one file an entry, of mode 0600, in a directory of mode 0700 that is made with the first write.
 *
 * - The directory must be one, not a symbolic link to one, and this user's own. Where others have rights to it, these
 *   are taken away.
 * - A file is replaced as a whole or not at all, also by a power failure.
 * - A file that is not a plain one, not this user's own, open to others, or larger than a megabyte reads as absent,
 *   so that it is replaced.
 *
 * Windows has neither owners nor modes in this sense; there the directory's place in the person's profile protects it.
 *
 * Every call throws a StoreError `keychain-refused` for a directory as above, and where the file system refuses.
 */
export function fileStore(directory: string): Store {
  let hasTidiedUp = false;
  const pathOf = async (account: string) => `${directory}/${await sha256(account)}`;

  return {
    name: 'file',
    async read(account) {
      const path = await pathOf(account);
      return withFileSystem(directory, () => (checkDirectory(directory) ? readPrivateFile(path) : undefined));
    },
    async save(account, entry) {
      const path = await pathOf(account);
      return withFileSystem(directory, async () => {
        if (!checkDirectory(directory)) fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
        const old = readPrivateFile(path);
        if (old === undefined || !sameBytes(old, entry)) await replaceFile(directory, path, entry);
        // Once: whoever writes thousands would otherwise look through thousands at each.
        if (!hasTidiedUp) removeAbandoned(directory);
        hasTidiedUp = true;
        return 'file' as const;
      });
    },
    async delete(account) {
      const path = await pathOf(account);
      return withFileSystem(directory, () => {
        if (!checkDirectory(directory)) return false;
        removeAbandoned(directory);
        return removeFile(path);
      });
    },
  };
}

/**
 * Removes every entry that the store `file` keeps in a directory, whoever's account it is under, and what writing one
 * may have left. The directory goes, too, if nothing else is in it.
 *
 * @returns how many entries there were
 * @throws StoreError `keychain-refused`, as the store does
 */
export function emptyFileStore(directory: string): Promise<number> {
  return withFileSystem(directory, () => {
    if (!checkDirectory(directory)) return 0;
    let entries = 0;
    for (const name of fs.readdirSync(directory)) {
      const match = /^[0-9a-f]{64}(\.[-0-9a-f]+\.tmp)?$/.exec(name);
      if (match === null) continue;
      const isEntry = match[1] === undefined;
      if (removeFile(`${directory}/${name}`) && isEntry) entries += 1;
    }
    if (fs.readdirSync(directory).length === 0) fs.rmdirSync(directory);
    return entries;
  });
}

/** The digest of an account: a file name of one length, whatever the account holds. */
async function sha256(account: string): Promise<string> {
  // Not node:crypto, which takes two milliseconds to load.
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(account));
  return Buffer.from(digest).toString('hex');
}

/** @returns whether the directory is there and fit to be used */
function checkDirectory(directory: string): boolean {
  const found = fs.lstatSync(directory, { throwIfNoEntry: false });
  if (found === undefined) return false;
  if (!found.isDirectory()) throw refusal(directory, 'is not a directory, or a symbolic link to one');
  if (!isOwn(found)) throw refusal(directory, 'belongs to another user');
  if (isOpenToOthers(found)) fs.chmodSync(directory, 0o700);
  return true;
}

function readPrivateFile(path: string): Uint8Array | undefined {
  let file: number;
  try {
    // Without O_NONBLOCK, opening a FIFO would wait for a writer.
    file = fs.openSync(path, fs.constants.O_RDONLY | noFollow | nonBlock);
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ELOOP')) return undefined;
    throw error;
  }
  try {
    const found = fs.fstatSync(file);
    if (!found.isFile() || !isOwn(found) || isOpenToOthers(found) || found.size > largestFile)
      return undefined;
    return fs.readFileSync(file);
  } finally {
    fs.closeSync(file);
  }
}

async function replaceFile(directory: string, path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    const file = fs.openSync(temporary, 'wx', 0o600);
    try {
      fs.writeFileSync(file, bytes);
      await sync(file);
    } finally {
      fs.closeSync(file);
    }
    fs.renameSync(temporary, path);
  } catch (error) {
    removeFile(temporary);
    throw error;
  }
  await syncDirectory(directory);
}

/** Makes the rename itself last. Windows cannot open a directory, and needs no such thing. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const opened = fs.openSync(directory, fs.constants.O_RDONLY);
  try {
    await sync(opened);
  } finally {
    fs.closeSync(opened);
  }
}

/** The one thing here that takes long, and that others need not wait for who write beside it. */
function sync(file: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.fsync(file, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

/** Removes what processes that died while writing have left: it holds secrets, and nobody else would. */
function removeAbandoned(directory: string): void {
  for (const name of fs.readdirSync(directory)) {
    if (!name.endsWith('.tmp')) continue;
    const path = `${directory}/${name}`;
    const found = fs.lstatSync(path, { throwIfNoEntry: false });
    if (found !== undefined && Date.now() - found.mtimeMs > abandonedMs) removeFile(path);
  }
}

/** @returns whether there was one */
function removeFile(path: string): boolean {
  try {
    fs.unlinkSync(path);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

// Windows has neither of the two, nor the things that they are about.
const { O_NOFOLLOW: noFollow = 0, O_NONBLOCK: nonBlock = 0 } = fs.constants as Partial<typeof fs.constants>;

function isOwn(found: fs.Stats): boolean {
  return process.getuid === undefined || found.uid === process.getuid();
}

function isOpenToOthers(found: fs.Stats): boolean {
  return process.platform !== 'win32' && (found.mode & 0o077) !== 0;
}

async function withFileSystem<T>(directory: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw refusal(directory, `cannot be used (${messageOf(error)})`, error);
  }
}

function refusal(directory: string, why: string, cause?: unknown): StoreError {
  return new StoreError(
    'file',
    'keychain-refused',
    `the directory for credentials, ${printable(directory)}, ${why}; move it out of the way, or choose another --store`,
    { cause },
  );
}

function hasCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}

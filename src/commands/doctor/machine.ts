import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDirectory, checkPrivateDirectory, chownCommand, credentialsDirectory } from '../../cache-directory.js';
import { cacheKeyText } from '../../credential/cache-key.js';
import { certificateSubject } from '../../credential/check.js';
import { freshness } from '../../credential/freshness.js';
import { EckError, formatDateTime, ifPossible, printable } from '../../errors.js';
import { readCachedCredential } from '../../exec-credential/cache.js';
import { isLoggedOut } from '../../exec-credential/cached-record.js';
import { cacheKeyOf } from '../../exec-credential/resolve-identity.js';
import { mainFailure, openStore } from '../../store/open.js';
import { release, type World } from '../../world.js';
import { ok, skipped, warning, type Check } from './facts.js';

/** kubectl finds this program under the name in the context. */
export const program: Check = async ({ exec }, world) => {
  const command = typeof exec?.['command'] === 'string' ? exec['command'] : 'kubectl-eck';
  const fix = 'Put the directory of kubectl-eck first on PATH';
  const { path, output, failure } = await runProgram(command, ['version', '-o', 'json'], world);
  const [, version] = /"version":\s*"([^"]{1,40})"/.exec(output) ?? [];
  if (version === undefined) {
    const problem = failure === undefined ? 'is not on PATH, or is another program' : `fails: ${failure}`;
    const message = `${printable(path ?? command)} ${problem}`;
    throw new EckError('program-not-found', message, { fix });
  }
  const detail = printable(`kubectl-eck ${version} at ${path}`);
  return version === release.version ? ok(detail) : warning(`${detail}; this is ${release.version}`, fix);
};

/**
 * Runs a program as kubectl does: by its path, or from a directory of `PATH`.
 * @returns no `path` if there is no such program; `failure` if it cannot be run, fails, or takes longer than 5 s
 */
export async function runProgram(command: string, args: readonly string[], world: World) {
  const path = findProgram(command, world);
  if (path === undefined) return { path, output: '' };
  try {
    const options = { env: world.environment, timeout: 5_000, killSignal: 'SIGKILL' } as const;
    const running = promisify(execFile)(path, args, options);
    running.child.stdin?.end();
    return { path, output: (await running).stdout };
  } catch (error) {
    const { code, killed, stderr } = error as { code?: unknown; killed?: boolean; stderr?: string };
    const end = typeof code === 'number' ? `exit status ${code}` : String(code);
    const reason = killed ? 'no response in time' : (stderr ?? '').replace(/^error: /i, '').trim() || end;
    return { path, output: '', failure: printable(reason, 200) };
  }
}

function findProgram(command: string, { environment, platform }: World): string | undefined {
  const suffixes = platform === 'win32' ? (environment['PATHEXT'] || '.EXE;.CMD;.BAT').split(';') : [];
  // Go does not run a program that it finds in a relative directory.
  const directories = (environment['PATH'] ?? '').split(delimiter).filter(isAbsolute);
  const files = /[\\/]/.test(command) ? [command] : directories.map((directory) => join(directory, command));
  return files.flatMap((file) => ['', ...suffixes].map((suffix) => file + suffix)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  const isFile = ifPossible(() => {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  });
  return isFile === true;
}

/** Locks and records can be shared between processes. */
export const cache: Check = (_, world) => {
  const directory = cacheDirectory(world);
  const problem = checkPrivateDirectory(directory);
  if (problem === undefined) return ok(printable(directory));
  const fix = chownCommand(directory) ?? 'Make it private to you (mode 0700), or set KUBECACHEDIR';
  return warning(`${printable(directory)} ${problem}, so processes do not share renewals`, fix);
};

const places = { keychain: 'the keychain', kernel: 'the kernel keyring, until the next boot' } as const;

/** What is saved in the store can be read again. */
export const store: Check = async (facts, world) => {
  const { store: choice } = facts.settings;
  const fix = facts.setUpCommand({ store: 'file' });
  if (choice === 'none') {
    // The context pins this store.
    const switching = facts.setUpCommand({ store: 'file', overwrite: facts.context?.isOwn || undefined });
    return warning('none: every kubectl command calls ENS', switching);
  }
  const key = `doctor@${process.pid}`;
  const entry = crypto.getRandomValues(new Uint8Array(2048));
  const chosen = openStore(choice, world);
  const name = await chosen.save(key, entry);
  const { failures = [] } = chosen;
  const reasons = failures.map(({ message }) => message).join('; ');
  if (name === 'none') {
    const why = `no store works, so every kubectl command calls ENS (${reasons})`;
    return warning(why, mainFailure(chosen)?.fix ?? fix);
  }
  facts.store = name;
  // By its name, so that a store that does not answer is not asked again.
  const used = openStore(name, world);
  const saved = await used.read(key);
  await used.delete(key);
  if (saved === undefined || !Buffer.from(entry).equals(saved)) {
    throw new EckError('keychain-refused', `${name}: what was saved cannot be read`, { fix });
  }
  const place = name === 'file' ? `files in ${printable(credentialsDirectory(world))}` : places[name];
  return ok(reasons === '' ? place : `${place}, because ${reasons}`);
};

/** A credential is cached for the cluster, and would be served. */
export const credential: Check = async (facts, world) => {
  const { clusterId, settings, store: name, issued } = facts;
  if (issued !== undefined) facts.credential = { credential: issued.credential, isCached: false };
  if (clusterId === undefined) return skipped('there is no cluster');
  if (name === undefined) return skipped('needs store');
  const key = cacheKeyText(await cacheKeyOf(clusterId, settings, world));
  const cached = await readCachedCredential(openStore(name, world), key);
  const fix = facts.setUpCommand();
  if (isLoggedOut(key, world)) throw new EckError('logged-out', `you are logged out of ${clusterId}`, { fix });
  if (cached === undefined) {
    return (issued === undefined ? skipped : warning)('no credential is cached', fix);
  }
  const detail = `${certificateSubject(cached)}, expires ${formatDateTime(cached.notAfter)}`;
  const verdict = freshness(cached, settings, world.now());
  if (verdict === 'fetch') return warning(`${detail}: it has expired`, fix);
  if (verdict === 'serve' || issued === undefined) facts.credential = { credential: cached, isCached: true };
  return ok(verdict === 'serve' ? detail : `${detail}; the next kubectl command renews it`);
};

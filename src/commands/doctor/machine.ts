import { execFile } from 'node:child_process';
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { basename, delimiter, dirname, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDirectory, checkPrivateDirectory, credentialsDirectory } from '../../cache-directory.js';
import { EckError, printable } from '../../errors.js';
import { openStore } from '../../store/open.js';
import type { StoreError } from '../../store/store.js';
import { shellWord } from '../../terminal/format.js';
import { release, type World } from '../../world.js';
import type { Check } from './facts.js';

/** kubectl finds this program under the name in the context. */
export const program: Check = {
  name: 'program',
  async run({ exec }, world) {
    const command = typeof exec?.['command'] === 'string' ? exec['command'] : 'kubectl-eck';
    const own = `kubectl-eck ${release.version}`;
    const directory = printable(dirname(ownPath()));
    const forUnix = `export PATH=${shellWord(directory)}:"$PATH"`;
    const fix = world.platform === 'win32' ? `$env:Path = '${directory};' + $env:Path` : forUnix;
    const found = findProgram(command, world);
    if (found === undefined) {
      const message = `${own}; kubectl does not find ${printable(command)} on PATH`;
      throw new EckError('program-not-found', message, { fix });
    }
    const path = printable(found);
    if (realpathSync(found) === realpathSync(ownPath())) return { status: 'ok', detail: `${own} at ${path}` };
    const output = await runProgram(found, ['version', '-o', 'json'], world);
    const [, foundVersion] = /"version":\s*"([^"]{1,40})"/.exec(output) ?? [];
    if (foundVersion === undefined) {
      throw new EckError('program-not-found', `${own}; kubectl finds another program, ${path}`, { fix });
    }
    const detail = `${own}; kubectl finds version ${printable(foundVersion)}, ${path}`;
    return foundVersion === release.version ? { status: 'ok', detail } : { status: 'warning', detail, fix };
  },
};

/** There is a kubectl that understands the version of the context's `exec` entry. */
export const kubectl: Check = {
  name: 'kubectl',
  async run({ exec, setUpCommand }, world) {
    const install = 'Install kubectl: https://kubernetes.io/docs/tasks/tools/';
    const path = findProgram('kubectl', world);
    if (path === undefined) return { status: 'warning', detail: 'kubectl is not on PATH', fix: install };
    const output = await runProgram(path, ['version', '--client', '-o', 'json'], world);
    const [, text, minor] = /"gitVersion":\s*"(v?\d+\.(\d+)[^"]{0,50})"/.exec(output) ?? [];
    if (text === undefined) {
      return { status: 'warning', detail: `${printable(path)} does not print its version`, fix: install };
    }
    const detail = printable(`${text} at ${path}`);
    if (exec?.['apiVersion'] === 'client.authentication.k8s.io/v1' && Number(minor) < 22) {
      const fix = setUpCommand({ 'exec-api-version': 'v1beta1' });
      throw new EckError('kubectl-too-old', `${detail} does not understand the exec entry (v1)`, { fix });
    }
    return { status: 'ok', detail };
  },
};

const places = { keychain: 'the keychain', kernel: 'the kernel keyring, until the next boot' } as const;

/** What is saved in the store can be read again. */
export const store: Check = {
  name: 'store',
  async run(facts, world) {
    const { store: choice } = facts.settings;
    const fix = facts.setUpCommand({ store: 'file' });
    if (choice === 'none') return { status: 'warning', detail: 'none: every kubectl command calls ENS', fix };
    const failures = new Map<string, StoreError>();
    const onFailure = (failure: StoreError): void => void failures.set(failure.message, failure);
    const key = `doctor@${process.pid}`;
    const entry = crypto.getRandomValues(new Uint8Array(2048));
    const name = await openStore(choice, { ...world, onFailure }).save(key, entry);
    const reasons = [...failures.keys()].join('; ');
    if (name === 'none') {
      const detail = `no store works, so every kubectl command calls ENS (${reasons})`;
      return { status: 'warning', detail, fix: [...failures.values()][0]?.fix ?? fix };
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
    return { status: 'ok', detail: reasons === '' ? place : `${place}, because ${reasons}` };
  },
};

/** Locks and records can be shared between processes. */
export const cache: Check = {
  name: 'cache',
  run(_, world) {
    const directory = printable(cacheDirectory(world));
    const problem = checkPrivateDirectory(cacheDirectory(world));
    if (problem === undefined) return { status: 'ok', detail: directory };
    const detail = `${directory} ${problem}, so processes do not share renewals, and a revoked certificate is not noticed`;
    const isOpen = problem === 'is open to other users';
    const fix = isOpen ? `chmod 700 ${shellWord(directory)}` : 'Name another directory with KUBECACHEDIR';
    return { status: 'warning', detail, fix };
  },
};

/** Finds a program as kubectl does: by its path, or in the directories of `PATH`. */
function findProgram(command: string, { environment, platform }: World): string | undefined {
  const suffixes = platform === 'win32' ? (environment['PATHEXT'] || '.EXE;.CMD;.BAT').split(';') : [];
  // Go does not run a program that it finds in a relative directory.
  const directories = (environment['PATH'] ?? '').split(delimiter).filter(isAbsolute);
  const files = /[\\/]/.test(command) ? [command] : directories.map((directory) => join(directory, command));
  return files.flatMap((file) => ['', ...suffixes].map((suffix) => file + suffix)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The standard output of a program; '' if it fails or takes longer than five seconds. */
async function runProgram(file: string, args: readonly string[], { environment }: World): Promise<string> {
  try {
    const options = { env: environment, timeout: 5_000, killSignal: 'SIGKILL' } as const;
    const running = promisify(execFile)(file, args, options);
    running.child.stdin?.end();
    return (await running).stdout;
  } catch {
    return '';
  }
}

/** The standalone executable, or the file that Node.js runs. */
function ownPath(): string {
  const isStandalone = /^kubectl-eck(?:\.exe)?$/i.test(basename(process.execPath));
  return isStandalone ? process.execPath : (process.argv[1] ?? process.execPath);
}

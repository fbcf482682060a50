import type { Cluster } from '@kubernetes/client-node';
import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDirectory, checkPrivateDirectory, credentialsDirectory } from '../../cache-directory.js';
import { cacheKeyText } from '../../credential/cache-key.js';
import { certificateSubject } from '../../credential/check.js';
import { freshness } from '../../credential/freshness.js';
import { EckError, ifPossible, messageOf, printable } from '../../errors.js';
import { readCachedCredential } from '../../exec-credential/cache.js';
import { isLoggedOut } from '../../exec-credential/cached-record.js';
import { execApiVersions } from '../../exec-credential/protocol.js';
import { cacheKeyOf } from '../../exec-credential/resolve-identity.js';
import type { UserContext } from '../../kubeconfig/read.js';
import type { Mapping } from '../../mapping.js';
import { openStore } from '../../store/open.js';
import { formatDateTime } from '../../terminal/format.js';
import { release, type World } from '../../world.js';
import { ok, skipped, warning, type Check, type Facts } from './facts.js';

/** kubectl finds this program under the name in the context. */
export const program: Check = async ({ exec }, world) => {
  const command = typeof exec?.['command'] === 'string' ? exec['command'] : 'kubectl-eck';
  const fix = 'Put the directory of kubectl-eck first on PATH';
  const { path, output } = await runProgram(command, ['version', '-o', 'json'], world);
  const [, version] = /"version":\s*"([^"]{1,40})"/.exec(output) ?? [];
  if (version === undefined) {
    const message = `${printable(path ?? command)} is not on PATH, or is another program`;
    throw new EckError('program-not-found', message, { fix });
  }
  const detail = printable(`kubectl-eck ${version} at ${path}`);
  return version === release.version ? ok(detail) : warning(`${detail}; this is ${release.version}`, fix);
};

/** There is a kubectl that understands the version of the context's `exec` entry. */
export const kubectl: Check = async ({ exec, setUpCommand }, world) => {
  const { path, output } = await runProgram('kubectl', ['version', '--client', '-o', 'json'], world);
  const [, version, minor] = /"gitVersion":\s*"(v?\d+\.(\d+)[^"]{0,50})"/.exec(output) ?? [];
  if (version === undefined) {
    return warning('there is no kubectl on PATH', 'Install kubectl: https://kubernetes.io/docs/tasks/tools/');
  }
  const detail = printable(`${version} at ${path}`);
  if (exec?.['apiVersion'] === 'client.authentication.k8s.io/v1' && Number(minor) < 22) {
    const fix = setUpCommand({ 'exec-api-version': 'v1beta1' });
    throw new EckError('kubectl-too-old', `${detail} does not understand the exec entry (v1)`, { fix });
  }
  return ok(detail);
};

/** Locks and records can be shared between processes. */
export const cache: Check = (_, world) => {
  const directory = printable(cacheDirectory(world));
  const problem = checkPrivateDirectory(cacheDirectory(world));
  if (problem === undefined) return ok(directory);
  const fix = 'Make it private to you (mode 0700), or set KUBECACHEDIR';
  return warning(`${directory} ${problem}, so processes do not share renewals`, fix);
};

const places = { keychain: 'the keychain', kernel: 'the kernel keyring, until the next boot' } as const;

/** What is saved in the store can be read again. */
export const store: Check = async (facts, world) => {
  const { store: choice } = facts.settings;
  const fix = facts.setUpCommand({ store: 'file' });
  if (choice === 'none') return warning('none: every kubectl command calls ENS', fix);
  const key = `doctor@${process.pid}`;
  const entry = crypto.getRandomValues(new Uint8Array(2048));
  const chosen = openStore(choice, world);
  const name = await chosen.save(key, entry);
  const { failures = [] } = chosen;
  const reasons = failures.map(({ message }) => message).join('; ');
  if (name === 'none') {
    return warning(
      `no store works, so every kubectl command calls ENS (${reasons})`,
      failures[0]?.fix ?? fix,
    );
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

/** The user kubeconfig has a valid context for the cluster. */
export const context: Check = async (facts) => {
  const { clusterId, context: found, kubeconfigError, isCurrent, setUpCommand } = facts;
  const fix = setUpCommand();
  if (kubeconfigError !== undefined) throw kubeconfigError;
  if (found === undefined) {
    if (clusterId === undefined) return skipped('there is no current context', fix);
    if (facts.issued === undefined) return skipped('needs ens');
    throw new EckError('context-not-found', `the kubeconfig has no context for ${clusterId}`, { fix });
  }
  const name = printable(found.name);
  if (clusterId === undefined && !found.isOwn) {
    return skipped(`${name}, the current context, is for another kind of cluster`, fix);
  }
  const unusable = (problem: string): EckError => {
    // The entry of another program is replaced only on request.
    const repair = found.isOwn ? fix : setUpCommand({ overwrite: true });
    return new EckError('context-unusable', `context ${name} ${problem}`, { fix: repair });
  };
  const problem = execProblem(facts, found);
  if (problem !== undefined) throw unusable(problem);
  facts.cluster = await readCluster(found).catch((error: unknown) => {
    throw unusable(`has an invalid cluster entry: ${messageOf(error)}`);
  });
  return ok(`${name}${isCurrent ? ', the current context,' : ''} in ${printable(found.file)}`);
};

/** What is wrong with an `exec` entry, in words that complete "the context …". */
function execProblem({ exec: understood }: Facts, { isOwn, user }: UserContext): string | undefined {
  if (!isOwn) return 'was written by another program';
  const { apiVersion, interactiveMode } = user['exec'] as Mapping;
  const known: readonly unknown[] = execApiVersions;
  if (!known.includes(apiVersion)) return 'has an exec entry of an unknown version';
  if (apiVersion === 'client.authentication.k8s.io/v1' && typeof interactiveMode !== 'string') {
    return 'has an exec entry without interactiveMode, which kubectl refuses';
  }
  return understood === undefined ? 'has an exec entry with invalid args' : undefined;
}

/** @throws for an invalid cluster entry */
async function readCluster({ cluster: entry, clusterFile = '' }: UserContext): Promise<Cluster> {
  const { bufferFromFileOrString, KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromString(JSON.stringify({ clusters: [{ name: 'cluster', cluster: entry }] }));
  config.makePathsAbsolute(dirname(clusterFile));
  const [cluster] = config.clusters as [Cluster];
  bufferFromFileOrString(cluster.caFile);
  new URL(cluster.server);
  return cluster;
}

/** A credential is cached for the cluster, and would be served. */
export const credential: Check = async (facts, world) => {
  const { clusterId, settings, store: name, issued } = facts;
  if (issued !== undefined) facts.credential = { credential: issued.credential, isCached: false };
  if (clusterId === undefined) return skipped('there is no cluster');
  if (name === undefined) return skipped('needs store');
  const key = cacheKeyText(await cacheKeyOf(clusterId, settings, world));
  const cached = await readCachedCredential(openStore(name, world), key);
  const fix = facts.setUpCommand();
  if (isLoggedOut(key, world))
    throw new EckError('logged-out', `you are logged out of ${clusterId}`, { fix });
  if (cached === undefined) {
    return (issued === undefined ? skipped : warning)('no credential is cached', fix);
  }
  const detail = `${certificateSubject(cached)}, expires ${formatDateTime(cached.notAfter)}`;
  const verdict = freshness(cached, settings, world.now());
  if (verdict === 'fetch') return warning(`${detail}: it has expired`, fix);
  if (verdict === 'serve' || issued === undefined) facts.credential = { credential: cached, isCached: true };
  return ok(verdict === 'serve' ? detail : `${detail}; the next kubectl command renews it`);
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
  const isFile = ifPossible(() => {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  });
  return isFile === true;
}

/** Runs a program that kubectl would find. No output if there is none, or it fails or takes longer than 5 s. */
async function runProgram(command: string, args: readonly string[], world: World) {
  const path = findProgram(command, world);
  if (path === undefined) return { path, output: '' };
  try {
    const options = { env: world.environment, timeout: 5_000, killSignal: 'SIGKILL' } as const;
    const running = promisify(execFile)(path, args, options);
    running.child.stdin?.end();
    return { path, output: (await running).stdout };
  } catch {
    return { path, output: '' };
  }
}

import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { noteOutput } from './journal.js';
import type { Requirement } from './requirements.js';

/** A kubectl that is on this machine. */
export interface Kubectl {
  readonly path: string;
  readonly version: KubectlVersion;
  /** For the names of tests: `kubectl 1.20`. */
  readonly label: string;
}

export interface KubectlVersion {
  readonly major: number;
  readonly minor: number;
}

/** A kubectl of some age, as something that a test needs. */
export interface KubectlRequirement extends Requirement {
  /** Names no program where there is none, so that the tests can be listed all the same. */
  readonly kubectl: Kubectl;
}

/** What a process left behind. `status` is null where a signal ended it. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Reads what `kubectl version --client -o json` prints; undefined where that is not a version. */
export function parseKubectlVersion(output: string): KubectlVersion | undefined {
  // Vendors add to the minor version ("32+") and to gitVersion ("v1.32.4-dispatcher").
  const match = /"gitVersion":\s*"v?(\d+)\.(\d+)\b/.exec(output);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}

/**
 * The programs that `KUBECTL_ECK_TEST_KUBECTLS` names (a list as `PATH` is one), else the `kubectl` that is first on
 * `PATH`. One that does not say its version is left out.
 */
export function findKubectls(env: NodeJS.ProcessEnv): readonly Kubectl[] {
  const named = listOf(env['KUBECTL_ECK_TEST_KUBECTLS']);
  const paths =
    named.length > 0
      ? named
      : listOf(env['PATH'])
          .map((directory) => join(directory, 'kubectl'))
          .filter(isExecutable)
          .slice(0, 1);
  return paths.flatMap((path) => {
    const { error, stdout } = spawnSync(path, ['version', '--client', '-o', 'json'], {
      encoding: 'utf8',
      timeout: 20_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    // The Google Cloud SDK's kubectl asks a plugin twice in one process, and so looks as if it had been refused.
    const isUsable = error === undefined && !stdout.includes('-dispatcher');
    const version = isUsable ? parseKubectlVersion(stdout) : undefined;
    return version === undefined
      ? []
      : [{ path, version, label: `kubectl ${version.major}.${version.minor}` }];
  });
}

/** Every kubectl that the tests can use here. */
export const kubectls: readonly Kubectl[] = findKubectls(process.env);

/** A kubectl that speaks `client.authentication.k8s.io/v1beta1` only. */
export const oldKubectl = requireKubectl('kubectl 1.21 or older', (version) => !speaksV1(version));

/** A kubectl that speaks `client.authentication.k8s.io/v1`. */
export const currentKubectl = requireKubectl('kubectl 1.22 or newer', speaksV1);

/**
 * Runs kubectl without standard input. `env` is the whole environment that it gets. Whatever it started and left
 * running is ended with it when `timeoutMs` have passed, and then the promise is rejected.
 */
export function runKubectl(
  kubectl: Kubectl,
  args: readonly string[],
  {
    env = process.env,
    cwd,
    timeoutMs = 30_000,
  }: { env?: NodeJS.ProcessEnv; cwd?: string; timeoutMs?: number } = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(kubectl.path, args, {
      env,
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own, so that a plugin which hangs can be ended too.
      detached: true,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));

    const timer = setTimeout(() => {
      endGroup(child.pid);
      child.stdout.destroy();
      child.stderr.destroy();
      const command = [kubectl.label, ...args].join(' ');
      reject(new Error(`${command} took longer than ${timeoutMs} ms. On standard error: ${stderr}`));
    }, timeoutMs);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (status) => {
      clearTimeout(timer);
      noteOutput(stderr);
      resolve({ status, stdout, stderr });
    });
  });
}

function requireKubectl(name: string, fits: (version: KubectlVersion) => boolean): KubectlRequirement {
  const kubectl = kubectls.find(({ version }) => fits(version));
  return {
    name,
    available: kubectl !== undefined,
    kubectl: kubectl ?? { path: '/nonexistent/kubectl', version: { major: 0, minor: 0 }, label: name },
  };
}

function speaksV1({ major, minor }: KubectlVersion): boolean {
  return major > 1 || (major === 1 && minor >= 22);
}

function listOf(variable: string | undefined): string[] {
  return (variable ?? '').split(delimiter).filter((part) => part !== '');
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended by itself just now.
  }
}

import { spawnSync } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { fromPath } from './on-path.js';
import type { Requirement } from './requirements.js';
import { programs, runProgram } from './sandbox.js';

/** A kubectl of this machine. */
export interface Kubectl {
  readonly path: string;
  readonly minor: number;
  /** For the names of tests: `kubectl 1.20`. */
  readonly label: string;
}

/** Where there is none, `kubectl` does not exist. */
export interface KubectlRequirement extends Requirement {
  readonly kubectl: Kubectl;
}

/** How a process ended. `status` is null after a signal. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The programs that `KUBECTL_ECK_TEST_KUBECTLS` lists as `PATH` does, else the first on `PATH`. */
export const kubectls: readonly Kubectl[] = kubectlPaths().flatMap((path) => {
  const options = { encoding: 'utf8', timeout: 20_000 } as const;
  const { stdout } = spawnSync(path, ['version', '--client', '-o', 'json'], options);
  // The Google Cloud SDK's kubectl ("v1.32.4-dispatcher") runs a plugin twice, as after a 401.
  const [, minor] = /"gitVersion":\s*"v1\.(\d+)\b(?!.*-dispatcher)/.exec(stdout) ?? [];
  return minor === undefined ? [] : [{ path, minor: Number(minor), label: `kubectl 1.${minor}` }];
});

/** A kubectl that speaks `client.authentication.k8s.io/v1beta1` only. */
export const oldKubectl = requireKubectl('kubectl 1.21 or older', (minor) => minor < 22);

/** A kubectl that speaks `client.authentication.k8s.io/v1`. */
export const currentKubectl = requireKubectl('kubectl 1.22 or newer', (minor) => minor >= 22);

/** A `PATH` with a current kubectl and the built program. */
export const usualPath = [dirname(currentKubectl.kubectl.path), dirname(programs.standalone), '/usr/bin', '/bin'].join(
  ':',
);

/** A kubectl whose preferences (kuberc) can forbid credential plugins. Distributions have older ones. */
export const policyKubectl = {
  ...requireKubectl('kubectl 1.35 or newer', (minor) => minor >= 35),
  isOptional: true,
} as const;

/** Runs kubectl without standard input. */
export function runKubectl(
  { path }: Kubectl,
  args: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly cwd?: string; readonly timeoutMs?: number },
): Promise<Outcome> {
  return runProgram(path, args, { timeoutMs: 30_000, ...options });
}

function requireKubectl(name: string, fits: (minor: number) => boolean): KubectlRequirement {
  const kubectl = kubectls.find(({ minor }) => fits(minor));
  const missing = { path: '/nonexistent/kubectl', minor: 0, label: name };
  return { name, available: kubectl !== undefined, kubectl: kubectl ?? missing };
}

function kubectlPaths(): string[] {
  const listed = (process.env['KUBECTL_ECK_TEST_KUBECTLS'] ?? '').split(delimiter).filter(Boolean);
  const found = fromPath('kubectl');
  return listed.length > 0 || found === undefined ? listed : [found];
}

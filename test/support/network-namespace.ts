import { spawnSync } from 'node:child_process';
import { onPath } from './on-path.js';
import type { Requirement } from './requirements.js';

const probe = ['--net', '--mount', 'ip', 'link', 'set', 'lo', 'up'];

/** Needed by {@link inNamespace}. */
export const networkNamespaceRequirement: Requirement = {
  name: 'unshare and ip, as root',
  available: ['unshare', 'ip'].every(onPath) && spawnSync('unshare', probe, { stdio: 'ignore' }).status === 0,
};

/**
 * The command line that runs a program in its own network and mount namespaces, without the outside network.
 *
 * @param setUp a shell script that runs first
 */
export function inNamespace(setUp: string, argv: readonly string[]): [string, ...string[]] {
  const script = `ip link set lo up; ${setUp}; exec "$@"`;
  return ['unshare', '--net', '--mount', '/bin/sh', '-ec', script, 'namespace', ...argv];
}

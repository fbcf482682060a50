import { spawnSync } from 'node:child_process';
import { onPath } from './on-path.js';
import type { Requirement } from './requirements.js';

/** What {@link inNamespace} needs: root, and a kernel that lets it. */
export const networkNamespaceRequirement: Requirement = {
  name: 'unshare and ip, as root',
  available:
    onPath('unshare') &&
    onPath('ip') &&
    spawnSync('unshare', ['--net', '--mount', 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' })
      .status === 0,
};

/**
 * The command line that runs a program in network and mount namespaces of its own, in which nothing of the outside
 * can be reached, after `setUp`, a shell script, has made it look as it should.
 */
export function inNamespace(setUp: string, argv: readonly string[]): [string, ...string[]] {
  return [
    'unshare',
    '--net',
    '--mount',
    '/bin/sh',
    '-ec',
    `ip link set lo up; ${setUp}; exec "$@"`,
    'namespace',
    ...argv,
  ];
}

import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { currentKubectl } from '../support/kubectl.js';
import { describeWith, type Requirement } from '../support/requirements.js';
import { sandbox, shareSandbox } from '../support/each-sandbox.js';
import { programs, runProgram } from '../support/sandbox.js';

shareSandbox();

const needs = (name: string, ...argv: [string, ...string[]]): Requirement => {
  const [program, ...args] = argv;
  return { name, available: spawnSync(program, args).status === 0, isOptional: true };
};
const namespaces = needs('mount and PID namespaces', 'unshare', '--mount', '--pid', '--fork', 'true');

/** Runs a shell script with the cluster's id as `$1`, after a cluster was set up in a new home directory. */
async function run(script: string): Promise<string> {
  rmSync(sandbox.home, { recursive: true });
  mkdirSync(sandbox.home, { mode: 0o700 });
  await sandbox.run(['get-credentials', sandbox.clusterId]);
  const kubectl = dirname(currentKubectl.kubectl.path);
  const env = sandbox.environment({
    PATH: `${dirname(programs.standalone)}:${kubectl}:/usr/bin:/bin`,
    NODE: programs.node,
  });
  const argv = ['-c', `exec 2>&1; ${script}`, 'sh', sandbox.clusterId];
  const { stdout } = await runProgram('/bin/sh', argv, { env, cwd: sandbox.directory, timeoutMs: 30_000 });
  return stdout;
}

const gone = 'mkdir gone; cd gone; rmdir ../gone;';
const nodes = /^NAME .*\neck-0123abcd-node-1 .*\n/;
const noFile = /^error: Cannot write the kubeconfig rel: no such file or directory .*\n.*\n$/;
const renew = 'kubectl-eck exec-credential --cluster-id "$1" --max-age 1ms | cut -c1-20';

describeWith([currentKubectl], 'everything works, or one line says what is missing', () => {
  test.each<[name: string, script: string, expected: RegExp]>([
    ['in a deleted directory', `${gone} kubectl get nodes`, nodes],
    ['to renew there', `${gone} ${renew}`, /^\{/],
    [
      'to write there, with Node.js, too',
      `${gone} kubectl-eck get-credentials "$1" && "$NODE" get-credentials "$1"`,
      /^Context .*\n.*\n.*\n.*\nContext /,
    ],
    ['with a path that is relative to it', `${gone} KUBECONFIG=rel kubectl-eck get-credentials "$1"`, noFile],
    ['with such a path and Node.js', `${gone} KUBECONFIG=rel "$NODE" get-credentials "$1"`, noFile],
    ['with 8 open files', `ulimit -n 8; ${renew} && kubectl-eck list`, /^\{.*\nNAME /],
    [
      'without a directory for temporary files',
      'TMPDIR=/nonexistent kubectl-eck doctor | grep check',
      /^No check failed/,
    ],
    ['without variables', 'env -i "$(command -v kubectl-eck)" version', /^kubectl-eck \d/],
    [
      'without HOME',
      `unset HOME; KUBECACHEDIR="$PWD/home/cache" KUBECONFIG="$PWD/home/config" kubectl-eck get-credentials "$1"`,
      /^Context .*home\/config/,
    ],
    [
      'for a ~ in quotes',
      'kubectl-eck status --kubeconfig "~/config"',
      /^warning: \/.*\/~\/config is in a directory named "~": shells .*\nNAME/,
    ],
  ])('%s', async (_, script, expected) => {
    expect(await run(script)).toMatch(expected);
  });
});

describeWith([currentKubectl, namespaces], 'everything works in namespaces', () => {
  test.each<[name: string, argv: string, script: string, expected: RegExp]>([
    ['of processes', '--pid --fork', `${renew}; kubectl get nodes`, /^\{.*\nNAME .*\n/],
    ['of processes with their own /proc', '--pid --fork --mount-proc', 'kubectl get nodes', nodes],
    [
      'with a full directory for temporary files',
      '--mount',
      'mount -t tmpfs -o size=4k x "$TMPDIR"; kubectl-eck doctor | grep check',
      /^No check failed/,
    ],
    [
      'with a read-only home directory',
      '--mount',
      'mount --bind "$HOME" "$HOME"; mount -o remount,ro,bind "$HOME"; kubectl get nodes',
      /^kubectl-eck: the directory .*KUBECACHEDIR.*\nNAME /,
    ],
  ])('%s', async (_, argv, script, expected) => {
    expect(await run(`exec unshare ${argv} /bin/sh -c '${script}' sh "$1"`)).toMatch(expected);
  });
});

import type { Cluster } from '@kubernetes/client-node';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { EckError, ifPossible, type Mapping, messageOf, printable } from '../../errors.js';
import { execApiVersions } from '../../exec-credential/protocol.js';
import type { UserContext } from '../../kubeconfig/read.js';
import { checkWritable } from '../../kubeconfig/write.js';
import type { World } from '../../world.js';
import { ok, skipped, warning, type Check, type Facts } from './facts.js';
import { runProgram } from './machine.js';

/** There is a kubectl that understands the version of the context's `exec` entry, and may run this plugin. */
export const kubectl: Check = async (facts, world) => {
  const { exec, setUpCommand } = facts;
  const { path, output, failure } = await runProgram('kubectl', ['version', '--client', '-o', 'json'], world);
  const [, version, minor] = /"gitVersion":\s*"(v?\d+\.(\d+)[^"]{0,50})"/.exec(output) ?? [];
  const preferences = world.environment['KUBERC'] || join(world.homeDirectory(), '.kube', 'kuberc');
  if (failure !== undefined) {
    const fix = `Run it by hand, and look at ${printable(preferences)}`;
    throw new EckError('kubectl-refuses', `${printable(path)} fails: ${failure}`, { fix });
  }
  if (version === undefined) {
    return warning('there is no kubectl on PATH', 'Install kubectl: https://kubernetes.io/docs/tasks/tools/');
  }
  const detail = printable(`${version} at ${path}`);
  if (exec?.['apiVersion'] === 'client.authentication.k8s.io/v1' && Number(minor) < 22) {
    const fix = setUpCommand({ 'exec-api-version': 'v1beta1' });
    throw new EckError('kubectl-too-old', `${detail} does not understand the exec entry (v1)`, { fix });
  }
  facts.hasKubectl = true;
  const refusal = await pluginRefusal(exec?.['command'] ?? 'kubectl-eck', world);
  if (refusal === undefined) return ok(detail);
  const fix = `Set credentialPluginPolicy: Allowlist and add "name: kubectl-eck" to credentialPluginAllowlist in ${printable(preferences)}`;
  throw new EckError('kubectl-refuses', `${detail}: ${refusal}`, { fix });
};

/** How kubectl refuses to run a credential plugin, which is run only to print its version. */
async function pluginRefusal(command: unknown, world: World): Promise<string | undefined> {
  const exec = { apiVersion: execApiVersions[0], command, args: ['version'], interactiveMode: 'Never' };
  const config = {
    clusters: [{ name: 'a', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'a', user: { exec } }],
    contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
    'current-context': 'a',
  };
  const directory = ifPossible(() => mkdtempSync(join(tmpdir(), 'kubectl-eck-')));
  if (directory === undefined) return undefined;
  const file = join(directory, 'config');
  ifPossible(() => {
    writeFileSync(file, JSON.stringify(config));
  });
  const { failure } = await runProgram('kubectl', ['--kubeconfig', file, 'get', '--raw', '/'], world);
  rmSync(directory, { recursive: true, force: true });
  return /plugin .* not (?:allowed|permitted)\b.*/.exec(failure ?? '')?.[0];
}

/** kubectl and this plugin can read the user kubeconfig, and this plugin can write it. */
export const kubeconfig: Check = async (facts, world) => {
  if (facts.kubeconfigError !== undefined) throw facts.kubeconfigError;
  const failure = await kubectlFailure(facts, ['config', 'view'], world);
  if (failure !== undefined) {
    const fix = 'Fix the file, or choose another one with --kubeconfig or KUBECONFIG';
    throw new EckError('kubeconfig-unusable', `kubectl refuses it: ${failure}`, { fix });
  }
  checkWritable(facts.kubeconfigFile);
  return ok(printable(facts.kubeconfigFile));
};

async function kubectlFailure(facts: Facts, args: readonly string[], world: World) {
  if (facts.hasKubectl !== true) return undefined;
  const flags = facts.context === undefined ? [] : ['--context', facts.context.name];
  return (await runProgram('kubectl', [...facts.kubeconfigFlag, ...flags, ...args], world)).failure;
}

/** The user kubeconfig has a valid context for the cluster. */
export const context: Check = async (facts, world) => {
  const { clusterId, context: found, isCurrent, setUpCommand } = facts;
  const fix = setUpCommand();
  if (facts.kubeconfigError !== undefined) return skipped('needs kubeconfig');
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
    // The entry of another program is replaced only on request. Its client key would stay in the file.
    const repair = found.isOwn ? fix : (facts.convertCommand ?? setUpCommand({ overwrite: true }));
    return new EckError('context-unusable', `context ${name} ${problem}`, { fix: repair });
  };
  const problem = execProblem(facts, found);
  if (problem !== undefined) throw unusable(problem);
  facts.cluster = await readCluster(found).catch((error: unknown) => {
    throw unusable(`has an invalid cluster entry: ${messageOf(error)}`);
  });
  // Loads what a request needs, and makes none.
  const failure = await kubectlFailure(facts, ['create', 'namespace', 'x', '--dry-run=client'], world);
  if (failure !== undefined) throw unusable(`is refused by kubectl: ${failure}`);
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
  const other = ['token', 'tokenFile', 'username'].find((field) => user[field]);
  if (other !== undefined) return `also has a ${other}, which kubectl uses instead of the exec entry`;
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

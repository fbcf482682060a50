// Compares whole processes in one interleaved run, so that a change of the machine's speed concerns all of them. Read
// the ratios: single times depend on the machine.
//
// Usage: npm run bench [-- --rounds N] [--against EXECUTABLE]     (EXECUTABLE: another build of kubectl-eck)
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { execInfo } from '../test/support/exec-info.js';
import { kernelKeyringRequirement } from '../test/support/kernel-keyring.js';
import { programs, Sandbox } from '../test/support/sandbox.js';
import { secretServiceRequirement, startSecretService } from '../test/support/secret-service.js';
import { bun, standaloneOptions } from './release/compile.js';

interface Process {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly env: NodeJS.ProcessEnv;
}

// A kernel keyring works only in a session.
const inSession = 'KUBECTL_ECK_BENCH_IN_SESSION';
if (kernelKeyringRequirement.available && process.env[inSession] === undefined) {
  const args = ['session', '-', process.execPath, '--import', 'tsx', ...process.argv.slice(1)];
  const env = { ...process.env, [inSession]: 'true' };
  process.exit(spawnSync('keyctl', args, { env, stdio: 'inherit' }).status ?? 1);
}

const { rounds, against } = parseArgs({
  options: { rounds: { type: 'string', default: '60' }, against: { type: 'string' } },
}).values;
const builds = [{ build: 'this build', executable: programs.standalone }];
if (against !== undefined) builds.push({ build: 'other build', executable: resolve(against) });

const scratch = mkdtempSync(join(tmpdir(), 'kubectl-eck-bench-'));
const sandbox = await Sandbox.create();
const { ens, authority, apiServer } = sandbox;
const bus = secretServiceRequirement.available ? await startSecretService() : undefined;
try {
  const empty = { name: 'empty executable', command: [makeEmptyExecutable()] as const, env: {} };
  compare([empty, ...(await serving())], Number(rounds));
  console.log();
  await measureManyClusters(1000);
} finally {
  await bus?.stop();
  await sandbox.dispose();
  rmSync(scratch, { recursive: true });
}

/** `exec-credential` as kubectl runs it, for each build and store, with a cached credential. */
async function serving(): Promise<Process[]> {
  const stores = ['file'];
  if (kernelKeyringRequirement.available) stores.push('kernel');
  if (bus !== undefined) stores.push('keychain');
  const processes: Process[] = [];
  for (const store of stores) {
    for (const { build, executable } of builds) {
      // Builds can have different formats, so none reads the entries of another.
      const clusterId = `eck-${processes.length}`;
      putCluster(clusterId);
      const name = `${store}, ${build}`;
      const env = environment(name, { ...bus?.environment, KUBECTL_ECK_STORE: store });
      await measure({ name, command: [executable, 'get-credentials', clusterId], env });
      processes.push({
        name,
        command: [executable, 'exec-credential', '--cluster-id', clusterId],
        env: { ...env, KUBERNETES_EXEC_INFO: execInfo() },
      });
    }
  }
  return processes;
}

/** `--all` of many clusters where ENS answers in 50 ms, then one more cluster in the same kubeconfig. */
async function measureManyClusters(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) putCluster(`eck-many-${index}`);
  // The ENS double makes the certificates in its list at the first call.
  await sandbox.run(['list'], { timeoutMs: 120_000 });
  const getCredentials = ({ build: name, executable }: (typeof builds)[number], argument: string) =>
    measure({
      name,
      command: [executable, 'get-credentials', argument],
      env: environment(`many, ${name}`, { KUBECONFIG: join(scratch, name) }),
    });

  Object.assign(ens, { latencyMs: 50, callsPerSecond: 100 });
  for (const one of builds) {
    const { seconds, peakMegabytes } = await getCredentials(one, '--all');
    const figures = `${seconds.toFixed(1)} s, ${peakMegabytes.toFixed(0)} MB`;
    console.log(`--all of ${count} clusters, ${one.build}: ${figures}`);
  }
  ens.latencyMs = 0;
  const times = builds.map((): number[] => []);
  for (let round = 0; round < 5; round += 1) {
    putCluster(`eck-more-${round}`);
    for (const [index, one] of builds.entries()) {
      times[index]?.push((await getCredentials(one, `eck-more-${round}`)).seconds * 1000);
    }
  }
  builds.forEach(({ build }, index) => {
    console.log(`one more cluster, ${build}: ${median(times[index] ?? []).toFixed(0)} ms`);
  });
}

function putCluster(clusterId: string): void {
  ens.putCluster({ clusterId, authority, server: apiServer.url });
}

/** The environment of a process with a cache directory of its own. */
function environment(name: string, changes: Record<string, string | undefined>): NodeJS.ProcessEnv {
  return sandbox.environment({ KUBECACHEDIR: join(scratch, 'cache', name), ...changes });
}

/** The least that a program of this runtime does, made with the same options. */
function makeEmptyExecutable(): string {
  const source = join(scratch, 'empty.ts');
  const executable = join(scratch, 'empty');
  writeFileSync(source, "console.log('{}');\nprocess.exit();\n");
  execFileSync(bun, ['build', source, ...standaloneOptions, `--outfile=${executable}`]);
  return executable;
}

function compare(processes: readonly Process[], count: number): void {
  const times = processes.map((): number[] => []);
  const callsBefore = ens.calls();
  for (let round = -5; round < count; round += 1) {
    processes.forEach(({ name, command, env }, index) => {
      const start = performance.now();
      // A shell in between, because a second request of the same parent process may follow a rejection. `sh` does not count.
      const { status, stderr } = spawnSync('/bin/bash', ['--norc', '-c', '"$@"; exit $?', 'bash', ...command], { env });
      const tookMs = performance.now() - start;
      if (status !== 0 || stderr.length > 0) throw new Error(`${name} failed: ${stderr.toString()}`);
      if (round >= 0) times[index]?.push(tookMs);
    });
  }
  if (ens.calls() !== callsBefore) throw new Error('a credential was fetched during the comparison');
  console.log(`${count} rounds\n${''.padEnd(24)}    median       min  to empty`);
  processes.forEach(({ name }, index) => {
    const own = times[index] ?? [];
    const ratio = median(own.map((time, round) => time / (times[0]?.[round] ?? NaN)));
    const figures = [median(own), Math.min(...own)].map((time) => `${time.toFixed(1)} ms`.padStart(10));
    console.log(`${name.padEnd(24)}${figures.join('')}${ratio.toFixed(2).padStart(10)}`);
  });
}

/** Runs a process to its successful end. */
async function measure({ name, command: [file, ...args], env }: Process) {
  const start = performance.now();
  const child = spawn(file, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let peakMegabytes = 0;
  let errors = '';
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
  const timer = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid ?? 0}/status`, 'utf8');
      peakMegabytes = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN) / 1000 || peakMegabytes;
    } catch {
      // The process has ended, or this is not Linux.
    }
  }, 20);
  const [exitStatus] = (await once(child, 'close')) as [number | null];
  clearInterval(timer);
  if (exitStatus !== 0) throw new Error(`${name} failed: ${errors}`);
  return { seconds: (performance.now() - start) / 1000, peakMegabytes };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? NaN) + (sorted[Math.floor(middle)] ?? NaN)) / 2;
}

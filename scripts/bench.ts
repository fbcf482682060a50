// Measures whole processes: first one answer to kubectl, then commands with a thousand clusters. The processes of a table
// run in turn, so that a change of the machine's speed concerns all of them. Read the ratios: single times depend on
// the machine. Memory is the most that was resident at once (VmHWM), mapped pages of the executable among it; it
// needs GNU time.
//
// Usage: npm run bench [-- OPTIONS]
//   --rounds N               rounds of the first table; 60
//   --clusters N             clusters of the second table; 1000
//   --against EXECUTABLE     also measure another build of kubectl-eck
//   --with 'NAME=COMMAND'    also measure another plugin, as often as you like: a shell command that prints an
//                            ExecCredential. Set it up by hand, so that it answers from its cache, for example
//                            --with 'kubelogin=kubelogin get-token --oidc-issuer-url=… --oidc-client-id=…'
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { execInfo } from '../test/support/exec-info.js';
import { kernelKeyringRequirement } from '../test/support/kernel-keyring.js';
import { currentKubectl } from '../test/support/kubectl.js';
import { fromPath, onPath } from '../test/support/on-path.js';
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

const options = parseArgs({
  options: {
    rounds: { type: 'string', default: '60' },
    clusters: { type: 'string', default: '1000' },
    against: { type: 'string' },
    with: { type: 'string', multiple: true, default: [] },
  },
}).values;
const [rounds, clusterCount] = [Number(options.rounds), Number(options.clusters)];
/** The time in which at least one call to the doubles waited for its answer. */
const calls = { running: 0, since: 0, busyMs: 0 };
subscribe('http.server.request.start', () => {
  if (calls.running === 0) calls.since = performance.now();
  calls.running += 1;
});
subscribe('http.server.response.finish', () => {
  calls.running -= 1;
  if (calls.running === 0) calls.busyMs += performance.now() - calls.since;
});

// Not a name that the search for leaked keys at the end of the tests looks for.
const scratch = mkdtempSync(join(tmpdir(), 'bench-kubectl-eck-'));
const builds = [copyBuild('this build', programs.standalone)];
if (options.against !== undefined) builds.push(copyBuild('other build', resolve(options.against)));
const sandbox = await Sandbox.create();
const { ens, authority, apiServer } = sandbox;
const bus = secretServiceRequirement.available ? await startSecretService() : undefined;
// A shell in between, because a second request of the same parent process may follow a rejection. `sh` does not count.
const inShell = (script: string, ...args: string[]) => ['/bin/bash', '--norc', '-c', script, 'bash', ...args] as const;
const shell: Process = { name: 'the shell alone', command: inShell('exit 0'), env: {} };
const empty: Process = { name: 'empty executable', command: inShell('"$@"; exit $?', makeEmptyExecutable()), env: {} };
try {
  await compareAnswers([shell, empty, ...(await ownAnswers()), ...otherPlugins()]);
  console.log();
  await compareCommands();
} finally {
  await bus?.stop();
  await sandbox.dispose();
  rmSync(scratch, { recursive: true });
}

/** How much of a file one page fault maps depends on how the file came into memory: here all were written just now. */
function copyBuild(build: string, executable: string) {
  const directory = join(scratch, 'builds', build);
  for (const file of [executable, join(dirname(executable), 'keyring.node')]) {
    cpSync(file, join(directory, basename(file)));
  }
  return { build, executable: join(directory, basename(executable)) };
}

/** `exec-credential` as kubectl runs it, for each build and store, with a cached credential. */
async function ownAnswers(): Promise<Process[]> {
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
      await run({ name, command: [executable, 'get-credentials', clusterId], env });
      processes.push({
        name,
        command: inShell('"$@"; exit $?', executable, 'exec-credential', '--cluster-id', clusterId),
        env: { ...env, KUBERNETES_EXEC_INFO: execInfo() },
      });
    }
  }
  return processes;
}

/** The plugins of `--with`, but for those that are not on `PATH`. */
function otherPlugins(): Process[] {
  return options.with.flatMap((option) => {
    const [, name, line] = /^([^=]+)=(.+)$/s.exec(option) ?? [];
    if (name === undefined || line === undefined) throw new Error(`--with ${option}: not NAME=COMMAND`);
    const program = line.split(' ').find((word) => !/^\w+=/.test(word)) ?? '';
    const isFound = program.includes('/') || onPath(program);
    if (!isFound) console.log(`skipped: ${name}, because ${program} is not on PATH`);
    const env = { ...process.env, KUBERNETES_EXEC_INFO: execInfo() };
    return isFound ? [{ name, command: inShell(`${line}; exit $?`), env }] : [];
  });
}

async function compareAnswers(processes: readonly Process[]): Promise<void> {
  const times = processes.map((): number[] => []);
  const callsBefore = ens.calls();
  for (let round = -5; round < rounds; round += 1) {
    for (const [index, one] of processes.entries()) {
      const [file, ...args] = one.command;
      const start = performance.now();
      const { status, stdout, stderr } = spawnSync(file, args, { env: one.env });
      const tookMs = performance.now() - start;
      const isAnswer = one === shell || one === empty || stdout.includes('ExecCredential');
      if (status !== 0 || !isAnswer) throw new Error(`${one.name} gave no credential: ${stderr.toString()}`);
      if (round >= 0) times[index]?.push(tookMs);
    }
  }
  if (ens.calls() !== callsBefore) throw new Error('a credential was fetched during the comparison');
  const rows: string[][] = [];
  for (const [index, one] of processes.entries()) {
    const own = times[index] ?? [];
    const netOf = (list: readonly number[] = [], round: number) => (list[round] ?? NaN) - (times[0]?.[round] ?? NaN);
    const ratio = median(own.map((_, round) => netOf(own, round) / netOf(times[1], round)));
    const peaks: number[] = [];
    for (let count = 0; count < 7; count += 1) peaks.push((await run(one)).peakMebibytes);
    const figures = [`${median(own).toFixed(1)} ms`, `${Math.min(...own).toFixed(1)} ms`, ratio.toFixed(2)];
    rows.push([one.name, ...figures, mebibytes(median(peaks))]);
  }
  printTable([`one answer, ${rounds} rounds`, 'median', 'min', 'to empty', 'memory'], rows);
}

/** Commands with many clusters, beside the calls that they wait for and what kubectl needs for the same kubeconfig. */
async function compareCommands(): Promise<void> {
  for (let index = 0; index < clusterCount; index += 1) putCluster(`eck-many-${index}`);
  // The double makes the certificates in its list at the first call.
  await sandbox.run(['list'], { timeoutMs: 120_000 });
  const ofBuild = ({ build, executable }: (typeof builds)[number], args: readonly string[]): Process => ({
    name: build,
    command: [executable, ...args],
    env: environment(`many, ${build}`, { KUBECONFIG: join(scratch, build) }),
  });
  const header = ['median', 'calls', 'in calls', 'memory'];
  const rowOf = (name: string, results: readonly Awaited<ReturnType<typeof run>>[]) => {
    const middle = (value: (result: (typeof results)[number]) => number) => median(results.map(value));
    const [took, calls] = [middle(({ tookMs }) => tookMs), middle(({ callCount }) => callCount)];
    const inCalls = `${middle(({ inCallsMs }) => inCallsMs).toFixed(0)} ms`;
    return [name, `${took.toFixed(0)} ms`, String(calls), inCalls, mebibytes(middle((one) => one.peakMebibytes))];
  };

  // As ENS does, far away.
  Object.assign(ens, { latencyMs: 50, callsPerSecond: 100 });
  const rows: string[][] = [];
  for (const one of builds)
    rows.push(rowOf(`--all, ${one.build}`, [await run(ofBuild(one, ['get-credentials', '--all']))]));
  printTable([`${clusterCount} clusters, 50 ms a call, 100 a second`, ...header], rows);
  console.log();

  Object.assign(ens, { latencyMs: 0, callsPerSecond: Infinity });
  const { available, kubectl } = currentKubectl;
  const getContexts = ['config', 'get-contexts', '--output=name', `--kubeconfig=${join(scratch, 'this build')}`];
  const others: Process[] = [empty];
  if (available) {
    others.push({ name: 'kubectl config get-contexts', command: [kubectl.path, ...getContexts], env: process.env });
  }
  const commands: readonly (readonly [string, readonly string[]])[] = [
    ['version', ['version']],
    ['list', ['list']],
    ['status', ['status']],
    ['complete a cluster', ['__complete', 'get-credentials', '']],
    ['complete a context', ['__complete', 'refresh', '']],
    ['one more context', ['get-credentials', 'eck-more']],
  ];
  const results = new Map<string, Awaited<ReturnType<typeof run>>[]>();
  for (let round = 0; round < 7; round += 1) {
    putCluster(`eck-more-${round}`);
    const own = commands.flatMap(([name, args]) =>
      builds.map((one) => {
        const typed = args.map((arg) => (arg === 'eck-more' ? `eck-more-${round}` : arg));
        return { ...ofBuild(one, typed), name: builds.length === 1 ? name : `${name}, ${one.build}` };
      }),
    );
    for (const one of [...others, ...own]) results.set(one.name, [...(results.get(one.name) ?? []), await run(one)]);
  }
  const header2 = [`${clusterCount} clusters, calls answered at once`, ...header];
  printTable(
    header2,
    [...results].map(([name, all]) => rowOf(name, all)),
  );
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

/** Runs a process to its successful end. */
async function run({ name, command, env }: Process) {
  const peakFile = join(scratch, 'peak');
  const time = fromPath('time');
  const [file, ...args] = time === undefined ? command : ([time, '-f', '%M', '-o', peakFile, ...command] as const);
  const callsBefore = ens.log.length;
  calls.busyMs = 0;
  const start = performance.now();
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.resume();
  const [errors, [status]] = await Promise.all([text(child.stderr), once(child, 'close') as Promise<[number | null]>]);
  const tookMs = performance.now() - start;
  if (status !== 0) throw new Error(`${name} failed: ${errors}`);
  const peakMebibytes = time === undefined ? NaN : Number(readFileSync(peakFile, 'utf8')) / 1024;
  return { tookMs, peakMebibytes, callCount: ens.log.length - callsBefore, inCallsMs: calls.busyMs };
}

function mebibytes(size: number): string {
  return Number.isNaN(size) ? '' : `${size.toFixed(1)} MiB`;
}

function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  for (const [first = '', ...others] of [header, ...rows]) {
    console.log(first.padEnd(44) + others.map((cell) => cell.padStart(11)).join(''));
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? NaN) + (sorted[Math.floor(middle)] ?? NaN)) / 2;
}

// Measures what a person waits for: whole processes, in turn, so that a machine whose speed drifts is as fair to one
// as to the other. The figures to read are the ratios; single times say more about the machine.
//
// Usage: npm run bench [-- ROUNDS]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kernelKeyringRequirement } from '../test/support/kernel-keyring.js';
import { programs, repository, Sandbox } from '../test/support/sandbox.js';
import {
  secretServiceRequirement,
  startSecretService,
  type SecretService,
} from '../test/support/secret-service.js';
import { bunExecutable, standaloneOptions } from './release/compile.js';

interface Candidate {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly env: NodeJS.ProcessEnv;
  /** Milliseconds, one a round. */
  readonly times: number[];
}

/** A kernel keyring can be read back only inside a session, so the whole benchmark runs in one of its own. */
const insideSession = 'KUBECTL_ECK_BENCH_IN_SESSION';
if (kernelKeyringRequirement.available && process.env[insideSession] === undefined) {
  const again = ['session', '-', process.execPath, '--import', 'tsx', ...process.argv.slice(1)];
  const { status } = spawnSync('keyctl', again, {
    env: { ...process.env, [insideSession]: 'true' },
    stdio: 'inherit',
  });
  process.exit(status ?? 1);
}

const rounds = Number(process.argv[2] ?? 60);
const scratch = mkdtempSync(join(tmpdir(), 'kubectl-eck-bench-'));
const sandbox = await Sandbox.create();
let secretService: SecretService | undefined;
try {
  const candidates = [
    candidate('empty executable', [emptyExecutable(scratch)], {}),
    candidate('kubectl-eck version', [programs.standalone, 'version'], {}),
  ];
  const execCredential = [programs.standalone, 'exec-credential', '--cluster-id', sandbox.clusterId] as const;
  if (kernelKeyringRequirement.available) {
    await keepIn('kernel', {});
    candidates.push(
      candidate('exec-credential, kernel keyring', execCredential, { KUBECTL_ECK_STORE: 'kernel' }),
    );
  } else {
    console.log(`not measured: the kernel keyring (needs ${kernelKeyringRequirement.name})`);
  }
  if (secretServiceRequirement.available) {
    secretService = await startSecretService();
    await keepIn('keychain', secretService.environment);
    const env = { ...secretService.environment, KUBECTL_ECK_STORE: 'keychain' };
    candidates.push(candidate('exec-credential, Secret Service', execCredential, env));
  } else {
    console.log(`not measured: the Secret Service (needs ${secretServiceRequirement.name})`);
  }

  const [warmUps, counted] = [5, rounds];
  for (let round = -warmUps; round < counted; round += 1) {
    for (const one of candidates) {
      const tookMs = run(one);
      if (round >= 0) one.times.push(tookMs);
    }
  }
  printResults(candidates);
  await measureMany(1000);
} finally {
  await secretService?.stop();
  await sandbox.dispose();
  rmSync(scratch, { recursive: true, force: true });
}

function candidate(
  name: string,
  command: Candidate['command'],
  env: Readonly<Record<string, string | undefined>>,
): Candidate {
  return { name, command, env: sandbox.environment(env), times: [] };
}

async function keepIn(store: string, env: Readonly<Record<string, string | undefined>>): Promise<void> {
  const got = await sandbox.run(['get-credentials', sandbox.clusterId], {
    env: { ...env, KUBECTL_ECK_STORE: store },
  });
  if (got.status !== 0) throw new Error(got.stderr);
}

/**
 * How long a large account takes: to list it by one call that ENS answers in half a second, and to fetch all of it
 * where ENS allows 100 calls a second and answers in 50 ms.
 */
async function measureMany(count: number): Promise<void> {
  const { ens, authority, apiServer } = sandbox;
  for (let index = 0; index < count; index += 1) {
    ens.putCluster({ clusterId: `eck-${index}`, authority, server: apiServer.url });
  }
  // The double issues the certificates in its list when it is first asked for it.
  await timeOf(['list']);
  ens.latencyMs = 500;
  const listed = await timeOf(['list']);
  console.log(`\nlist, ${count} clusters: ${listed.toFixed(2)} s, 0.5 s of it waiting for the one call`);

  Object.assign(ens, { latencyMs: 50, callsPerSecond: 100 });
  const fetched = await timeOf(['get-credentials', '--all']);
  const refused = ens.log.filter(({ outcome }) => outcome === 'Throttling.User').length;
  console.log(
    `get-credentials --all, ${count} clusters: ${fetched.toFixed(1)} s, ${(count / fetched).toFixed(0)} a second ` +
      `as a whole, ${refused} calls too many`,
  );
}

/** How many seconds a command takes. */
async function timeOf(args: readonly string[]): Promise<number> {
  const start = performance.now();
  const { status, stderr } = await sandbox.run(args, { timeoutMs: 120_000 });
  if (status !== 0) throw new Error(stderr);
  return (performance.now() - start) / 1000;
}

/** The least that a program of this runtime can do, made by the same compiler with the same options. */
function emptyExecutable(directory: string): string {
  const source = join(directory, 'empty.ts');
  const executable = join(directory, 'empty');
  writeFileSync(source, "console.log('{}');\n");
  const args = ['build', source, ...standaloneOptions, `--outfile=${executable}`];
  const built = spawnSync(bunExecutable(repository), args, { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(built.stderr);
  return executable;
}

function run({ name, command: [file, ...args], env }: Candidate): number {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(file, args, { env, encoding: 'utf8' });
  const tookMs = performance.now() - start;
  if (status !== 0 || stdout === '') throw new Error(`${name} failed: ${stderr}`);
  return tookMs;
}

function printResults(candidates: readonly Candidate[]): void {
  const [empty] = candidates;
  console.log(`${rounds} rounds, each of them every command once; whole processes\n`);
  console.log(row('', 'median', 'min', 'max', 'to empty'));
  for (const { name, times } of candidates) {
    const ratios = times.map((time, round) => time / (empty?.times[round] ?? NaN));
    const figures = [median(times), Math.min(...times), Math.max(...times)].map(
      (time) => `${time.toFixed(1)} ms`,
    );
    console.log(row(name, ...figures, `${median(ratios).toFixed(2)} ×`));
  }
}

function row(name: string, ...figures: readonly string[]): string {
  return name.padEnd(34) + figures.map((figure) => figure.padStart(10)).join('');
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

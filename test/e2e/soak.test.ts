// A simulated day with 20 clusters, 3 identities and 5 kinds of clients, in which much goes wrong.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { seed as givenSeed } from '../fuzz/seed.js';
import { Client, clientPrograms, type ClientProgram } from '../support/clients.js';
import { sandbox, shareSandbox } from '../support/each-sandbox.js';
import { kernelKeyringRequirement, startSessionKeyring, type SessionKeyring } from '../support/kernel-keyring.js';
import { currentKubectl, oldKubectl } from '../support/kubectl.js';
import { describeWith } from '../support/requirements.js';
import { programs, runProgram } from '../support/sandbox.js';
import { secretServiceRequirement, startSecretService, type SecretService } from '../support/secret-service.js';
import {
  backdatingMs,
  count,
  hourMs,
  Key,
  minuteMs,
  Model,
  outages,
  type Identity,
  type Request,
} from './soak-model.js';

const minutes = Number(process.env['KUBECTL_ECK_SOAK_MINUTES'] ?? 0.5);
const seed = givenSeed ?? Date.now() % 1_000_000;
let state = 7919 * seed;
/** A number from 0 to 1 (the generator MINSTD). */
const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
/** @returns `undefined` from an empty list */
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

const faketime = spawnSync('faketime', ['-f', '+0', 'printenv', 'LD_PRELOAD'], { encoding: 'utf8' });
const requirements = [
  { name: 'faketime', available: faketime.status === 0 },
  // The kernel lets other users save some ten credentials only.
  { name: 'root', available: process.getuid?.() === 0 },
  ...[kernelKeyringRequirement, currentKubectl, oldKubectl],
];
const clusters = Array.from({ length: 20 }, (_, index) => `eck-soak${index + 10}`);
const accessKeySecret = 'SoakAccessKeySecret00000000001';
/** What may be in the sandbox at the end: no temporary file, no lock, no file of a client. */
const expectedFiles =
  /^(clock|home\/(\.aliyun\/config\.json|\.kube\/(config|old|cache\/kubectl-eck\/([\w-]+|credentials\/\w{64}|eck-[^/]+\/((record|renewal)\.json|(served|warned|asked)-\d+)))))$/;

describeWith(requirements, 'a simulated day', () => {
  const started: { stop(): Promise<void> }[] = [];
  const stopAll = async (): Promise<void> => {
    for (const one of started.splice(0).reverse()) await one.stop();
  };
  // Before the sandbox looks for keys in files.
  afterAll(stopAll);
  shareSandbox();

  const model = new Model();
  const environment: Identity = {
    name: 'environment',
    accessKeyId: 'LTAI5tEnvironment',
    accessKeySecret,
    store: 'auto',
  };
  const profile: Identity = { name: 'profile', accessKeyId: 'LTAI5tProfile', accessKeySecret, store: 'auto' };
  let keys: Key[] = [];
  let last: Key | undefined;
  const killed = new Set<Key>();
  const events: Record<string, number> = {};
  let keyring: SessionKeyring;
  let keychain: SecretService | undefined;
  let [clockOffsetMs, outageEndsMs, lockEndsMs] = [0, 0, 0];
  const nowMs = (): number => Date.now() + clockOffsetMs;
  /** The certificate that the shell got last. */
  let shellSerial: string | undefined;

  const variables = (identity: Identity): NodeJS.ProcessEnv =>
    sandbox.environment({
      LD_PRELOAD: faketime.stdout.trim(),
      FAKETIME_TIMESTAMP_FILE: join(sandbox.directory, 'clock'),
      ...{ FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' },
      DBUS_SESSION_BUS_ADDRESS: keychain?.environment.DBUS_SESSION_BUS_ADDRESS,
      KUBECTL_ECK_STORE: identity.store,
      KUBECTL_ECK_TIMEOUT: '3s',
      ALIBABA_CLOUD_ACCESS_KEY_ID: identity.accessKeyId,
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: accessKeySecret,
      ALIBABA_CLOUD_SECURITY_TOKEN: identity.securityToken ?? '',
    });
  const contextOf = ({ clusterId, identity }: Key) => (identity === profile ? `work-${clusterId}` : clusterId);
  const pluginOf = ({ clusterId, identity }: Key): string[] => {
    const pinned = identity === profile ? ['--profile', 'work'] : [];
    return [programs.standalone, 'exec-credential', '--cluster-id', clusterId, ...pinned];
  };

  /** Clients answer with the reason for which they get no nodes. */
  async function askKubectl(path: string, file: string, key: Key): Promise<string | undefined> {
    const argv = [path, '--kubeconfig', join(sandbox.home, '.kube', file), '--context', contextOf(key)];
    const { status, stderr } = await keyring.run([...argv, 'get', '--raw', '/api/v1/nodes'], variables(key.identity));
    return status === 0 ? undefined : stderr;
  }

  /** Runs the plugin in a shell, without KUBERNETES_EXEC_INFO, and once more after a 401, as fabric8 does. */
  async function askShell(key: Key, isAgain = false): Promise<string | undefined> {
    const shell = ['/bin/sh', '-c', '"$0" "$@"; exit $?', ...pluginOf(key)];
    const { status, stdout, stderr } = await keyring.run(shell, variables(key.identity));
    if (status !== 0) return stderr;
    const answer = JSON.parse(stdout) as { status: Record<'clientCertificateData' | 'clientKeyData', string> };
    const { clientCertificateData: cert, clientKeyData } = answer.status;
    shellSerial = sandbox.ens.issued.find(({ certificatePem }) => certificatePem === cert)?.serialNumber;
    const tls = { cert, key: clientKeyData, ca: sandbox.authority.certificatePem, agent: false };
    const request = https.get(`${sandbox.apiServer.url}/api/v1/nodes`, tls);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const { statusCode } = response.resume();
    if (statusCode === 200) return undefined;
    return isAgain ? `HTTP ${statusCode}` : askShell(key, true);
  }

  const clients: Record<string, (key: Key) => Promise<string | undefined>> = {
    kubectl: (key) => askKubectl(currentKubectl.kubectl.path, 'config', key),
    'old kubectl': (key) => askKubectl(oldKubectl.kubectl.path, 'old', key),
    shell: askShell,
  };

  /** Adds a program that loads the configuration for each AccessKey, and again after a failure. */
  function addProgram({ title, command }: ClientProgram): void {
    const client = new Client(keyring.command(command), sandbox.environment());
    started.push(client);
    const loaded = new Map<string, string>();
    clients[title] = async (key) => {
      const [context, load] = [contextOf(key), variables(key.identity)];
      const isLoaded = loaded.get(context) === key.name;
      loaded.set(context, key.name);
      let answer = await client.ask(isLoaded ? { context } : { context, load });
      // Twice: what it loads may be revoked as well, which the plugin notices when the program asks again.
      for (let left = 2; answer !== 2 && left > 0; left -= 1) answer = await client.ask({ context, load });
      return answer === 2 ? undefined : `it prints ${answer}`;
    };
  }

  /** Each process with libfaketime leaves shared memory, in the way of a later process with the same id. */
  async function removeSharedMemory(): Promise<void> {
    for (const name of await readdir('/dev/shm')) {
      const [, id] = /^(?:sem\.)?faketime_(?:sem|shm)_(\d+)$/.exec(name) ?? [];
      if (id !== undefined && !existsSync(`/proc/${id}`)) await rm(`/dev/shm/${name}`, { force: true });
    }
  }

  async function moveClock(byMs: number): Promise<void> {
    clockOffsetMs = sandbox.ens.clockOffsetMs = sandbox.apiServer.clockOffsetMs = clockOffsetMs + byMs;
    await writeFile(join(sandbox.directory, 'clock'), `+${clockOffsetMs / 1000}s\n`);
  }

  function addIdentity(identity: Identity): void {
    sandbox.ens.putIdentity(identity);
    keys = keys.filter((key) => key.identity.name !== identity.name);
    keys.push(...clusters.map((clusterId) => new Key(clusterId, identity)));
  }
  const addTemporary = (): void => {
    const accessKeyId = `STS.soak${sandbox.ens.log.length}`;
    addIdentity({ name: 'temporary', accessKeyId, accessKeySecret, securityToken: 'token', store: 'kernel' });
  };

  /** Makes requests, and compares what happens with the model. */
  async function observe(ask: () => Promise<readonly Request[]>, victim?: Key): Promise<void> {
    const [{ log, issued }, { requests: answers }, startMs] = [sandbox.ens, sandbox.apiServer, nowMs()];
    const [calls, credentials, answered] = [log.length, issued.length, answers.length];
    shellSerial = undefined;
    const requests = await ask();
    await removeSharedMemory();
    const hasCrashed = keychain && !(await keychain.isRunning());
    // The store `kernel` takes a session that another test begins in the same millisecond for that of the process.
    if (hasCrashed || requests.some(({ failure }) => failure?.includes('no session keyring'))) {
      // Nothing shows what is saved.
      count(events, hasCrashed ? 'GNOME Keyring crashed' : 'another session began');
      if (hasCrashed) {
        await keychain?.restart();
        model.isKeychainLocked = false;
      }
      keys = keys.filter((key) => !requests.some((request) => request.key === key));
      return;
    }
    const serials = answers.slice(answered).map(({ serialNumber }) => serialNumber);
    model.check({
      ...{ startMs, endMs: nowMs(), requests, victim, shellSerial, issued: issued.slice(credentials) },
      calls: log.slice(calls).filter(({ action }) => action === 'DescribeClusterUserKubeconfig'),
      used: issued.filter(({ serialNumber }) => serials.includes(serialNumber)),
    });
  }

  beforeAll(async () => {
    started.push((keyring = await startSessionKeyring()));
    if (secretServiceRequirement.available) started.push((keychain = await startSecretService()));
    model.isKeychainLocked = keychain === undefined;
    const server = (clusterId: string) => `${sandbox.apiServer.url}/k8s/clusters/${clusterId}`;
    for (const clusterId of clusters) sandbox.putCluster({ clusterId, server: server(clusterId) });
    const key = { access_key_id: profile.accessKeyId, access_key_secret: accessKeySecret };
    await sandbox.writeProfiles([{ name: 'work', mode: 'AK', ...key }]);
    for (const identity of [environment, profile]) addIdentity(identity);
    await moveClock(0);
    sandbox.ens.issuing = { backdatingMs, lifetimeMs: 30 * hourMs };
    await observe(async () => {
      const env = { ...variables(environment), KUBECTL_ECK_STORE: undefined };
      for (const args of [[], ['--profile', 'work', '--context', 'work-{id}']]) {
        const argv = [programs.standalone, 'get-credentials', ...clusters, ...args];
        const { status, stderr } = await keyring.run(argv, env);
        expect({ status, stderr }).toMatchObject({ status: 0 });
      }
      return keys.map((one) => ({ client: 'set-up', key: one, failure: undefined }));
    });
    profile.store = 'file';
    addTemporary();
    const kubeconfig = await readFile(sandbox.kubeconfig, 'utf8');
    await sandbox.writeHome('.kube/old', kubeconfig.replaceAll('k8s.io/v1', 'k8s.io/v1beta1'));
    for (const program of clientPrograms) if (program.available && !program.repairs) addProgram(program);
  }, minuteMs);

  async function takeStep(stepMs: number): Promise<void> {
    const { ens, apiServer } = sandbox;
    await moveClock(stepMs);
    /** Whether an event happens that is expected so often, but not in more than a part of the steps. */
    const happens = (event: string, everyMs: number, part: number): boolean => {
      const isNow = random() < Math.min(part, stepMs / everyMs);
      if (isNow) count(events, event);
      return isNow;
    };
    ens.issuing = { backdatingMs, lifetimeMs: pick([2, 5, 30, 30]) * hourMs };
    const kind = pick(Object.keys(outages) as (keyof typeof outages)[]);
    if (model.outage !== undefined && clockOffsetMs >= outageEndsMs) {
      ens.recover();
      model.outage = undefined;
    } else if (model.outage === undefined && happens(`ENS ${kind}`, hourMs, 0.25)) {
      ens.failNext('always', outages[kind]);
      model.outage = kind;
      outageEndsMs = clockOffsetMs + random() * 15 * minuteMs;
    }
    if (keychain && model.isKeychainLocked && clockOffsetMs >= lockEndsMs) {
      await keychain.restart();
      model.isKeychainLocked = false;
    } else if (keychain && !model.isKeychainLocked && happens('keychain locked', 3 * hourMs, 0.1)) {
      await keychain.lock();
      model.isKeychainLocked = true;
      lockEndsMs = clockOffsetMs + random() * hourMs;
    }
    if (happens('another store', 3 * hourMs, 0.1)) profile.store = pick(['auto', 'file', 'kernel']);
    if (happens('another temporary AccessKey', 8 * hourMs, 0.05)) addTemporary();

    const isDue = (key: Key): boolean => {
      const { why, mayFail } = model.judge(key, nowMs());
      return why === 'due' && mayFail === undefined;
    };
    const chosen = Array.from({ length: 1 + Math.floor(random() * 4) }, () => pick(keys));
    // Often the same one again, and in an outage one that is due.
    const again = model.outage && random() < 0.5 ? pick(keys.filter(isDue)) : last;
    if (random() < (model.outage ? 0.9 : 0.5) && again && keys.includes(again)) chosen[0] = again;
    last = chosen[0];
    if (random() < 0.4 && last) chosen.fill(last);
    const revoked = last && model.cachedOf(last);
    if (revoked && happens('certificate revoked', hourMs / 3, 0.3)) {
      apiServer.revoke(revoked.serialNumber);
      model.revoked.add(revoked.serialNumber);
    }
    const [herd, afterMs] = [pick([1, 8]), random() * 250];
    // Not with the keychain: GNOME Keyring crashes when a client disconnects.
    const mortal = keys.filter(({ identity }) => identity.store !== 'auto');
    const isKilled = model.outage === undefined && happens(`${herd} killed`, hourMs / 3, 0.1);
    const victim = isKilled ? [pick(mortal.filter(isDue)), pick(mortal)].find(Boolean) : undefined;
    if (victim) killed.add(victim);
    // libfaketime does not change the times of files, so that saves in the store `file` would delete each other's
    // temporary files: one key at a time.
    const inFile = [victim, ...chosen].find((key) => key?.identity.store === 'file');
    const asked = chosen.filter((key) => key !== victim && (key.identity.store !== 'file' || key === inFile));
    const names = Object.keys(clients).sort(() => random() - 0.5);
    await observe(async () => {
      const ask = async (client: string, key: Key): Promise<Request> => {
        return { client, key, failure: await clients[client]?.(key) };
      };
      const others = names.filter((name) => !victim || name !== 'shell');
      const asking = others.flatMap((name, index) => (asked[index] ? [ask(name, asked[index])] : []));
      if (!victim) return Promise.all(asking);
      const [file, ...args] = keyring.command(pluginOf(victim));
      const options = { env: variables(victim.identity), timeoutMs: afterMs };
      // It kills them after that time.
      await Promise.allSettled(Array.from({ length: herd }, () => runProgram(file, args, options)));
      return Promise.all([...asking, ask('shell', victim)]);
    }, victim);
  }

  test(
    `with the seed ${seed} serves what can be served, with the least calls, and leaves nothing`,
    async () => {
      // The shorter the day, the more of its steps wait in an outage.
      const steps = Math.max(10, Math.round(40 + (minutes - 0.5) * 230));
      const weights = Array.from({ length: steps }, () => Math.max(0, random() - 0.4));
      const weightMs = (24 * hourMs - steps * 6_000) / weights.reduce((sum, weight) => sum + weight);
      for (const [index, weight] of weights.entries()) {
        await takeStep(6_000 + weight * weightMs).catch((error: unknown) => {
          throw new Error(`step ${index} of ${steps} with the seed ${seed}: ${String(error)}`, { cause: error });
        });
      }
      const calls = Object.values(model.calls).reduce((sum, number) => sum + number);
      const { served, notServed, least } = model;
      const report = { seed, steps, served, notServed, calls, least, callsBecause: model.calls, events };
      process.stdout.write(`Soak: ${JSON.stringify(report).replace(/(?<=\}),/g, ',\n  ')}\n`);
      expect(calls).toBeLessThanOrEqual(1.1 * least);

      // The next renewal removes what a killed process left.
      sandbox.ens.recover();
      for (const key of killed) {
        const renewal = [...pluginOf(key), '--max-age', '1ms'];
        expect(await keyring.run(renewal, variables(key.identity))).toMatchObject({ status: 0 });
      }
      await stopAll();
      const entries = await readdir(sandbox.directory, { recursive: true, withFileTypes: true });
      const files = entries
        .filter((entry) => !entry.isDirectory())
        .map(({ parentPath, name }) => join(parentPath, name));
      expect(files.filter((file) => !expectedFiles.test(relative(sandbox.directory, file)))).toEqual([]);
      const withKeys = await sandbox.filesWithIssuedKeys();
      expect(withKeys.filter((file) => !file.includes('/kubectl-eck/credentials/'))).toEqual([]);
    },
    (5 * minutes + 5) * minuteMs,
  );
});

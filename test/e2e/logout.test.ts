import { describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { apiError } from '../support/ens-faults.js';
import { kernelKeyringRequirement, startSessionKeyring } from '../support/kernel-keyring.js';
import type { Outcome } from '../support/kubectl.js';
import { describeWith } from '../support/requirements.js';
import { asOther, noAccessKey, other, runProgram } from '../support/sandbox.js';
import { secretServiceRequirement, startSecretService } from '../support/secret-service.js';
import { stopAfterTest } from '../support/stop-after-test.js';

useSandbox();

type Environment = Readonly<Record<string, string | undefined>>;

const setUp = (env?: Environment) => sandbox.run(['get-credentials', sandbox.clusterId], { env: env ?? {} });
const askAs = (env?: Environment): Promise<Outcome> =>
  sandbox.run(['exec-credential', '--cluster-id', sandbox.clusterId], { env: env ?? {} });
const cache = (): string => join(sandbox.home, '.kube/cache/kubectl-eck');

/** The record of the only credential, or of that of an identity. @returns what it was before the changes */
function changeRecord(changes: object = {}, of = ''): { places: object[]; fetchedAt: string; notAfter: string } {
  const [name = ''] = readdirSync(cache()).filter((each) => each.includes('@') && each.includes(of));
  const file = join(cache(), name, 'record.json');
  const record = JSON.parse(readFileSync(file, 'utf8')) as ReturnType<typeof changeRecord>;
  writeFileSync(file, JSON.stringify({ ...record, ...changes }));
  return record;
}

describe('a logout lasts', () => {
  const loggedOut = {
    status: 1,
    stdout: '',
    stderr: expect.stringMatching(
      /\[logged-out\]\n.*kubectl eck login eck-0123abcd --endpoint http:\S+ --store \w+"\n$/,
    ) as unknown,
  };

  test.each([['get-credentials'], ['refresh']])('until %s', async (command) => {
    await setUp();
    expect(await sandbox.run(['logout'])).toMatchObject({ status: 0 });
    for (let run = 0; run < 2; run += 1) expect(await askAs()).toMatchObject(loggedOut);
    // Whatever the store still has.
    expect(await askAs({ KUBECTL_ECK_STORE: 'none' })).toMatchObject(loggedOut);
    expect(sandbox.ens.calls()).toBe(1);
    expect(await sandbox.run([command, sandbox.clusterId])).toMatchObject({ status: 0 });
    expect(await askAs()).toMatchObject({ status: 0, stderr: '' });
    expect(sandbox.ens.calls()).toBe(2);
  });

  test('for every process that waits for a renewal, and names what the context pins', async () => {
    await setUp();
    sandbox.ens.latencyMs = 3000;
    const args = ['exec-credential', '--cluster-id', sandbox.clusterId, '--max-age', '1ms'];
    const asking = Array.from({ length: 3 }, () => sandbox.run(args));
    await sandbox.ens.waitForCalls(2);
    expect(await sandbox.run(['logout', '--all'])).toMatchObject({ status: 0 });
    const statuses = (await Promise.all(asking)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 0).length).toBeLessThanOrEqual(1);
    expect(await askAs()).toMatchObject(loggedOut);
    expect(await sandbox.filesWithIssuedKeys()).toEqual([]);
    const pinned = await sandbox.run([...args.slice(0, 3), '--role-arn', 'acs:ram::1:role/edge']);
    expect(pinned.stderr).not.toContain('[logged-out]');
  });
});

describe('a logout is honest', () => {
  const failed = (reason: RegExp): object => ({
    status: 1,
    stderr: expect.stringMatching(reason) as unknown,
  });

  describeWith([secretServiceRequirement, kernelKeyringRequirement], 'with a keychain and a kernel keyring', () => {
    test('it fails while a store that has a copy cannot be reached, and then deletes from each', async () => {
      const service = stopAfterTest(await startSecretService());
      const keyring = stopAfterTest(await startSessionKeyring());
      const atDesktop: Environment = { ...service.environment, KUBECTL_ECK_STORE: undefined };
      const remotely: Environment = {
        ...atDesktop,
        DBUS_SESSION_BUS_ADDRESS: undefined,
        XDG_RUNTIME_DIR: undefined,
      };
      const run = (env: Environment, ...args: string[]): Promise<Outcome> =>
        keyring.run(['kubectl-eck', ...args], sandbox.environment(env));
      const exec = ['exec-credential', '--cluster-id', sandbox.clusterId];
      await run(atDesktop, 'get-credentials', sandbox.clusterId);
      expect(await run(remotely, ...exec)).toMatchObject({ status: 0 });
      expect(changeRecord()).toMatchObject({
        places: [{ store: 'kernel' }, { store: 'keychain' }],
      });
      expect(await run(remotely, 'logout', '--all')).toMatchObject(failed(/\[keychain-absent\]/));
      expect(changeRecord()).toBeDefined();
      // In a shell with another session keyring, which cannot delete from this one's.
      const { status, stderr } = await run(atDesktop, 'logout', '--all');
      expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringMatching(/\(keychain\)/) });
      expect(await run(atDesktop, ...exec)).toMatchObject(failed(/\[logged-out\]/));
    });

    test('it fails in a shell without a session keyring', async () => {
      const keyring = stopAfterTest(await startSessionKeyring());
      const env: Environment = { KUBECTL_ECK_STORE: 'kernel', DBUS_SESSION_BUS_ADDRESS: undefined };
      await keyring.run(['kubectl-eck', 'get-credentials', sandbox.clusterId], sandbox.environment(env));
      const elsewhere = failed(/the kernel keyring of another session has it \[keychain-unreachable\]\n.*keyctl/);
      const revoked = `keyctl session - /bin/sh -c 'keyctl revoke @s; exec kubectl-eck logout "$1"' sh "$1"`;
      for (const name of ['--all', sandbox.clusterId]) {
        const options = { env: sandbox.environment(env), timeoutMs: 30_000 };
        const outcome = await runProgram('/bin/sh', ['-c', revoked, 'sh', name], options);
        expect(outcome).toMatchObject(elsewhere);
      }
      const there = await keyring.run(['kubectl-eck', 'logout', '--all'], sandbox.environment(env));
      expect(there).toMatchObject({ status: 0, stderr: expect.stringContaining('(kernel)') as unknown });
    });
  });

  test.each<[string, object, object]>([
    [
      'another machine',
      { store: 'keychain', machine: 'laptop 1234' },
      { status: 1, stderr: expect.stringMatching(/another machine, laptop \[keychain-unreachable\]/) },
    ],
    ['an earlier boot', { store: 'kernel', boot: 'b0071d' }, { status: 0 }],
    ['another machine, in a file', { store: 'file', machine: 'laptop 1234' }, { status: 0 }],
  ])('of a record of %s', async (_, place, expected) => {
    await setUp();
    const [here] = changeRecord().places;
    changeRecord({ places: [here, { ...here, ...place }] });
    expect(await sandbox.run(['logout', '--all'])).toMatchObject(expected);
    expect(await sandbox.filesWithIssuedKeys()).toEqual([]);
  });
});

test('logout --all waits once for a keychain that does not answer', async () => {
  const { directory } = sandbox;
  const clusters = ['eck-a', 'eck-b', 'eck-c', 'eck-d'];
  for (const clusterId of clusters) sandbox.putCluster({ clusterId });
  await sandbox.run(['get-credentials', ...clusters]);
  const bus = createServer().listen(join(directory, 'bus'));
  await once(bus, 'listening');
  const started = performance.now();
  const outcome = await sandbox.run(['logout', '--all'], { env: { XDG_RUNTIME_DIR: directory } });
  bus.close();
  expect(performance.now() - started).toBeLessThan(12_000);
  expect(outcome.status).toBe(1);
  expect(outcome.stderr.match(/\[keychain-timeout\]/g)).toHaveLength(clusters.length);
  expect(await sandbox.filesWithIssuedKeys()).toEqual([]);
});

test('a logout that cannot be noted fails, and deletes all the same', async () => {
  await setUp();
  chmodSync(cache(), 0o755);
  const outcome = await sandbox.run(['logout', sandbox.clusterId]);
  const stderr = expect.stringMatching(/ does not last, since .*\[keychain-refused\]\nMake .*\nDeleted /) as unknown;
  expect(outcome).toMatchObject({ status: 1, stderr });
  expect(await sandbox.filesWithIssuedKeys()).toEqual([]);
});

describeWith([secretServiceRequirement], 'a refusal', () => {
  test('while the keychain is locked says so, and what is left is not served', async () => {
    const service = stopAfterTest(await startSecretService());
    const env: Environment = { ...service.environment, KUBECTL_ECK_STORE: undefined };
    await setUp(env);
    sandbox.ens.putIdentity({ ...sandbox.identity, allowedActions: [] });
    await service.lock();
    const refused = await sandbox.run(['exec-credential', '--cluster-id', sandbox.clusterId, '--store', 'auto'], {
      env,
    });
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toMatch(/not deleted: .*\[keychain-locked\]\n.*\[ens-not-allowed\]/);
  });
});

test('one refusal counts for ten seconds, and other commands ask all the same', async () => {
  await setUp();
  sandbox.ens.failNext('always', apiError('Forbidden.RAM'));
  const denied = { status: 1, stderr: expect.stringContaining('[ens-not-allowed]') as unknown };
  for (let run = 0; run < 5; run += 1) {
    expect(await sandbox.run(['exec-credential', '--cluster-id', sandbox.clusterId, '--max-age', '1ms'])).toMatchObject(
      denied,
    );
  }
  expect(sandbox.ens.calls()).toBe(2);
  expect(await sandbox.run(['refresh'])).toMatchObject(denied);
  expect(sandbox.ens.calls()).toBe(3);
  sandbox.ens.recover();
  expect(await setUp()).toMatchObject({ status: 0 });
  expect(await askAs()).toMatchObject({ status: 0, stderr: '' });
});

describe('a shell without an identity', () => {
  test('is served the only credential that a shell with variables saved, and shown it', async () => {
    await setUp();
    const { stdout } = await askAs();
    expect(await askAs(noAccessKey)).toEqual({ status: 0, stdout, stderr: '' });
    const shown = await sandbox.run(['status', '-o', 'json'], { env: noAccessKey });
    expect(JSON.parse(shown.stdout)).toMatchObject([
      { identity: `access-key:${sandbox.identity.accessKeyId}`, status: 'ok' },
    ]);
    const due = await sandbox.run(['exec-credential', '--cluster-id', sandbox.clusterId, '--max-age', '1ms'], {
      env: noAccessKey,
    });
    expect(due).toMatchObject({ status: 1, stdout: '' });
    expect(due.stderr).toMatch(/came from access-key:LTAI5tTestAccessKeyId000 \[identity-not-found\]\n/);
  });

  test.each<[string, () => Promise<Environment> | Environment]>([
    [
      'if there are two',
      async () => {
        sandbox.ens.putIdentity(other);
        await askAs(asOther);
        return {};
      },
    ],
    ['with half a pair', () => ({ ALIBABA_CLOUD_ACCESS_KEY_ID: 'LTAI5tHalf' })],
    ['for another endpoint', () => ({ KUBECTL_ECK_ENDPOINT: sandbox.ens.endpoint.replace('127.0.0.1', 'localhost') })],
    ['for a role', () => ({ KUBECTL_ECK_ROLE_ARN: 'acs:ram::1:role/edge' })],
    ['with a profile that is gone', () => ({ KUBECTL_ECK_PROFILE: 'gone' })],
    [
      'once it has expired',
      async () => {
        sandbox.ens.issuing = { lifetimeMs: 2000 };
        await setUp();
        const { notAfter } = changeRecord();
        while (Date.now() < Date.parse(notAfter)) await new Promise((resolve) => setTimeout(resolve, 50));
        return {};
      },
    ],
  ])('is not served %s', async (_, prepare) => {
    await setUp();
    const outcome = await askAs({ ...noAccessKey, ...(await prepare()) });
    expect(outcome).toMatchObject({ status: 1, stdout: '' });
    expect(outcome.stderr).toMatch(/\[identity-(not-found|unusable)\]/);
  });
});

test('a new temporary AccessKey deletes credentials of those that are older than an hour', async () => {
  const temporary = (name: string): Environment => ({
    ALIBABA_CLOUD_ACCESS_KEY_ID: `STS.${name}`,
    ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'a-secret',
  });
  for (const name of ['one', 'two', 'three']) {
    sandbox.ens.putIdentity({ accessKeyId: `STS.${name}`, accessKeySecret: 'a-secret', name });
    await askAs(temporary(name));
    if (name !== 'one') continue;
    const { fetchedAt } = changeRecord({}, 'STS.one');
    changeRecord({ fetchedAt: new Date(Date.parse(fetchedAt) - 3_600_000).toISOString() }, 'STS.one');
  }
  expect(readdirSync(join(cache(), 'credentials'))).toHaveLength(2);
  const records = readdirSync(cache()).filter((each) => each.includes('STS.'));
  expect(records.sort()).toEqual([expect.stringContaining('three'), expect.stringContaining('two')]);
});

test('refresh says that a context is out of date if ENS issues another CA or API server', async () => {
  await setUp();
  const text = readFileSync(sandbox.kubeconfig, 'utf8');
  const warned = (what: string): object => ({
    status: 0,
    stderr: expect.stringMatching(
      new RegExp(`out of date: ENS issues another ${what}\nRun "kubectl eck get-credentials eck-0123abcd"`),
    ) as unknown,
  });
  const otherCa = Buffer.from(sandbox.ens.issued[0]?.certificatePem ?? '').toString('base64');
  writeFileSync(
    sandbox.kubeconfig,
    text.replace(/certificate-authority-data: .*/, `certificate-authority-data: ${otherCa}`),
  );
  expect(await sandbox.run(['refresh'])).toMatchObject(warned('CA'));
  writeFileSync(sandbox.kubeconfig, text.replace(/server: .*/, 'server: https://203.0.113.1:6443'));
  expect(await sandbox.run(['refresh'])).toMatchObject(warned('API server'));
  expect(await setUp()).toMatchObject({ status: 0 });
  expect((await sandbox.run(['refresh'])).stderr).not.toContain('out of date');
});

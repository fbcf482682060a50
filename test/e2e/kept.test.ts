import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { secretServiceCatalog } from '../../src/store/secret-service-catalog.js';
import { apiError } from '../support/ens-faults.js';
import { kernelKeyringRequirement, startSessionKeyring } from '../support/kernel-keyring.js';
import { currentKubectl, type Outcome } from '../support/kubectl.js';
import { describeWith } from '../support/requirements.js';
import { Sandbox } from '../support/sandbox.js';
import { secretServiceRequirement, startSecretService } from '../support/secret-service.js';
import { until } from '../support/tied-process.js';

type Environment = Readonly<Record<string, string | undefined>>;
type Runner = (args: readonly string[], env?: Environment) => Promise<Outcome>;

const other = { accessKeyId: 'LTAI5tOther', accessKeySecret: 'a secret', name: 'other' };
const asOther = {
  ALIBABA_CLOUD_ACCESS_KEY_ID: other.accessKeyId,
  ALIBABA_CLOUD_ACCESS_KEY_SECRET: other.accessKeySecret,
};

let sandbox: Sandbox;
let id: string;

beforeEach(async () => {
  sandbox = await Sandbox.create();
  sandbox.ens.putIdentity(other);
  id = sandbox.clusterId;
});

afterEach(async () => {
  await sandbox.dispose();
});

const run: Runner = (args, env) => sandbox.run(args, env === undefined ? {} : { env });
const cache = (): string => join(sandbox.home, '.kube', 'cache', 'kubectl-eck');
const credentialFiles = (): string[] =>
  existsSync(join(cache(), 'credentials')) ? readdirSync(join(cache(), 'credentials')) : [];

/** What `status -o json` says, without what differs from run to run. */
async function statuses(runner: Runner = run, env?: Environment): Promise<Record<string, unknown>[]> {
  const { status, stdout } = await runner(['status', '-o', 'json'], env);
  expect(status).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>[];
}

async function words(runner: Runner = run, env?: Environment): Promise<unknown[]> {
  return (await statuses(runner, env)).map(({ status }) => status);
}

async function setUp(...args: string[]): Promise<void> {
  expect(await run(['get-credentials', id, ...args])).toMatchObject({ status: 0 });
}

describe('status', () => {
  test('says where to begin, where nothing is kept', async () => {
    const outcome = await run(['status']);
    expect(outcome).toMatchObject({ status: 0, stdout: '' });
    expect(outcome.stderr).toMatch(/^No credential is kept here\. .*get-credentials.*\n$/);
    expect(await run(['status', '-o', 'json'])).toMatchObject({ status: 0, stdout: '[]\n' });
  });

  test('shows what is kept as a table, with times as kubectl shows them', async () => {
    await setUp();
    await run(['exec-credential', '--cluster-id', id], asOther);
    const calls = sandbox.ens.calls();
    const { status, stdout, stderr } = await run(['status']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [heading, ...rows] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    expect(heading).toEqual([
      'CLUSTER',
      'CONTEXT',
      'IDENTITY',
      'STORE',
      'FETCHED',
      'RENEWS',
      'EXPIRES',
      'STATUS',
    ]);
    const times = [expect.stringMatching(/^\d+s ago$/), 'in 11h', 'in 2y364d'];
    expect(rows).toEqual([
      [id, '<none>', `access-key:${other.accessKeyId}`, 'file', ...times, 'no context'],
      [id, `*${id}`, `access-key:${sandbox.identity.accessKeyId}`, 'file', ...times, 'ok'],
    ]);
    expect((await run(['status', '--no-headers'])).stdout.split('\n')).toHaveLength(3);
    expect((await run(['status', '-o', 'wide'])).stdout).toContain('O=system:masters, CN=other');
    expect(sandbox.ens.calls()).toBe(calls);
  });

  test('tells dates and names to programs, and no key', async () => {
    await setUp('--context', 'edge');
    const { stdout } = await run(['status', 'edge', '-o', 'yaml']);
    const [issued] = sandbox.ens.issued;
    expect(parse(stdout)).toEqual([
      {
        clusterId: id,
        contexts: ['edge'],
        isCurrentContext: true,
        identity: `access-key:${sandbox.identity.accessKeyId}`,
        endpoint: sandbox.ens.endpoint,
        store: 'file',
        status: 'ok',
        certificateSubject: 'O=system:masters, CN=someone',
        fetchedAt: expect.stringMatching(/^\d{4}-.*Z$/),
        renewsAt: expect.stringMatching(/^\d{4}-.*Z$/),
        notBefore: expect.stringMatching(/^\d{4}-.*Z$/),
        notAfter: expect.stringMatching(/^\d{4}-.*Z$/),
      },
    ]);
    expect(await statuses()).toEqual(parse(stdout));
    expect(stdout).not.toContain('PRIVATE');
    expect(issued?.privateKeyPem).toContain('PRIVATE');
  });

  test('tells identities and endpoints apart', async () => {
    const byName = sandbox.ens.endpoint.replace('127.0.0.1', 'localhost');
    await setUp();
    await setUp('--endpoint', byName, '--context', 'by-name');
    expect((await statuses()).map(({ endpoint, contexts }) => [endpoint, contexts])).toEqual(
      [
        [sandbox.ens.endpoint, [id]],
        [byName, ['by-name']],
      ].sort(([one = ''], [another = '']) => (one < another ? -1 : 1)),
    );
  });

  test('tells what has expired, what is gone, and what was never kept', async () => {
    sandbox.ens.issuing = { lifetimeMs: 2000 };
    await setUp();
    sandbox.ens.issuing = {};
    await setUp(
      '--endpoint',
      sandbox.ens.endpoint.replace('127.0.0.1', 'localhost'),
      '--store',
      'none',
      '--context',
      'none',
    );
    await until('the certificate’s end', async () =>
      (await words()).includes('expired') ? true : undefined,
    );
    expect((await words()).sort()).toEqual(['expired', 'not kept']);
    rmSync(join(cache(), 'credentials'), { recursive: true });
    expect((await words()).sort()).toEqual(['gone', 'not kept']);
  });

  test('tells what is due, by the age that the context wants', async () => {
    await setUp('--max-age', '1ms');
    expect(await words()).toEqual(['due']);
    expect((await run(['status'])).stdout).toMatch(/ now {3}/);
  });

  test('a damaged file is as good as none', async () => {
    await setUp();
    const [file = ''] = credentialFiles();
    copyFileSync(sandbox.kubeconfig, join(cache(), 'credentials', file));
    expect(await words()).toEqual(['gone']);
  });

  test('a kubeconfig that cannot be read is a warning', async () => {
    await setUp();
    await sandbox.writeHome('.kube/config', 'clusters: {');
    const outcome = await run(['status', '-o', 'json']);
    expect(outcome).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/^kubectl-eck: .*not a usable kubeconfig.*\n$/),
    });
    expect(JSON.parse(outcome.stdout)).toMatchObject([{ clusterId: id, status: 'no context', contexts: [] }]);
  });

  test('where what is remembered cannot be used, contexts still lead to what is kept', async () => {
    await setUp();
    chmodSync(cache(), 0o755);
    expect(await statuses()).toMatchObject([{ clusterId: id, store: 'file', status: 'ok' }]);
  });

  test('a cluster that is not known is an error', async () => {
    await setUp();
    expect(await run(['status', 'eck-9'])).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^kubectl-eck: .*"eck-9".*\[not-kept\]\n$/),
    });
  });
});

describe('refresh', () => {
  const fetchedAt = async () => (await statuses()).map((status) => status['fetchedAt']);

  test('fetches the current context’s credential, and kubectl gets the new one', async () => {
    await setUp();
    const before = await fetchedAt();
    const outcome = await run(['refresh']);
    expect(outcome).toMatchObject({ status: 0, stdout: '' });
    expect(outcome.stderr).toMatch(
      new RegExp(`^${id}: fetched for access-key:.*valid until \\d{4}-\\d\\d-\\d\\d\\n$`),
    );
    expect(await fetchedAt()).not.toEqual(before);
    const { stdout } = await run(['exec-credential', '--cluster-id', id]);
    const { status } = JSON.parse(stdout) as { status: { clientKeyData: string } };
    expect(status.clientKeyData).toBe(sandbox.ens.issued[1]?.privateKeyPem);
    expect(sandbox.ens.calls()).toBe(2);
  });

  test('fetches each credential as the identity that it is kept for, or says why it cannot', async () => {
    await setUp();
    await run(['exec-credential', '--cluster-id', id], asOther);
    const outcome = await run(['refresh', '--all']);
    expect(outcome.status).toBe(1);
    expect(outcome.stderr).toMatch(
      new RegExp(`kept for access-key:${other.accessKeyId}, which is not .*\\[identity-unusable\\]`),
    );
    expect(outcome.stderr).toContain(`fetched for access-key:${sandbox.identity.accessKeyId}`);
    expect(sandbox.ens.issued.at(-1)?.accessKeyId).toBe(sandbox.identity.accessKeyId);
    expect(await run(['refresh', id, '--profile', 'work'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('[not-cached]'),
    });
  });

  test('in an outage fails, asks again all the same, and leaves what is kept', async () => {
    await setUp();
    const before = await fetchedAt();
    sandbox.ens.failNext('always', apiError('ServiceUnavailable'));
    // Kubectl would not try again for a minute after the first.
    for (const attempt of ['first', 'second']) {
      const seen = sandbox.ens.calls();
      const outcome = await run(['refresh', '--timeout', '300ms']);
      expect(outcome.status).toBe(1);
      expect(outcome.stderr).toMatch(/is still kept, and valid until \d{4}-.* \[ens-unavailable\]\n$/);
      expect([attempt, sandbox.ens.calls() > seen]).toEqual([attempt, true]);
    }
    expect(await fetchedAt()).toEqual(before);
    sandbox.ens.recover();
    expect(await run(['refresh'])).toMatchObject({ status: 0 });
  });

  test('where ENS says no, what is kept is deleted, and it says so', async () => {
    await setUp();
    sandbox.ens.putIdentity({ ...sandbox.identity, allowedActions: [] });
    const outcome = await run(['refresh']);
    expect(outcome).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/has been deleted \[ens-not-allowed\]\n$/),
    });
    expect(credentialFiles()).toEqual([]);
    expect(await words()).toEqual(['not kept']);
  });

  test('several at once ask ENS once', async () => {
    await setUp();
    sandbox.ens.latencyMs = 3000;
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => run(['refresh', '--timeout', '30s'])));
    expect(outcomes.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
    expect(sandbox.ens.calls()).toBe(2);
  });

  test('without a context of ours it is wrong usage', async () => {
    expect(await run(['refresh'])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/--all \[usage\]\n$/),
    });
    expect(await run(['refresh', '--all'])).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('get-credentials'),
    });
  });
});

describe('logout', () => {
  test('forgets the current context’s cluster, for every identity, and leaves the context', async () => {
    await setUp();
    await run(['exec-credential', '--cluster-id', id], asOther);
    const outcome = await run(['logout']);
    expect(outcome).toMatchObject({ status: 0, stdout: '' });
    expect(outcome.stderr).toMatch(/Context eck-0123abcd stays.*--remove-contexts/);
    expect(outcome.stderr.match(/is forgotten \(file\)/g)).toHaveLength(2);
    expect(outcome.stderr).toMatch(/stays valid at its API server.*\n$/);
    expect(credentialFiles()).toEqual([]);
    expect(readdirSync(cache())).toEqual(['credentials']);
    expect(await words()).toEqual(['not kept']);
  });

  test('forgets only those that were chosen', async () => {
    await setUp();
    await setUp('--endpoint', sandbox.ens.endpoint.replace('127.0.0.1', 'localhost'), '--context', 'by-name');
    expect(await run(['logout', 'by-name'])).toMatchObject({ status: 0 });
    expect((await words()).sort()).toEqual(['not kept', 'ok']);
    expect(await run(['logout', id, '--from-store', 'kernel'])).toMatchObject({ status: 0 });
    expect((await words()).sort()).toEqual(['not kept', 'ok']);
  });

  test('finds by its settings what nothing tells of any more', async () => {
    await run(['exec-credential', '--cluster-id', id]);
    for (const name of readdirSync(cache()))
      if (name !== 'credentials') rmSync(join(cache(), name), { recursive: true });
    expect(credentialFiles()).toHaveLength(1);
    expect(await run(['logout', id])).toMatchObject({ status: 0 });
    expect(credentialFiles()).toEqual([]);
    expect(await run(['logout', id])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('[not-cached]'),
    });
  });

  test('--all leaves nothing of this program but contexts', async () => {
    await setUp();
    await run(['exec-credential', '--cluster-id', id], asOther);
    await run(['exec-credential', '--cluster-id', id], {
      KUBECTL_ECK_STORE: 'auto',
      DBUS_SESSION_BUS_ADDRESS: 'unix:path=/none',
    });
    const [file = ''] = credentialFiles();
    copyFileSync(join(cache(), 'credentials', file), join(cache(), 'credentials', 'f'.repeat(64)));
    const outcome = await run(['logout', '--all']);
    expect(outcome.status).toBe(0);
    expect(outcome.stderr).toContain('1 more were kept that nothing told of');
    expect(existsSync(cache())).toBe(false);
    expect(await sandbox.filesWithIssuedKeys()).toEqual([]);
    expect(await run(['logout', '--all'])).toMatchObject({ status: 0 });
  });

  test('--all goes on where a store fails, tells of it, and fails', async () => {
    await setUp();
    rmSync(join(cache(), 'credentials'), { recursive: true });
    await sandbox.writeHome('.kube/cache/kubectl-eck/credentials', 'a file in the way');
    const outcome = await run(['logout', '--all']);
    expect(outcome.status).toBe(1);
    expect(outcome.stderr).toMatch(/the credential of eck-0123abcd is not forgotten: .*\[keychain-refused\]/);
    expect(await words()).toEqual(['unknown']);
  });

  test('a process that is fetching meanwhile does not bring the credential back', async () => {
    await setUp();
    // With nothing to fall back on, it waits for ENS for longer than logout waits for it.
    rmSync(join(cache(), 'credentials'), { recursive: true });
    sandbox.ens.latencyMs = 5000;
    const seen = sandbox.ens.calls();
    const fetching = run(['exec-credential', '--cluster-id', id]);
    await sandbox.ens.waitForCalls(seen + 1);
    expect(await run(['logout'])).toMatchObject({ status: 0 });
    expect(await fetching).toMatchObject({ status: 0, stderr: '' });
    expect(credentialFiles()).toEqual([]);
  });

  test('--remove-contexts takes out what this plugin wrote, and nothing else', async () => {
    const theirs =
      '# mine\napiVersion: v1\nkind: Config\ncontexts:\n- {name: theirs, context: {cluster: c, user: u}} # kept\ncurrent-context: theirs\n';
    await sandbox.writeHome('.kube/config', theirs);
    await setUp('--context', 'edge', '--keep-current-context');
    await setUp();
    const outcome = await run(['logout', '--all', '--remove-contexts']);
    expect(outcome.status).toBe(0);
    expect(outcome.stderr).toMatch(/Context edge is taken out/);
    expect(outcome.stderr).toMatch(/No context is the current one now/);
    expect(readFileSync(sandbox.kubeconfig, 'utf8')).toBe(
      theirs.replace('current-context: theirs', 'current-context: ""') + 'clusters:\nusers:\n',
    );
  });
});

describeWith([currentKubectl], 'kubectl', () => {
  test('after logout has a credential fetched again', async () => {
    await setUp();
    await run(['logout']);
    expect(await sandbox.kubectl(currentKubectl.kubectl, ['get', 'nodes'])).toMatchObject({ status: 0 });
    expect(await words()).toEqual(['ok']);
  });
});

describeWith([kernelKeyringRequirement], 'with the kernel keyring', () => {
  test('status, refresh and logout find what is kept', async () => {
    const keyring = await startSessionKeyring();
    try {
      const inKeyring: Runner = (args, env) =>
        keyring.run(['kubectl-eck', ...args], sandbox.environment({ KUBECTL_ECK_STORE: undefined, ...env }));
      await inKeyring(['get-credentials', id]);
      expect(await statuses(inKeyring)).toMatchObject([{ store: 'kernel', status: 'ok' }]);
      expect(await inKeyring(['refresh'])).toMatchObject({ status: 0 });
      expect(await inKeyring(['logout', '--all'])).toMatchObject({
        status: 0,
        stderr: expect.stringContaining('is forgotten (kernel)'),
      });
      expect(existsSync(cache())).toBe(false);
      const list = 'for key in $(keyctl rlist @s); do keyctl rdescribe $key; done';
      expect((await keyring.run(['/bin/sh', '-c', list], process.env)).stdout).not.toContain(id);
      expect(await words(inKeyring)).toEqual(['not kept']);
    } finally {
      await keyring.stop();
    }
  });
});

describeWith([secretServiceRequirement], 'with a Secret Service', () => {
  test('status tells without unlocking it, and logout --all leaves nothing in it', async () => {
    const service = await startSecretService({ prompts: 'unanswered' });
    const accounts = async () => {
      const catalog = secretServiceCatalog(service.environment);
      return catalog.accounts().finally(() => {
        catalog.close();
      });
    };
    try {
      const inSession: Runner = (args, env) =>
        run(args, { ...service.environment, KUBECTL_ECK_STORE: undefined, ...env });
      await inSession(['get-credentials', id]);
      await inSession(['exec-credential', '--cluster-id', id], asOther);
      expect(await words(inSession)).toEqual(['no context', 'ok']);
      expect(await accounts()).toHaveLength(2);
      // Where nothing is remembered of one.
      for (const name of readdirSync(cache()))
        if (name.includes(other.accessKeyId)) rmSync(join(cache(), name), { recursive: true });
      expect(await inSession(['logout', '--all'])).toMatchObject({
        status: 0,
        stderr: expect.stringContaining('1 more were kept'),
      });
      expect(await accounts()).toEqual([]);
      expect(existsSync(cache())).toBe(false);

      await inSession(['get-credentials', id]);
      await service.lock();
      // A question for the password would not be answered, and the run would take five seconds and warn.
      expect(await inSession(['status', '-o', 'json'])).toMatchObject({ status: 0, stderr: '' });
      expect(await words(inSession)).toEqual(['locked']);
      expect(
        await words(inSession, { DBUS_SESSION_BUS_ADDRESS: undefined, XDG_RUNTIME_DIR: undefined }),
      ).toEqual(['unknown']);
    } finally {
      await service.stop();
    }
  });

  test('a locked one makes logout fail, and is still remembered', async () => {
    const service = await startSecretService();
    try {
      const inSession: Runner = (args) => run(args, { ...service.environment, KUBECTL_ECK_STORE: undefined });
      await inSession(['get-credentials', id]);
      await service.lock();
      const outcome = await inSession(['logout', '--all']);
      expect(outcome.status).toBe(1);
      expect(outcome.stderr.match(/\[keychain-(locked|timeout)\]/g)).toHaveLength(1);
      expect(await words(inSession)).toEqual(['locked']);
    } finally {
      await service.stop();
    }
  });
});

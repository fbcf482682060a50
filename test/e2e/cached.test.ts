import { beforeEach, describe, expect, test } from '@jest/globals';
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { apiError } from '../support/ens-faults.js';
import type { Outcome } from '../support/kubectl.js';
import { describeWith } from '../support/requirements.js';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { asOther, other } from '../support/sandbox.js';
import { secretServiceRequirement, startSecretService } from '../support/secret-service.js';
import { stopAfterTest } from '../support/stop-after-test.js';

type Environment = Readonly<Record<string, string | undefined>>;
type Runner = (args: readonly string[], env?: Environment) => Promise<Outcome>;

let id: string;

useSandbox();
beforeEach(() => {
  sandbox.ens.putIdentity(other);
  id = sandbox.clusterId;
});

const run: Runner = (args, env) => sandbox.run(args, env === undefined ? {} : { env });
const cache = (): string => join(sandbox.home, '.kube', 'cache', 'kubectl-eck');
const credentialFiles = (): string[] =>
  existsSync(join(cache(), 'credentials')) ? readdirSync(join(cache(), 'credentials')) : [];

async function statuses(runner: Runner = run, env?: Environment): Promise<Record<string, unknown>[]> {
  const { status, stdout } = await runner(['status', '-o', 'json'], env);
  expect(status).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>[];
}

async function words(runner: Runner = run): Promise<unknown[]> {
  return (await statuses(runner)).map(({ status }) => status);
}

async function setUp(...args: string[]): Promise<void> {
  expect(await run(['get-credentials', id, ...args])).toMatchObject({ status: 0 });
}

/** Removes the records, as if they had been lost. */
function loseRecords(): void {
  for (const name of readdirSync(cache())) {
    if (name !== 'credentials') rmSync(join(cache(), name), { recursive: true });
  }
}

describe('status', () => {
  test('without a cached credential says where to begin', async () => {
    const outcome = await run(['status']);
    expect(outcome).toMatchObject({ status: 0, stdout: '' });
    expect(outcome.stderr).toMatch(/^No credential is cached here\. .*get-credentials.*\n$/);
    expect(await run(['status', '-o', 'json'])).toMatchObject({ status: 0, stdout: '[]\n' });
  });

  test('shows a table with times as kubectl shows them, and calls nothing', async () => {
    await setUp();
    await run(['exec-credential', '--cluster-id', id], asOther);
    const calls = sandbox.ens.calls();
    const { status, stdout, stderr } = await run(['status']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    const times = [expect.stringMatching(/^\d+s ago$/), 'in 11h', 'in 2y364d'];
    expect(rows).toEqual([
      ['NAME', 'ID', 'CONTEXT', 'IDENTITY', 'STORE', 'FETCHED', 'RENEWS', 'EXPIRES', 'STATUS'],
      ['<none>', id, '<none>', `access-key:${other.accessKeyId}`, 'file', ...times, 'no context'],
      [id, id, `*${id}`, `access-key:${sandbox.identity.accessKeyId}`, 'file', ...times, 'ok'],
    ]);
    expect(sandbox.ens.calls()).toBe(calls);
  });

  test('as a document has dates and names, and no key', async () => {
    await setUp('--context', 'edge');
    const { stdout } = await run(['status', 'edge', '-o', 'yaml']);
    const date = expect.stringMatching(/^\d{4}-.*Z$/) as unknown;
    expect(parse(stdout)).toEqual([
      {
        clusterId: id,
        clusterName: null,
        contexts: ['edge'],
        isCurrentContext: true,
        identity: `access-key:${sandbox.identity.accessKeyId}`,
        endpoint: sandbox.ens.endpoint,
        store: 'file',
        status: 'ok',
        certificateSubject: 'O=system:masters, CN=someone',
        fetchedAt: date,
        renewsAt: date,
        notBefore: date,
        notAfter: date,
      },
    ]);
    expect(await statuses()).toEqual(parse(stdout));
    expect(stdout).not.toContain('PRIVATE');
  });

  test('shows what is due and not cached', async () => {
    await setUp('--max-age', '1ms');
    expect(await words()).toEqual(['due']);
    expect((await run(['status'])).stdout).toMatch(/ now {3}/);
    loseRecords();
    expect(await words()).toEqual(['not cached']);
  });

  test('warns of a kubeconfig that cannot be read', async () => {
    await setUp();
    await sandbox.writeHome('.kube/config', 'clusters: {');
    const outcome = await run(['status', '-o', 'json']);
    expect(outcome.stderr).toMatch(/^warning: .*kubeconfig.*\n$/);
    expect(outcome.status).toBe(0);
    expect(JSON.parse(outcome.stdout)).toMatchObject([{ clusterId: id, status: 'no context', contexts: [] }]);
  });

  test('of an unknown cluster is an error', async () => {
    const outcome = await run(['status', 'eck-9']);
    expect(outcome).toMatchObject({ status: 1, stdout: '' });
    expect(outcome.stderr).toMatch(/^error: .*"eck-9".*\[not-cached\]\n.*get-credentials"\n$/);
  });
});

describe('refresh', () => {
  const fetchedAt = async () => (await statuses()).map((status) => status['fetchedAt']);

  test('fetches the credential of the current context, and kubectl gets it', async () => {
    await setUp();
    const before = await fetchedAt();
    const outcome = await run(['refresh']);
    expect(outcome).toMatchObject({ status: 0, stdout: '' });
    expect(outcome.stderr).toMatch(/^eck-0123abcd: fetched for access-key:.*valid until \d{4}-\S+ \d\d:\d\d\n$/);
    expect(await fetchedAt()).not.toEqual(before);
    const { stdout } = await run(['exec-credential', '--cluster-id', id]);
    const { status } = JSON.parse(stdout) as { status: { clientKeyData: string } };
    expect(status.clientKeyData).toBe(sandbox.ens.issued[1]?.privateKeyPem);
    expect(sandbox.ens.calls()).toBe(2);
  });

  test('by several processes at once asks ENS once', async () => {
    await setUp();
    sandbox.ens.latencyMs = 3000;
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => run(['refresh', '--timeout', '30s'])));
    expect(outcomes.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
    expect(sandbox.ens.calls()).toBe(2);
  });

  test('fetches each credential with its own identity, or says why it cannot', async () => {
    await setUp();
    await run(['exec-credential', '--cluster-id', id], asOther);
    const outcome = await run(['refresh', '--all']);
    expect(outcome.status).toBe(1);
    const whose = `belongs to access-key:${other.accessKeyId}, which is not`;
    expect(outcome.stderr).toMatch(new RegExp(`${whose} .*\\[identity-unusable\\]\\n.*logout`));
    expect(outcome.stderr).toContain(`fetched for access-key:${sandbox.identity.accessKeyId}`);
    expect(sandbox.ens.issued.at(-1)?.accessKeyId).toBe(sandbox.identity.accessKeyId);
    const missing = await run(['refresh', id, '--profile', 'work']);
    expect(missing).toMatchObject({ status: 1, stderr: expect.stringContaining('[not-cached]') });
  });

  test('in an outage fails, asks again all the same, and leaves the cached credential', async () => {
    await setUp();
    const before = await fetchedAt();
    sandbox.ens.failNext('always', apiError('ServiceUnavailable'));
    // exec-credential would not ask again for a minute after the first.
    for (const attempt of ['first', 'second']) {
      const seen = sandbox.ens.calls();
      const outcome = await run(['refresh', '--timeout', '300ms']);
      expect(outcome.status).toBe(1);
      expect(outcome.stderr).toMatch(/the cached credential is valid until \d{4}-.* \[ens-unavailable\]\n/);
      expect([attempt, sandbox.ens.calls() > seen]).toEqual([attempt, true]);
    }
    expect(await fetchedAt()).toEqual(before);
    sandbox.ens.recover();
    expect(await run(['refresh'])).toMatchObject({ status: 0 });
  });

  test('that is refused deletes the cached credential, and says so', async () => {
    await setUp();
    sandbox.ens.putIdentity({ ...sandbox.identity, allowedActions: [] });
    const outcome = await run(['refresh']);
    expect(outcome.status).toBe(1);
    expect(outcome.stderr).toMatch(/the cached credential was deleted \[ens-not-allowed\]\n/);
    expect(credentialFiles()).toEqual([]);
    expect(await words()).toEqual(['not cached']);
  });

  test('without a context of ours is wrong usage', async () => {
    const usage = expect.stringMatching(/\[usage\]\n.*--all\n$/) as unknown;
    expect(await run(['refresh'])).toMatchObject({ status: 2, stderr: usage });
    const all = await run(['refresh', '--all']);
    expect(all).toMatchObject({ status: 0, stderr: expect.stringContaining('get-credentials') });
  });
});

describe('logout', () => {
  test("deletes the credentials of the current context's cluster for every identity, and leaves the context", async () => {
    await setUp();
    await run(['exec-credential', '--cluster-id', id], asOther);
    const outcome = await run(['logout']);
    expect(outcome).toMatchObject({ status: 0, stdout: '' });
    expect(outcome.stderr).toMatch(/contexts remain .*--remove-contexts.*: eck-0123abcd\n/);
    expect(outcome.stderr.match(/^Deleted the credential of .* \(file\)\.$/gm)).toHaveLength(2);
    expect(outcome.stderr).toMatch(/stays valid until it expires or is revoked.*\n$/);
    expect(credentialFiles()).toEqual([]);
    expect(await words()).toEqual(['logged out']);
  });

  test('deletes only those that were named', async () => {
    await setUp();
    await setUp('--endpoint', sandbox.ens.endpoint.replace('127.0.0.1', 'localhost'), '--context', 'by-name');
    expect(await run(['logout', 'by-name'])).toMatchObject({ status: 0 });
    expect((await words()).sort()).toEqual(['logged out', 'ok']);
  });

  test('finds a credential without a record by its settings', async () => {
    await run(['exec-credential', '--cluster-id', id]);
    loseRecords();
    expect(credentialFiles()).toHaveLength(1);
    expect(await run(['logout', id])).toMatchObject({ status: 0 });
    expect(credentialFiles()).toEqual([]);
    const again = await run(['logout', id]);
    expect(again).toMatchObject({ status: 1, stderr: expect.stringContaining('[not-cached]') });
  });

  test('--all leaves nothing of this program but contexts, and that it lasts', async () => {
    await setUp();
    await run(['exec-credential', '--cluster-id', id], asOther);
    const noStore = { KUBECTL_ECK_STORE: 'auto', DBUS_SESSION_BUS_ADDRESS: 'unix:path=/none' };
    await run(['exec-credential', '--cluster-id', id], noStore);
    const [file = ''] = credentialFiles();
    copyFileSync(join(cache(), 'credentials', file), join(cache(), 'credentials', 'f'.repeat(64)));
    const outcome = await run(['logout', '--all']);
    expect(outcome.status).toBe(0);
    expect(outcome.stderr).toContain('Credentials without a record that were deleted, too: 1\n');
    expect(credentialFiles()).toEqual([]);
    for (const name of readdirSync(cache())) {
      if (name !== 'credentials') expect(readdirSync(join(cache(), name))).toEqual(['ending.json']);
    }
    expect(await sandbox.filesWithIssuedKeys()).toEqual([]);
    expect(await run(['logout', '--all'])).toMatchObject({ status: 0 });
  });

  test('--all goes on where a store fails, says so, and fails', async () => {
    await setUp();
    rmSync(join(cache(), 'credentials'), { recursive: true });
    await sandbox.writeHome('.kube/cache/kubectl-eck/credentials', 'a file in the way');
    const outcome = await run(['logout', '--all']);
    expect(outcome.status).toBe(1);
    expect(outcome.stderr.match(/\[keychain-refused\]/g)).toHaveLength(1);
    expect(outcome.stderr).toMatch(/the credential of eck-0123abcd for .* is not deleted: /);
    expect(await words()).toEqual(['not deleted']);
  });

  test('--remove-contexts removes the entries of this plugin, and nothing else', async () => {
    const theirs =
      '# mine\napiVersion: v1\nkind: Config\ncontexts:\n- {name: theirs, context: {cluster: c, user: u}} # kept\ncurrent-context: theirs\n';
    await sandbox.writeHome('.kube/config', theirs);
    await setUp('--context', 'edge', '--keep-current-context');
    await setUp();
    const outcome = await run(['logout', '--all', '--remove-contexts']);
    expect(outcome.status).toBe(0);
    expect(outcome.stderr).toMatch(/^Removed from the kubeconfig: edge$/m);
    expect(outcome.stderr).toMatch(/There is no current context now/);
    const written = readFileSync(sandbox.kubeconfig, 'utf8');
    expect(written).toContain(theirs.slice(0, theirs.indexOf('current-context')));
    expect(parse(written)).toMatchObject({ 'current-context': '', clusters: null, users: null });
  });
});

describeWith([secretServiceRequirement], 'with a Secret Service', () => {
  test('status does not unlock it, and logout --all leaves nothing in it', async () => {
    const service = stopAfterTest(await startSecretService({ prompts: 'unanswered' }));
    const inSession: Runner = (args, env) =>
      run(args, { ...service.environment, KUBECTL_ECK_STORE: undefined, ...env });
    await inSession(['get-credentials', id]);
    await inSession(['exec-credential', '--cluster-id', id], asOther);
    expect(await words(inSession)).toEqual(['no context', 'ok']);
    const items = () => service.items("'service': 'kubectl-eck'");
    expect(await items()).toHaveLength(2);
    for (const name of readdirSync(cache())) {
      if (name.includes(other.accessKeyId)) rmSync(join(cache(), name), { recursive: true });
    }
    const outcome = await inSession(['logout', '--all']);
    expect(outcome).toMatchObject({ status: 0, stderr: expect.stringContaining('deleted, too: 1\n') });
    expect(await items()).toEqual([]);

    await inSession(['get-credentials', id]);
    await service.lock();
    // The prompt is not answered: a command that unlocks would take five seconds and warn.
    expect(await inSession(['status', '-o', 'json'])).toMatchObject({ status: 0, stderr: '' });
  });
});

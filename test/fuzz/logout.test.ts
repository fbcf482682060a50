import fs from 'node:fs';
import { afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import type { ClientCredential } from '../../src/credential/client-credential.js';
import type { EnsClient } from '../../src/ens/client.js';
import { EckError, messageOf } from '../../src/errors.js';
import { readSettings } from '../../src/settings.js';
import type * as kernel from '../../src/store/kernel.js';
import { issueCredential } from '../exec-credential/fixtures.js';
import { clusters, newKeyring, Outside } from './outside.js';
import { holdsLater, runs } from './property.js';
import { weighted, words } from './values.js';

let outside: Outside;
let template: ClientCredential;
/** What the last command printed. */
let output = '';

jest.mock('../../src/store/keychain.js', () => ({ openKeychain: () => outside.openKeychain() }));
jest.mock('../../src/store/kernel.js', () => {
  const actual = jest.requireActual<typeof kernel>('../../src/store/kernel.js');
  return { openKernelKeyring: () => outside.openKernelKeyring(actual) };
});
jest.mock('../../src/ens/client.js', () => ({ openClient: () => Promise.resolve({}) }));
jest.mock('../../src/ens/actions.js', () => ({ issueCredential: () => outside.issue() }));
jest.mock('../../src/ens/api-server.js', () => ({
  isRejectedBy: () => Promise.resolve(outside.isRejecting),
}));
/** Imported after its parts are replaced. */
const loadProgram = async () => ({
  ...(await import('../../src/commands/get-credentials/set-up.js')),
  ...(await import('../../src/commands/logout.js')),
  ...(await import('../../src/commands/refresh.js')),
  ...(await import('../../src/exec-credential/answer.js')),
});

beforeAll(async () => {
  template = await issueCredential(new Date());
});
beforeEach(() => {
  const write = fs.writeSync as (...args: unknown[]) => number;
  jest.spyOn(fs, 'writeSync').mockImplementation((...args: unknown[]) => {
    if (Number(args[0]) > 2) return write(...args);
    output += String(args[1]);
    return Buffer.byteLength(String(args[1]));
  });
});
afterEach(() => {
  jest.restoreAllMocks();
});

/** Runs a command. @returns what it printed if it failed */
async function run(command: () => Promise<unknown>): Promise<string | undefined> {
  output = '';
  process.exitCode = 0;
  const error = await command().catch((thrown: unknown) => thrown);
  if (error instanceof EckError) output += `${messageOf(error)} [${error.code}]`;
  const isFailure = error instanceof Error || process.exitCode !== 0;
  process.exitCode = 0;
  if (error instanceof Error && !(error instanceof EckError)) throw error;
  return isFailure ? output : undefined;
}

/** What happens besides commands. */
const events: Record<string, () => void> = {
  lock: () => (outside.isLocked = !outside.isLocked),
  stop: () => (outside.bus = outside.bus === 'running' ? 'stopped' : 'running'),
  hang: () => {
    outside.bus = outside.bus === 'running' ? 'hangs' : 'running';
    // It counts by the machine's clock, so it would last until the end of the test.
    fs.rmSync(`${outside.directory}/.kube/cache/kubectl-eck/keychain-timeout`, { force: true });
  },
  'new-session': () => outside.sessions.push((outside.session = newKeyring())),
  'other-session': () => (outside.session = outside.sessions.find((each) => each !== outside.session)),
  'no-session': () => (outside.session = undefined),
  'end-session': () => {
    const { session, sessions } = outside;
    if (session) sessions.splice(sessions.indexOf(session), 1);
    outside.session = undefined;
  },
  refuse: () => (outside.isRefusing = !outside.isRefusing),
  reject: () => (outside.isRejecting = !outside.isRejecting),
};
const cluster = words('eck-1 eck-1 eck-1 eck-2');
const store = words('auto auto auto keychain kernel file none');
const step = weighted<string[]>(
  [4, fc.tuple(fc.constant('save'), cluster, store)],
  [8, fc.tuple(fc.constant('ask'), cluster, store)],
  [1, fc.tuple(fc.constant('refresh'), cluster)],
  [3, fc.tuple(fc.constant('logout'), words('eck-1 eck-1 eck-2 --all'))],
  [9, words(`${Object.keys(events).join(' ')} lock stop refuse`).map((event) => [event])],
);
const waitSeconds = fc.constantFrom(1, 1, 11, 61, 13 * 3600);
const steps = fc.array(fc.tuple(waitSeconds, step), { maxLength: 40, size: 'max' });

test('a logout that succeeds leaves no copy, and lasts; what it or a refusal ended is not served', async () => {
  const seen = { deleted: 0, failed: 0, refused: 0, served: 0 };
  const { answerKubectl, logoutCommand, refreshCommand, setUpClusters } = await loadProgram();
  const loggedOut = new Set<string>();
  /** When each cluster was last refused or logged out of. */
  const endedMs = new Map<string, number>();

  const commands: Record<string, (id: string, store: string, hasContexts: boolean) => Promise<void>> = {
    async save(id, store) {
      const settings = readSettings({ profile: 'me', store }, {});
      const client = { settings, endpoint: { kind: 'default' }, signer: { profile: { name: 'me' } } };
      const options = { execApiVersion: 'client.authentication.k8s.io/v1' } as const;
      const { setUps } = await setUpClusters([{ clusterId: id }], options, client as EnsClient, outside.world);
      if (setUps.length > 0) loggedOut.delete(id);
    },
    async ask(id, store) {
      const args = { clusterId: id, settings: { store }, execApiVersion: undefined };
      const failure = await run(() => answerKubectl(args, outside.world));
      if (loggedOut.has(id)) expect(failure).toContain('[logged-out]');
      else if (failure === undefined) {
        const [, key = ''] = /\\n(\w+=*)\\n-----END (?:\w+ )?PRIVATE/.exec(output) ?? [];
        const issuedMs = outside.issued[Number(Buffer.from(key, 'base64').toString())];
        expect(issuedMs).toBeGreaterThan(endedMs.get(id) ?? 0);
        seen.served += 1;
      } else if (failure.includes('[ens-not-allowed]') && !failure.includes('asked again in')) {
        endedMs.set(id, outside.nowMs);
        seen.refused += 1;
      }
    },
    async refresh(id) {
      const failure = await run(() => refreshCommand(outside.world).parseAsync([id], { from: 'user' }));
      if (output.includes('fetched for')) loggedOut.delete(id);
      else if (failure?.includes('[ens-not-allowed]')) endedMs.set(id, outside.nowMs);
    },
    async logout(name, _store, hasContexts) {
      const chosen = name === '--all' ? clusters : [name];
      const copies = (): string[] => chosen.flatMap((id) => outside.copiesOf(id));
      const hadCopies = copies().length > 0;
      const canDelete = chosen.every((id) => outside.canDelete(id));
      const known = chosen.filter((id) => hasContexts || outside.copiesOf(id).length > 0);
      const failure = await run(() => logoutCommand(outside.world).parseAsync([name], { from: 'user' }));
      if (failure === undefined) expect(copies()).toEqual([]);
      else if (hadCopies && canDelete) throw new Error(`it fails for no reason: ${failure}`);
      if (hadCopies) seen[failure === undefined ? 'deleted' : 'failed'] += 1;
      for (const id of known) endedMs.set(id, outside.nowMs);
      for (const id of known) loggedOut.add(id);
    },
  };

  const numRuns = Math.max(100, runs / 20);
  await holdsLater(
    fc.tuple(fc.boolean(), fc.boolean(), steps),
    async ([hasPersistentKeyring, hasContexts, taken]) => {
      outside = new Outside(hasPersistentKeyring, hasContexts, template);
      loggedOut.clear();
      endedMs.clear();
      try {
        for (const [seconds, [name = '', id = '', store = '']] of taken) {
          outside.nowMs += seconds * 1000;
          events[name]?.();
          await commands[name]?.(id, store, hasContexts);
        }
      } finally {
        fs.rmSync(outside.directory, { recursive: true, force: true });
      }
    },
    numRuns,
  );
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(numRuns / 5);
});

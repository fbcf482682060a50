import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheKeyText } from '../../src/credential/cache-key.js';
import type { ClientCredential } from '../../src/credential/client-credential.js';
import { EckError } from '../../src/errors.js';
import type * as kernel from '../../src/store/kernel.js';
import { StoreError, type Store } from '../../src/store/store.js';
import { FakeWorld } from '../exec-credential/fixtures.js';

export const clusters = ['eck-1', 'eck-2'];
const keyOf = (clusterId: string): string =>
  cacheKeyText({ endpoint: { kind: 'default' }, identity: { kind: 'profile', name: 'me' }, clusterId });

type Keyring = Map<string, { secret: Uint8Array }>;
export const newKeyring = (): Keyring => new Map<string, { secret: Uint8Array }>();

/** What is outside of the program: the stores, ENS and the clock. The store `file`, records and kubeconfig are real. */
export class Outside {
  readonly keychain = new Map<string, Uint8Array>();
  isLocked = false;
  bus: 'running' | 'stopped' | 'hangs' = 'running';
  readonly sessions = [newKeyring()];
  /** The session keyring of this shell; it may have none. */
  session: Keyring | undefined = this.sessions[0];
  /** The keyring that all sessions share. Some kernels have none. */
  readonly persistent: Keyring | undefined;
  isRefusing = false;
  isRejecting = false;
  /** When each credential was issued, in milliseconds. Its private key is its number. */
  readonly issued: number[] = [];
  nowMs = Date.parse('2026-03-01T12:00:00Z');
  readonly directory = fs.mkdtempSync(join(tmpdir(), 'kubectl-eck-'));
  readonly world = new FakeWorld({ KUBECTL_ECK_PROFILE: 'me' }, this.directory);

  constructor(
    hasPersistentKeyring: boolean,
    hasContexts: boolean,
    private readonly template: ClientCredential,
  ) {
    this.persistent = hasPersistentKeyring ? newKeyring() : undefined;
    this.world.clock = () => new Date(this.nowMs);
    fs.mkdirSync(join(this.directory, '.kube'));
    const of = <T>(entry: (name: string) => T) => (hasContexts ? clusters : []).map(entry);
    const command = { apiVersion: 'client.authentication.k8s.io/v1', command: 'kubectl-eck' };
    const exec = (name: string) => ({ ...command, args: ['exec-credential', '--cluster-id', name] });
    const kubeconfig = {
      contexts: of((name) => ({ name, context: { cluster: name, user: name } })),
      clusters: of((name) => ({ name, cluster: { server: 'https://192.0.2.1' } })),
      users: of((name) => ({ name, user: { exec: exec(name) } })),
    };
    fs.writeFileSync(join(this.directory, '.kube/config'), JSON.stringify(kubeconfig));
  }

  /** Every keyring of this user that the kernel has. */
  get keyrings(): Keyring[] {
    return [...this.sessions, ...(this.persistent ? [this.persistent] : [])];
  }

  /** The stores in which someone finds the credential, in any session, once all stores can be reached again. */
  copiesOf(clusterId: string): string[] {
    const [name, directory] = [keyOf(clusterId), `${this.directory}/.kube/cache/kubectl-eck/credentials`];
    const files = fs.existsSync(directory) ? fs.readdirSync(directory) : [];
    const isIn = (file: string) => fs.readFileSync(join(directory, file), 'latin1').includes(name);
    return [
      ...(this.keychain.has(name) ? ['keychain'] : []),
      ...(this.keyrings.some((keyring) => keyring.has(name)) ? ['kernel'] : []),
      ...(files.some(isIn) ? ['file'] : []),
    ];
  }

  /** Whether every copy can be deleted from here, and none can be in a store that does not answer. */
  canDelete(clusterId: string): boolean {
    const name = keyOf(clusterId);
    const reachable = this.session ? [this.session, this.persistent].map((each) => each?.get(name)) : [];
    if (!this.keyrings.every((each) => !each.has(name) || reachable.includes(each.get(name)))) return false;
    return this.keychain.has(name) ? this.bus === 'running' && !this.isLocked : this.bus !== 'hangs';
  }

  /** As the Secret Service: deleting and reading what is not there needs no unlocking. */
  openKeychain(): Store {
    const use = async <T>(isUnlockNeeded: boolean, work: () => T): Promise<T> => {
      await Promise.resolve();
      if (this.bus === 'stopped') throw new StoreError('keychain', 'keychain-absent', 'no bus');
      if (this.bus === 'hangs') throw new StoreError('keychain', 'keychain-timeout', 'no answer');
      if (this.isLocked && isUnlockNeeded) throw new StoreError('keychain', 'keychain-locked', 'locked');
      return work();
    };
    const items = this.keychain;
    return {
      name: 'keychain',
      read: (name) => use(items.has(name), () => items.get(name)),
      save: (name, entry) => use(true, () => items.set(name, entry)).then(() => 'keychain'),
      delete: (name) => use(items.has(name), () => items.delete(name)),
      deleteAll: () => use(items.size > 0, () => [...items.keys()].filter((name) => items.delete(name)).length),
    };
  }

  /** The real store; keyrings as the kernel and the addon have them. */
  openKernelKeyring({ openKernelKeyring }: typeof kernel): Store {
    // A process of a shell without a session keyring gets one of its own at the first access.
    let own: Keyring | undefined;
    const { session, sessions, persistent, keyrings } = this;
    const search = (name: string) => (session ?? (own ??= newKeyring())).get(name) ?? persistent?.get(name);
    class Entry {
      constructor(
        _service: string,
        private readonly name: string,
      ) {}

      getSecret = () => {
        const key = search(this.name);
        return key === undefined ? null : Array.from(key.secret);
      };
      /** Changes a key that is found for all keyrings that have it. */
      setSecret = (secret: Uint8Array): void => {
        const key = Object.assign(search(this.name) ?? {}, { secret: Uint8Array.from(secret) });
        for (const keyring of [session ?? own, persistent]) keyring?.set(this.name, key);
      };
      /** Invalidates the first key that is found, in whichever keyrings it is. */
      deleteCredential = (): boolean => {
        const key = search(this.name);
        for (const keyring of keyrings) if (keyring.get(this.name) === key) keyring.delete(this.name);
        return key !== undefined;
      };
    }
    const line = (serial: number, type: string, description: string) =>
      `${serial}0 I--Q---     1 perm 3f010000 ${process.getuid?.() ?? 0}     0 ${type.padEnd(9)} ${description}: 1\n`;
    const readKeys = (): string => {
      const names = keyrings.flatMap((keyring) => [...keyring.keys()]);
      return [
        ...[...sessions, ...(own ? [own] : [])].map((_, index) => line(index, 'keyring', '_ses')),
        ...names.map((name) => line(99, 'user', `keyring:${name}@kubectl-eck`)),
      ].join('');
    };
    const addon = { Entry, AsyncEntry: Entry, findCredentialsAsync: () => Promise.resolve([]) };
    return openKernelKeyring(this.world, () => Promise.resolve(addon as never), readKeys);
  }

  async issue() {
    await Promise.resolve();
    if (this.isRefusing) throw new EckError('ens-not-allowed', 'denied');
    const der = Buffer.from(String(this.issued.push(this.nowMs) - 1));
    const dates = { fetchedAt: new Date(this.nowMs), notAfter: new Date(this.nowMs + 30 * 86_400_000) };
    const credential = { ...this.template, ...dates, privateKey: { ...this.template.privateKey, der } };
    return { credential, cluster: { server: 'https://192.0.2.1', certificateAuthorityPem: 'PEM' } };
  }
}

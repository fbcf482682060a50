import type { KeyringAddon, LoadAddon } from '../../src/store/addon.js';

/** A keychain in memory, behind an addon as the real one is. */
export interface FakeAddon {
  readonly loadAddon: LoadAddon;
  /** What is saved, by key. */
  readonly secrets: Map<string, Buffer>;
  /** What was asked for: `get`, `set` or `delete`, and the key. */
  readonly calls: string[];
  /** What a call waits for before it is answered; it fails where that fails. */
  answer: () => Promise<undefined> | undefined;
}

/** Makes a keychain whose items hold at most `largestSecret` bytes. */
export function fakeAddon({ largestSecret = Infinity }: { readonly largestSecret?: number } = {}): FakeAddon {
  const secrets = new Map<string, Buffer>();
  const calls: string[] = [];

  class AsyncEntry {
    constructor(
      _service: string,
      readonly key: string,
    ) {}

    async setSecret(secret: Uint8Array): Promise<void> {
      await this.#asked('set');
      if (secret.length > largestSecret) {
        throw new Error(`Attribute 'secret' is longer than the platform limit of ${largestSecret} chars`);
      }
      secrets.set(this.key, Buffer.from(secret));
    }

    async getSecret(): Promise<number[] | null> {
      await this.#asked('get');
      const secret = secrets.get(this.key);
      return secret === undefined ? null : Array.from(secret);
    }

    async deleteCredential(): Promise<boolean> {
      await this.#asked('delete');
      return secrets.delete(this.key);
    }

    async #asked(call: string): Promise<void> {
      calls.push(`${call} ${this.key}`);
      await fake.answer();
    }
  }

  const addon = {
    AsyncEntry,
    Entry: AsyncEntry,
    async findCredentialsAsync() {
      calls.push('find');
      await fake.answer();
      return Array.from(secrets, ([name, secret]) => ({
        account: name,
        password: secret.toString('latin1'),
      }));
    },
  };
  const fake: FakeAddon = {
    loadAddon: () => Promise.resolve(addon as unknown as KeyringAddon),
    secrets,
    calls,
    answer: () => undefined,
  };
  return fake;
}

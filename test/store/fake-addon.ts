import type { KeyringAddon } from '../../src/store/addon.js';

export type FakeAddon = ReturnType<typeof fakeAddon>;

/** A keychain in memory whose items hold at most `largestSecret` bytes, behind an addon as the real one is. */
export function fakeAddon({ largestSecret = Infinity }: { readonly largestSecret?: number } = {}) {
  class Entry {
    constructor(
      _service: string,
      readonly key: string,
    ) {}

    async setSecret(secret: Uint8Array): Promise<void> {
      await ask(`set ${this.key}`);
      if (secret.length > largestSecret) {
        throw new Error(`Attribute 'secret' is longer than the platform limit of ${largestSecret} chars`);
      }
      fake.secrets.set(this.key, Buffer.from(secret));
    }

    async getSecret(): Promise<number[] | null> {
      await ask(`get ${this.key}`);
      const secret = fake.secrets.get(this.key);
      return secret === undefined ? null : Array.from(secret);
    }

    async deleteCredential(): Promise<boolean> {
      await ask(`delete ${this.key}`);
      return fake.secrets.delete(this.key);
    }
  }

  async function findCredentialsAsync() {
    await ask('find');
    return Array.from(fake.secrets.keys(), (account) => ({ account, password: '' }));
  }

  async function ask(call: string): Promise<void> {
    fake.calls.push(call);
    await fake.answer();
  }

  const fake = {
    loadAddon: () => Promise.resolve({ AsyncEntry: Entry, Entry, findCredentialsAsync } as unknown as KeyringAddon),
    /** What is saved, by key. */
    secrets: new Map<string, Buffer>(),
    /** `get`, `set` or `delete`, and the key; or `find`. */
    calls: [] as string[],
    /** What a call waits for before it is answered; it fails where that fails. */
    answer: (): Promise<undefined> | undefined => undefined,
  };
  return fake;
}

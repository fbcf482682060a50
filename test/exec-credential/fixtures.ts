import type { ClientCredential } from '../../src/credential/client-credential.js';
import { decodeEntry, encodeEntry } from '../../src/credential/encoded-entry.js';
import type { Store } from '../../src/store/store.js';
import type { World } from '../../src/world.js';

/** A store in memory that remembers what was asked of it. */
export class MemoryStore implements Store {
  readonly name = 'keychain';
  readonly entries = new Map<string, Uint8Array>();
  /** Such as `write a`; reading is not noted. */
  readonly changes: string[] = [];

  read(account: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.entries.get(account));
  }

  save(account: string, entry: Uint8Array): Promise<'keychain'> {
    this.changes.push(`write ${account}`);
    this.entries.set(account, entry);
    return Promise.resolve('keychain');
  }

  delete(account: string): Promise<boolean> {
    this.changes.push(`delete ${account}`);
    return Promise.resolve(this.entries.delete(account));
  }

  /** Puts a credential in, as one that was kept before. */
  put(account: string, credential: ClientCredential): void {
    this.entries.set(account, encodeEntry(account, credential));
  }

  /** The credential that is kept, if there is one. */
  kept(account: string): ClientCredential | undefined {
    const entry = this.entries.get(account);
    return entry && decodeEntry(account, entry);
  }
}

/** A world whose clock and environment a test decides on, and that remembers what the person was told. */
export class FakeWorld implements World {
  readonly platform = process.platform;
  readonly warnings: string[] = [];
  /** Stands still unless a test moves it. */
  clock: () => Date = () => new Date('2026-03-01T12:00:00.000Z');

  constructor(
    readonly environment: Record<string, string | undefined>,
    private readonly home: string,
  ) {}

  homeDirectory(): string {
    return this.home;
  }

  now(): Date {
    return this.clock();
  }

  isTerminal(): boolean {
    return false;
  }

  warn(message: string): void {
    this.warnings.push(message);
  }

  debug(): void {
    // Nobody looks for a fault.
  }
}

import { checkClientCredential } from '../../src/credential/check.js';
import type { ClientCredential } from '../../src/credential/client-credential.js';
import { decodeEntry, encodeEntry } from '../../src/credential/encoded-entry.js';
import type { StoreName } from '../../src/settings.js';
import type { Store } from '../../src/store/store.js';
import type { World } from '../../src/world.js';
import { CertificateAuthority, type CertificateRequest } from '../support/certificate-authority.js';

/** A store in memory that notes its changes. */
export class MemoryStore implements Store {
  readonly entries = new Map<string, Uint8Array>();
  /** Such as `save KEY` and `delete KEY`. */
  readonly changes: string[] = [];

  constructor(readonly name: StoreName = 'keychain') {}

  read = (key: string) => Promise.resolve(this.entries.get(key));
  save = (key: string, entry: Uint8Array): Promise<StoreName> => {
    this.changes.push(`save ${key}`);
    this.entries.set(key, entry);
    return Promise.resolve(this.name);
  };
  delete = (key: string) => {
    this.changes.push(`delete ${key}`);
    return Promise.resolve(this.entries.delete(key));
  };
  deleteAll = () => {
    const { size } = this.entries;
    this.entries.clear();
    return Promise.resolve(size);
  };

  /** Adds a credential, as an earlier command would have. */
  put(key: string, credential: ClientCredential): void {
    this.entries.set(key, encodeEntry(key, credential));
  }

  cached(key: string): ClientCredential | undefined {
    const entry = this.entries.get(key);
    return entry && decodeEntry(key, entry);
  }
}

/** A world with the clock and the environment of a test. It collects warnings. */
export class FakeWorld implements World {
  readonly platform = process.platform;
  readonly warnings: string[] = [];
  clock = () => new Date('2026-03-01T12:00:00.000Z');

  constructor(
    public environment: Record<string, string | undefined>,
    private readonly home: string,
  ) {}

  homeDirectory = () => this.home;
  now = () => this.clock();
  isTerminal = (): boolean => false;
  warn = (message: string): void => void this.warnings.push(message);
  debug: (line: string) => void = () => undefined;
}

/** A credential that a new certificate authority issued. */
export async function issueCredential(
  fetchedAt: Date,
  request: Partial<CertificateRequest> = {},
): Promise<ClientCredential> {
  const authority = await CertificateAuthority.create({ name: 'kubernetes' });
  const issued = await authority.issue({ commonName: 'someone', ...request });
  const pem = { certificate: issued.certificatePem, privateKey: issued.privateKeyPem };
  return checkClientCredential(pem, fetchedAt);
}

import { createConnection, type Socket } from 'node:net';
import type { Environment } from '../world.js';
import { service } from './addon-items.js';
import type { KeychainCatalog, Presence } from './catalog.js';
import { StoreError } from './store.js';

/** As much of the D-Bus library as is used here; its own types are of another version. */
interface DbusLibrary {
  createClient(options: { readonly stream: Socket; readonly authMethods: readonly string[] }): DbusClient;
}

interface DbusClient {
  readonly connection: {
    on(event: 'error' | 'end', listener: (error?: unknown) => void): unknown;
    end(): unknown;
  };
  invoke(call: DbusCall, answered: (error: unknown, ...results: unknown[]) => void): void;
}

interface DbusCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly flags: number;
  readonly signature?: string;
  readonly body?: readonly unknown[];
}

type Call = Pick<DbusCall, 'path' | 'interface' | 'member' | 'signature' | 'body'>;

const serviceName = 'org.freedesktop.secrets';
const servicePath = '/org/freedesktop/secrets';
const properties = 'org.freedesktop.DBus.Properties';
/** A Secret Service that is not running has nothing unlocked, and starting one may ask the person. */
const noAutoStart = 2;
const answerWithinMs = 2000;

/**
 * The catalog of the Secret Service, over D-Bus: the addon can only read items, which unlocks them. What is asked here
 * (`SearchItems`, properties) never prompts.
 */
export function secretServiceCatalog(environment: Environment): KeychainCatalog {
  let connecting: Promise<Connection> | undefined;
  let anyIsLocked: Promise<boolean> | undefined;

  async function ask(call: Call): Promise<unknown[]> {
    connecting ??= connect(environment);
    return (await connecting).call(call);
  }

  async function search(attributes: Readonly<Record<string, string>>): Promise<[string[], string[]]> {
    const [unlocked, locked] = await ask({
      path: servicePath,
      interface: 'org.freedesktop.Secret.Service',
      member: 'SearchItems',
      signature: 'a{ss}',
      body: [Object.entries(attributes)],
    });
    return [stringsOf(unlocked), stringsOf(locked)];
  }

  async function property(path: string, ofInterface: string, name: string): Promise<unknown> {
    const [variant] = await ask({
      path,
      interface: properties,
      member: 'Get',
      signature: 'ss',
      body: [`org.freedesktop.Secret.${ofInterface}`, name],
    });
    // The library answers with the type and a list of one value.
    return Array.isArray(variant) && Array.isArray(variant[1]) ? (variant[1] as unknown[])[0] : undefined;
  }

  /** Not every Secret Service finds items of what is locked. */
  async function isAnyLocked(): Promise<boolean> {
    const collections = stringsOf(await property(servicePath, 'Service', 'Collections'));
    const locked = await Promise.all(collections.map((path) => property(path, 'Collection', 'Locked')));
    return locked.includes(true);
  }

  return {
    async presence(account): Promise<Presence> {
      try {
        const [unlocked, locked] = await search({ service, username: account });
        if (unlocked.length > 0) return 'there';
        return locked.length > 0 || (await (anyIsLocked ??= isAnyLocked())) ? 'locked' : 'absent';
      } catch {
        return 'unknown';
      }
    },

    async accounts() {
      try {
        const items = (await search({ service })).flat();
        const attributes = await Promise.all(items.map((path) => property(path, 'Item', 'Attributes')));
        return attributes.flatMap((pairs) => usernameIn(pairs) ?? []);
      } catch (error) {
        throw new StoreError(
          'keychain',
          'keychain-absent',
          'the Secret Service cannot be asked what it holds; try again in your desktop session',
          { cause: error },
        );
      }
    },

    close() {
      connecting?.then(
        (connection) => {
          connection.end();
        },
        () => undefined,
      );
    },
  };
}

interface Connection {
  call(call: Call): Promise<unknown[]>;
  end(): void;
}

/** @throws where there is no bus, or it does not answer */
async function connect(environment: Environment): Promise<Connection> {
  const path = busSocket(environment);
  if (path === undefined) throw new Error('no session bus');
  const stream = createConnection(path);
  const library = (await import('@httptoolkit/dbus-native')) as unknown as DbusLibrary;
  const client = library.createClient({ stream, authMethods: ['EXTERNAL'] });
  const broken = new Promise<never>((_, reject) => {
    const fail = (error: unknown) => {
      reject(error instanceof Error ? error : new Error('the bus has hung up'));
    };
    client.connection.on('error', fail);
    client.connection.on('end', fail);
  });
  broken.catch(() => undefined);
  let isSilent = false;

  return {
    async call(call) {
      // One silence is enough: the next call would not be answered either.
      if (isSilent) throw new Error('the bus gives no answer');
      const answer = new Promise<unknown[]>((resolve, reject) => {
        client.invoke({ destination: serviceName, flags: noAutoStart, ...call }, (error, ...results) => {
          if (error) reject(error instanceof Error ? error : new Error('the call was refused'));
          else resolve(results);
        });
      });
      let timer: NodeJS.Timeout | undefined;
      const silence = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          isSilent = true;
          reject(new Error('no answer in time'));
        }, answerWithinMs);
      });
      try {
        return await Promise.race([answer, broken, silence]);
      } finally {
        clearTimeout(timer);
      }
    },
    end() {
      stream.destroy();
    },
  };
}

/**
 * The socket of the session bus: the first one that `$DBUS_SESSION_BUS_ADDRESS` names, else the one that systemd makes.
 * In an address, unusual characters are percent-encoded.
 */
function busSocket(environment: Environment): string | undefined {
  const runtimeDirectory = environment['XDG_RUNTIME_DIR'];
  const address =
    environment['DBUS_SESSION_BUS_ADDRESS'] || (runtimeDirectory ? `unix:path=${runtimeDirectory}/bus` : '');
  const [, kind, encoded] = /(?:^|;)unix:(?:[^;]*,)?(path|abstract)=([^,;]+)/.exec(address) ?? [];
  if (kind === undefined || encoded === undefined) return undefined;
  const path = encoded.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
  return kind === 'abstract' ? `\0${path}` : path;
}

function stringsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function usernameIn(pairs: unknown): string | undefined {
  if (!Array.isArray(pairs)) return undefined;
  const pair = (pairs as unknown[]).find(
    (candidate): candidate is [string, string] => Array.isArray(candidate) && candidate[0] === 'username',
  );
  return typeof pair?.[1] === 'string' ? pair[1] : undefined;
}

import { credentialKeyText } from '../credential/key.js';
import { keyOfSettings } from '../identity/key-of-settings.js';
import type { Settings } from '../settings/settings.js';
import type { World } from '../world.js';
import type { KnownCredential } from './known-credentials.js';
import { withEnvironment } from './with-environment.js';

/** Everything that it takes to fetch a known credential again. */
export interface FetchSettings {
  readonly settings: Settings;
  /** With the environment that the credential's context has. */
  readonly world: World;
}

/**
 * The settings that lead to a known credential: those of a context that asks for it and wants it kept, else
 * those that its key tells of.
 * How long a call may take is the command's.
 *
 * @param command the settings of the command that fetches
 * @returns `undefined` where the credential is for somebody that this environment does not make anybody, such as an
 *   AccessKey that is not in it
 */
export async function fetchSettings(
  { key, account, contexts, record }: KnownCredential,
  command: Settings,
  world: World,
): Promise<FetchSettings | undefined> {
  const { timeoutMs, connectTimeoutMs, readTimeoutMs } = command;
  const context = contexts.find(({ settings }) => settings.store !== 'none');
  if (context !== undefined) {
    return {
      settings: { ...context.settings, timeoutMs, connectTimeoutMs, readTimeoutMs },
      world: withEnvironment(world, context.environment),
    };
  }
  const { identity, endpoint, clusterId } = key;
  const settings: Settings = {
    ...command,
    profile: identity.kind === 'profile' ? identity.name : undefined,
    roleArn: identity.assumedRole,
    endpoint,
    store: record?.store ?? command.store,
  };
  const leadsThere = credentialKeyText(await keyOfSettings(clusterId, settings, world)) === account;
  return leadsThere ? { settings, world } : undefined;
}

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { cacheDirectory, checkPrivateDirectory, shortDigest } from '../cache-directory.js';
import type { CacheKey } from '../credential/cache-key.js';
import { endpointKey, type EndpointSetting } from '../endpoint.js';
import { identityFromSettings, identityKey, withRole, type Identity } from '../identity.js';
import type { Settings } from '../settings.js';
import type { World } from '../world.js';

/** The settings that decide which clusters there are. */
export type OwnerSettings = Pick<Settings, 'profile' | 'roleArn' | 'endpoint'>;

/** The cache key of a cluster's credential for the current identity. */
export async function cacheKeyOf(
  clusterId: string,
  settings: OwnerSettings,
  world: World,
): Promise<CacheKey> {
  return { endpoint: settings.endpoint, identity: await resolveIdentity(settings, world), clusterId };
}

/** One text for each identity at each endpoint, without secrets. */
export function ownerKeyText(endpoint: EndpointSetting, identity: Identity): string {
  return `${endpointKey(endpoint)} ${identityKey(identity)}`;
}

/** The owner key of the current identity. */
export async function ownerKeyOf(settings: OwnerSettings, world: World): Promise<string> {
  return ownerKeyText(settings.endpoint, await resolveIdentity(settings, world));
}

/**
 * The identity that signs calls: the one that the settings name, else the one that the default credential chain comes
 * to, such as the aliyun CLI's current profile. Reads files only in the second case.
 */
export async function resolveIdentity(
  settings: Pick<Settings, 'profile' | 'roleArn'>,
  world: World,
): Promise<Identity> {
  const identity = identityFromSettings(settings, world.environment);
  if (identity.kind !== 'chain') return identity;
  return withRole(await resolveChain(world), identity.assumedRole);
}

/** The last result is used until a variable or a file of the chain changes, since reading the files takes longer. */
async function resolveChain(world: World): Promise<Identity> {
  const directory = cacheDirectory(world);
  if (checkPrivateDirectory(directory) !== undefined) return walkChain(world);
  const file = `${directory}/chain-identity`;
  const inputs = chainInputs(world);
  const known = readResolution(file);
  if (known?.inputs === inputs) return known.identity;
  const identity = await walkChain(world);
  try {
    writeFileSync(file, JSON.stringify({ inputs, identity } satisfies Resolution), { mode: 0o600 });
  } catch {
    // The next command resolves it again.
  }
  return identity;
}

interface Resolution {
  readonly inputs: string;
  readonly identity: Identity;
}

function readResolution(file: string): Resolution | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Resolution;
  } catch {
    return undefined;
  }
}

/** Everything that the chain depends on; of files, only when they were changed. */
function chainInputs(world: World): string {
  const { environment } = world;
  const cliFile = `${world.homeDirectory()}/.aliyun/config.json`;
  const sharedFile = sharedCredentialsFile(world);
  const variables = [
    'ALIBABA_CLOUD_CLI_PROFILE_DISABLED',
    'ALIBABA_CLOUD_ECS_METADATA',
    'ALIBABA_CLOUD_ECS_METADATA_DISABLED',
  ].map((name) => environment[name] ?? '');
  // The URI may contain a secret.
  const uri = shortDigest(environment['ALIBABA_CLOUD_CREDENTIALS_URI'] ?? '');
  return JSON.stringify([cliFile, stateOf(cliFile), sharedFile, stateOf(sharedFile), ...variables, uri]);
}

function stateOf(file: string): string {
  const status = statSync(file, { throwIfNoEntry: false });
  return status === undefined ? '' : `${status.mtimeMs} ${status.size} ${status.ino}`;
}

function sharedCredentialsFile(world: World): string {
  return (
    world.environment['ALIBABA_CLOUD_CREDENTIALS_FILE'] ||
    `${world.homeDirectory()}/.alibabacloud/credentials`
  );
}

/** Follows Alibaba Cloud's default credential chain from the point where the environment names no identity. */
async function walkChain(world: World): Promise<Identity> {
  const { environment } = world;
  const profile = await currentProfile(world);
  if (profile !== undefined) return { kind: 'profile', name: profile };
  const file = sharedCredentialsFile(world);
  if (existsSync(file)) return { kind: 'credentials-file', file, profile: 'default' };
  const uri = environment['ALIBABA_CLOUD_CREDENTIALS_URI'];
  if (uri) {
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(uri));
    return { kind: 'credentials-uri', digest: Buffer.from(digest).toString('hex').slice(0, 16) };
  }
  return { kind: 'ecs-role', role: environment['ALIBABA_CLOUD_ECS_METADATA'] ?? '' };
}

async function currentProfile(world: World): Promise<string | undefined> {
  if (world.environment['ALIBABA_CLOUD_CLI_PROFILE_DISABLED']?.toLowerCase() === 'true') return undefined;
  try {
    const { readCliProfiles } = await import('../ens/cli-profiles.js');
    const profiles = await readCliProfiles(world.homeDirectory());
    const profile = profiles?.profiles.find(({ name }) => name === profiles.current);
    // The CLI creates a profile without an AccessKey at its first start.
    return profile?.lacksAccessKey ? undefined : profile?.name;
  } catch {
    // The sign-in reports what is wrong with the file.
    return undefined;
  }
}

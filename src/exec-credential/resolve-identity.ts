import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { cacheDirectory, checkPrivateDirectory, shortDigest } from '../cache-directory.js';
import type { CacheKey } from '../credential/cache-key.js';
import { ifPossible } from '../errors.js';
import { identityFromSettings, withRole, type Identity } from '../identity.js';
import type { Settings } from '../settings.js';
import type { World } from '../world.js';

/** The cache key of a cluster's credential for the current identity. */
export async function cacheKeyOf(
  clusterId: string,
  settings: Pick<Settings, 'profile' | 'roleArn' | 'endpoint'>,
  world: World,
): Promise<CacheKey> {
  return { endpoint: settings.endpoint, identity: await resolveIdentity(settings, world), clusterId };
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
  return identity.kind === 'chain' ? withRole(await resolveChain(world), identity.assumedRole) : identity;
}

/** The last result of following the chain, and what it depends on. */
interface Resolution {
  readonly inputs: string;
  readonly identity: Identity;
}

/** The last result is used until a variable or a file of the chain changes, since reading the files takes longer. */
async function resolveChain(world: World): Promise<Identity> {
  const directory = cacheDirectory(world);
  if (checkPrivateDirectory(directory) !== undefined) return followChain(world);
  const file = `${directory}/chain-identity`;
  const inputs = chainInputs(world);
  const last = existsSync(file)
    ? ifPossible(() => JSON.parse(readFileSync(file, 'utf8')) as Resolution | null)
    : undefined;
  if (last?.inputs === inputs) return last.identity;
  const resolution: Resolution = { inputs, identity: await followChain(world) };
  ifPossible(() => {
    writeFileSync(file, JSON.stringify(resolution), { mode: 0o600 });
  });
  return resolution.identity;
}

/** Everything that the chain depends on; of files, only when they were changed. */
function chainInputs(world: World): string {
  const { environment } = world;
  const files = [`${world.homeDirectory()}/.aliyun/config.json`, sharedCredentialsFile(world)];
  const states = files.map((file) => {
    const status = statSync(file, { throwIfNoEntry: false });
    return [file, status?.mtimeMs, status?.size, status?.ino];
  });
  const variables = ['CLI_PROFILE_DISABLED', 'ECS_METADATA', 'ECS_METADATA_DISABLED'].map(
    (name) => environment[`ALIBABA_CLOUD_${name}`] ?? '',
  );
  // The URI may contain a secret.
  const uri = shortDigest(environment['ALIBABA_CLOUD_CREDENTIALS_URI'] ?? '');
  return JSON.stringify([states, variables, uri]);
}

function sharedCredentialsFile(world: World): string {
  const file = world.environment['ALIBABA_CLOUD_CREDENTIALS_FILE'];
  return file || `${world.homeDirectory()}/.alibabacloud/credentials`;
}

/** Follows Alibaba Cloud's default credential chain from the point where the environment names no identity. */
async function followChain(world: World): Promise<Identity> {
  const { environment } = world;
  const profile = await currentProfile(world);
  if (profile !== undefined) return { kind: 'profile', name: profile };
  const file = sharedCredentialsFile(world);
  if (existsSync(file)) return { kind: 'credentials-file', file, profile: 'default' };
  const uri = environment['ALIBABA_CLOUD_CREDENTIALS_URI'];
  if (uri) {
    const digest = await crypto.subtle.digest('SHA-256', Buffer.from(uri));
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

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { cacheDirectory, checkPrivateDirectory, shortDigest } from '../cache-directory.js';
import { cacheKeyText, type CacheKey } from '../credential/cache-key.js';
import { ifPossible } from '../errors.js';
import { identityFromSettings, isFromEnvironment, withRole, type Identity } from '../identity.js';
import type { Settings } from '../settings.js';
import type { World } from '../world.js';
import { bootId, readRecords } from './cached-record.js';

/**
 * The cache key of a cluster's credential for the current identity. Where there is none, as in an editor that was
 * started from the desktop, it is the key of the only credential that a shell with variables saved.
 */
export async function cacheKeyOf(
  clusterId: string,
  settings: Pick<Settings, 'profile' | 'roleArn' | 'endpoint'>,
  world: World,
): Promise<CacheKey> {
  const identity = await resolveIdentity(settings, world);
  const key = { endpoint: settings.endpoint, identity, clusterId };
  const isNone = identity.kind === 'ecs-role' && identity.role === '' && identity.assumedRole === undefined;
  return (isNone ? await keyFromElsewhere(key, world) : undefined) ?? key;
}

async function keyFromElsewhere(key: CacheKey, world: World): Promise<CacheKey | undefined> {
  // Half a pair is a mistake, and not the absence of an identity.
  const variables = [
    'ACCESS_KEY_ID',
    'ACCESS_KEY_SECRET',
    'ROLE_ARN',
    'OIDC_PROVIDER_ARN',
    'OIDC_TOKEN_FILE',
  ];
  if (variables.some((name) => world.environment[`ALIBABA_CLOUD_${name}`])) return undefined;
  const keyText = cacheKeyText(key);
  const records = readRecords(world, keyText.slice(0, keyText.indexOf('/') + 1)).filter(
    (record) =>
      isFromEnvironment(record.key.identity) &&
      record.key.identity.assumedRole === undefined &&
      world.now() < record.notAfter,
  );
  const [found] = records;
  if (found === undefined || records.length > 1 || (await isEcsInstance(world))) return undefined;
  return found.key;
}

/** Whether the machine has a metadata service, which is asked once a boot. */
async function isEcsInstance(world: World): Promise<boolean> {
  if (world.environment['ALIBABA_CLOUD_ECS_METADATA_DISABLED']?.toLowerCase() === 'true') return false;
  const file = `${cacheDirectory(world)}/metadata-service`;
  const [boot, answer] = ifPossible(() => readFileSync(file, 'latin1'))?.split(' ') ?? [];
  if (boot === bootId() && boot !== '') return answer === 'yes';
  const { isMetadataServiceThere } = await import('../ens/metadata-service.js');
  const isThere = await isMetadataServiceThere();
  ifPossible(() => {
    writeFileSync(file, `${bootId()} ${isThere ? 'yes' : 'no'}`, { mode: 0o600 });
  });
  return isThere;
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

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { cacheDirectory, checkPrivateDirectory, shortDigest } from '../cache-directory.js';
import type { Environment, World } from '../world.js';
import { withRole, type Identity } from '../identity.js';
import { createHash } from 'node:crypto';

/**
 * Tells which identity the default credential chain means, where the settings name none: the CLI's current profile,
 * say. So an entry without `--profile` never gets the certificate of the profile that was current before, and gets its
 * own again when that profile is current again.
 *
 * No file with secrets is read for it, as long as those files are the ones that were read when it was found out: their
 * dates and sizes tell. It is found out again when one of them has changed.
 */
export async function resolveChain(identity: Identity, world: World): Promise<Identity> {
  if (identity.kind !== 'chain') return identity;
  const files = credentialFiles(world.environment, world.homeDirectory());
  const directory = cacheDirectory(world);
  const memory = checkPrivateDirectory(directory) === undefined ? `${directory}/chain-identity` : undefined;
  const stamp = stampOf(world.environment, files);
  let found = memory === undefined ? undefined : recall(memory, stamp);
  if (found === undefined) {
    const { findChainIdentity } = await import('./chain-identity.js');
    found = await findChainIdentity(files.shared, world);
    if (memory !== undefined) remember(memory, { stamp, identity: found });
  }
  return withRole(found, identity.assumedRole);
}

/** The files that the chain reads, in its order. */
interface CredentialFiles {
  readonly cli: string;
  readonly shared: string;
}

function credentialFiles(environment: Environment, homeDirectory: string): CredentialFiles {
  return {
    cli: `${homeDirectory}/.aliyun/config.json`,
    shared: environment['ALIBABA_CLOUD_CREDENTIALS_FILE'] || `${homeDirectory}/.alibabacloud/credentials`,
  };
}

/** Everything that the chain depends on, but for what the files say. */
function stampOf(environment: Environment, { cli, shared }: CredentialFiles): string {
  const variables = [
    'ALIBABA_CLOUD_CLI_PROFILE_DISABLED',
    'ALIBABA_CLOUD_ECS_METADATA',
    'ALIBABA_CLOUD_ECS_METADATA_DISABLED',
  ].map((name) => environment[name] ?? '');
  // The URI may hold a secret, and must not be remembered as it is.
  const uri = environment['ALIBABA_CLOUD_CREDENTIALS_URI'] ?? '';
  return JSON.stringify([cli, fileStamp(cli), shared, fileStamp(shared), ...variables, shortDigest(uri)]);
}

function fileStamp(file: string): string {
  const status = statSync(file, { throwIfNoEntry: false });
  return status === undefined ? '' : `${status.mtimeMs} ${status.size} ${status.ino}`;
}

interface Memory {
  readonly stamp: string;
  readonly identity: Identity;
}

function recall(file: string, stamp: string): Identity | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const memory = JSON.parse(readFileSync(file, 'utf8')) as Partial<Memory> | null;
    return memory?.stamp === stamp ? memory.identity : undefined;
  } catch {
    return undefined;
  }
}

function remember(file: string, memory: Memory): void {
  try {
    writeFileSync(file, JSON.stringify(memory), { mode: 0o600 });
  } catch {
    // It is found out again the next time.
  }
}

/**
 * Finds the identity that Alibaba Cloud's default credential chain comes to when the environment names none: the
 * CLI's current profile, else the shared credentials file (`sharedFile`), else a credentials URI, else the role of the ECS instance.
 */
export async function findChainIdentity(sharedFile: string, world: World): Promise<Identity> {
  const { environment } = world;
  const profile = await currentProfile(world);
  if (profile !== undefined) return { kind: 'profile', name: profile };
  if (existsSync(sharedFile)) return { kind: 'credentials-file', file: sharedFile, profile: 'default' };
  const uri = environment['ALIBABA_CLOUD_CREDENTIALS_URI'];
  if (uri)
    return { kind: 'credentials-uri', digest: createHash('sha256').update(uri).digest('hex').slice(0, 16) };
  return { kind: 'ecs-role', role: environment['ALIBABA_CLOUD_ECS_METADATA'] ?? '' };
}

async function currentProfile(world: World): Promise<string | undefined> {
  if (world.environment['ALIBABA_CLOUD_CLI_PROFILE_DISABLED']?.toLowerCase() === 'true') return undefined;
  try {
    const { readCliProfiles } = await import('../ens/cli-profiles.js');
    const profiles = await readCliProfiles(world.homeDirectory());
    const profile = profiles?.profiles.find(({ name }) => name === profiles.current);
    // The CLI makes an empty profile to begin with, which says nothing about who somebody is.
    return profile === undefined || profiles?.lacksAccessKey(profile) ? undefined : profile.name;
  } catch {
    // What is wrong with the file is said where somebody has to sign in with it.
    return undefined;
  }
}

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readCliProfiles } from './cli-profiles.js';
import type { World } from '../world.js';
import type { Identity } from '../identity/identity.js';

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
    const profiles = await readCliProfiles(world.homeDirectory());
    const profile = profiles?.profiles.find(({ name }) => name === profiles.current);
    // The CLI makes an empty profile to begin with, which says nothing about who somebody is.
    return profile === undefined || profiles?.lacksAccessKey(profile) ? undefined : profile.name;
  } catch {
    // What is wrong with the file is said where somebody has to sign in with it.
    return undefined;
  }
}

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { cacheDirectory, checkPrivateDirectory, shortDigest } from '../cache-directory.js';
import { cacheKeyText, type CacheKey } from '../credential/cache-key.js';
import { ifPossible } from '../errors.js';
import {
  cliVariables,
  credentialsFile,
  identityFromSettings,
  identityOfVariables,
  ignoresProfiles,
  isFromEnvironment,
  isMetadataDisabled,
  profileVariables,
  sdkVariables,
  withRole,
  type Identity,
} from '../identity.js';
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
  const names = [...sdkVariables, ...cliVariables].flatMap((group) => group.names);
  if (names.some((name) => world.environment[name])) return undefined;
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
  if (isMetadataDisabled(world.environment)) return false;
  const file = `${cacheDirectory(world)}/metadata-service`;
  const [boot, answer] = ifPossible(() => readFileSync(file, 'latin1'))?.split(' ') ?? [];
  if (boot === bootId() && boot !== '') return answer === 'yes';
  const { isMetadataServiceThere } = await import('../ens/chain.js');
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

/** The last result is used until a variable or a file of the chain changes, since reading the files takes longer. */
async function resolveChain(world: World): Promise<Identity> {
  const directory = cacheDirectory(world);
  const isPrivate = checkPrivateDirectory(directory) === undefined;
  const file = `${directory}/chain-identity`;
  const inputs = chainInputs(world);
  const last =
    isPrivate && existsSync(file)
      ? ifPossible(() => JSON.parse(readFileSync(file, 'utf8')) as { inputs: string; identity: Identity } | null)
      : undefined;
  if (last?.inputs === inputs) return last.identity;
  const { searchChain } = await import('../ens/chain.js');
  const { identity } = await searchChain(world);
  ifPossible(() => {
    if (isPrivate) writeFileSync(file, JSON.stringify({ inputs, identity }), { mode: 0o600 });
  });
  return identity;
}

/** Everything that the chain depends on; of files, only when they were changed. */
function chainInputs(world: World): string {
  const { environment } = world;
  const files = [`${world.homeDirectory()}/.aliyun/config.json`, credentialsFile(world)];
  const states = files.map((file) => {
    // It may be in a directory that only another user reads.
    const status = ifPossible(() => statSync(file, { throwIfNoEntry: false }));
    return [file, status?.mtimeMs, status?.size, status?.ino];
  });
  const names = [...profileVariables, 'ALIBABA_CLOUD_ECS_METADATA'];
  const variables = names.map((name) => environment[name] ?? '');
  const others = identityOfVariables(cliVariables, environment);
  // The URI may contain a secret.
  const uri = shortDigest(environment['ALIBABA_CLOUD_CREDENTIALS_URI'] ?? '');
  return JSON.stringify([states, variables, ignoresProfiles(environment), others, uri]);
}

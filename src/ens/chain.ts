import type { CredentialsProvider } from '@alicloud/credentials';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { EckError, printable, quoted, textOf } from '../errors.js';
import * as identities from '../identity.js';
import type { Environment, World } from '../world.js';
import { readCliProfiles, type CliProfile } from './cli-profiles.js';
import type * as providers from './providers.js';

/** An identity that a place has. It may turn out to be unusable. */
export interface Found {
  readonly identity: identities.Identity;
  /** The identity and where it comes from, in words that complete "ENS does not allow …". */
  readonly description: string;
  readonly profile?: CliProfile;
  /** The id of an AccessKey, which several places may have. */
  readonly accessKeyId?: string | undefined;
  /** What to do if it cannot be used. */
  readonly fix?: string;
  provider(from: typeof providers, timeoutMs: number): CredentialsProvider;
}

/** A place where an identity may be. */
interface Place {
  readonly name: string;
  readonly found?: Found | undefined;
  /** Why what is there is no identity. */
  readonly problem?: EckError;
}

const cliFile = '~/.aliyun/config.json';

/**
 * Looks in every place of Alibaba Cloud's default credential chain, in its order, but with the CLI's other variables
 * after profiles. The URI is before the metadata service, since an answer from the cache asks no network which of the
 * two there is. A profile that was chosen is before all places.
 *
 * @returns the place whose identity is used, which has a `problem` if no other may be used instead; those before it
 */
export async function searchChain(world: World, profile?: string) {
  const { environment } = world;
  const ofVariables = (group: identities.IdentityVariables) =>
    [group.names[0] ?? '', () => findInVariables(group, environment)] as const;
  const looks: readonly (readonly [name: string, look: () => Found | undefined | Promise<Found | undefined>])[] = [
    ...identities.sdkVariables.map(ofVariables),
    [cliFile, () => cliProfile(world, profile)],
    ...identities.cliVariables.map(ofVariables),
    ['~/.alibabacloud/credentials', () => profileOfCredentialsFile(world)],
    ['ALIBABA_CLOUD_CREDENTIALS_URI', () => credentialsUri(environment)],
  ];
  const places: Place[] = [];
  for (const [name, look] of looks) {
    try {
      places.push({ name, found: await look() });
    } catch (problem) {
      if (!(problem instanceof EckError)) throw problem;
      places.push({ name, problem });
    }
  }
  // No file of the SDK may have a profile that variables name and the CLI lacks.
  const named = identities.namedProfile(environment);
  const isFinal = named !== undefined && !existsSync(identities.credentialsFile(world));
  const index = places.findIndex(({ name, found, problem }) => {
    if (profile !== undefined) return name === cliFile;
    return found !== undefined || (isFinal && problem !== undefined && name === cliFile);
  });
  const used: Place = places[index] ?? { name: 'the metadata service of ECS', found: roleOfEcsInstance(environment) };
  const count = index === -1 ? places.length : index;
  const earlier = profile === undefined ? places.slice(0, count) : [];
  const identity: identities.Identity = used.found?.identity ?? { kind: 'profile', name: profile ?? named ?? '' };
  return { places, used, identity, earlier };
}

/** The problems of earlier places, the identities that are not used, and the profiles that other variables name. */
export function passedOver(
  { places, used: { found: used }, earlier }: Awaited<ReturnType<typeof searchChain>>,
  environment: Environment,
): string[] {
  const problems = earlier.flatMap(({ name, problem }) => {
    // A current profile without an AccessKey is no news: the CLI makes one at its first start.
    const isNews = name !== cliFile || problem?.code !== 'identity-not-found';
    return problem && isNews ? problem.message : [];
  });
  const others = places.flatMap(({ found }) => {
    const isSame = found?.accessKeyId !== undefined && found.accessKeyId === used?.accessKeyId;
    return found === undefined || found === used || isSame ? [] : found.description;
  });
  const known = used?.profile?.name ?? identities.namedProfile(environment);
  const variables = identities.ignoresProfiles(environment) ? [] : identities.profileVariables;
  const profiles = variables.flatMap((variable) => {
    const name = environment[variable];
    return name && name !== known ? `profile ${shownName(name)} of ${variable}` : [];
  });
  return [...problems, ...others, ...profiles];
}

export function notFound(message: string): EckError {
  return new EckError('identity-not-found', message, {
    fix: 'Run "aliyun configure", or set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET',
  });
}

/** @throws EckError if some variables that belong together are set and others are not */
function findInVariables(group: identities.IdentityVariables, environment: Environment): Found | undefined {
  const { names } = group;
  const [variable = ''] = names;
  const set = names.find((name) => environment[name]);
  if (set === undefined) return undefined;
  const missing = names.find((name) => !environment[name]);
  const identity = identities.identityOfVariables([group], environment);
  if (identity === undefined) throw notFound(`${set} is set without ${missing ?? ''}`);
  const [first = '', second, third] = names.map((name) => environment[name]);
  if (identity.kind === 'oidc') {
    const fields = { ram_role_arn: first, oidc_provider_arn: second, oidc_token_file: third };
    const description = `the RAM role ${printable(first, 120)} assumed with an OIDC token`;
    return { identity, description, provider: ({ oidcProvider }) => oidcProvider(fields) };
  }
  const token = environment[variable.replace('ACCESS_KEY_ID', 'SECURITY_TOKEN')];
  const fields = { access_key_id: first, access_key_secret: second };
  return {
    identity,
    description: `the AccessKey ${printable(first, 40)} of ${variable}`,
    accessKeyId: first,
    provider: ({ accessKeyProvider }) => accessKeyProvider(fields, token),
  };
}

/** The profile that was chosen, else the one that variables name, else the current one. */
async function cliProfile(world: World, profile?: string): Promise<Found | undefined> {
  const { environment } = world;
  if (profile === undefined && identities.ignoresProfiles(environment)) return undefined;
  const cli = await readCliProfiles(world.homeDirectory());
  const name = profile ?? identities.namedProfile(environment) ?? cli?.current;
  if (name === undefined) return undefined;
  const shown = shownName(name);
  const fix = `Run "aliyun configure --profile ${printable(name, 60)}"`;
  const unusable = (message: string): EckError =>
    new EckError(profile === undefined ? 'identity-not-found' : 'identity-unusable', message, { fix });
  const found = cli?.profiles.find((candidate) => candidate.name === name);
  if (cli === undefined || found === undefined) {
    const others = cli?.profiles.map((candidate) => printable(candidate.name, 60)).join(', ');
    throw unusable(printable(`The aliyun CLI has no profile ${shown}${others ? ` (it has ${others})` : ''}`));
  }
  // The CLI creates a profile without an AccessKey at its first start.
  if (found.lacksAccessKey) throw unusable(`Profile ${shown} of the aliyun CLI has no AccessKey, or half of one`);
  const { fieldsOf } = cli;
  return {
    identity: { kind: 'profile', name },
    description: `profile ${shown} of the aliyun CLI`,
    profile: found,
    accessKeyId: /^(?:AK|StsToken)$/.test(found.mode ?? '') ? textOf(fieldsOf(name)?.['access_key_id']) : undefined,
    fix,
    provider: ({ profileProvider }, timeoutMs) => profileProvider(name, { environment, timeoutMs, fieldsOf }),
  };
}

/** A name in quotes where it has white space or control characters that could not be seen. */
function shownName(name: string): string {
  const shown = printable(name, 60);
  return shown === name ? shown : quoted(name, 60);
}

function profileOfCredentialsFile(world: World): Found | undefined {
  const file = identities.credentialsFile(world);
  if (!existsSync(file)) return undefined;
  const profile = world.environment['ALIBABA_CLOUD_PROFILE'] || 'default';
  return {
    identity: { kind: 'credentials-file', file, profile },
    description: `profile ${shownName(profile)} of ${printable(file)}`,
    provider: ({ credentialsFileProvider }) => credentialsFileProvider(file, profile),
  };
}

async function credentialsUri(environment: Environment): Promise<Found | undefined> {
  const uri = environment['ALIBABA_CLOUD_CREDENTIALS_URI'];
  if (!uri) return undefined;
  const digest = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(uri))).toString('hex');
  return {
    identity: { kind: 'credentials-uri', digest: digest.slice(0, 16) },
    description: 'the identity of ALIBABA_CLOUD_CREDENTIALS_URI',
    provider: ({ uriProvider }) => uriProvider(uri, environment),
  };
}

/** Whether this machine is one, and has a role, is asked later. */
function roleOfEcsInstance(environment: Environment): Found {
  const role = environment['ALIBABA_CLOUD_ECS_METADATA'] ?? '';
  return {
    identity: { kind: 'ecs-role', role },
    description: `the RAM role ${role && `${printable(role, 60)} `}of this ECS instance`,
    provider: ({ ecsProvider }) => ecsProvider(environment, role),
  };
}

/** Whether the metadata service of ECS is there: on an instance it is one hop away; elsewhere packets vanish. */
export async function isMetadataServiceThere(): Promise<boolean> {
  // Not loaded where the identity is only looked up.
  const { connect } = await import('node:net');
  const socket = connect({ host: '100.100.100.200', port: 80 });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(400) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

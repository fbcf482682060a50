import { existsSync } from 'node:fs';
import {
  ProfileCredentialsProvider,
  URICredentialsProvider,
  type CredentialsProvider,
} from '@alicloud/credentials';
import { EckError, printable, type ErrorCode } from '../errors.js';
import type { Settings } from '../settings.js';
import type { World } from '../world.js';
import { readCliProfiles, type CliProfile } from './cli-profiles.js';
import { classifyFault } from './errors.js';
import { isMetadataServiceThere } from './metadata-service.js';
import {
  accessKeyProvider,
  Credential,
  ecsProvider,
  oidcProvider,
  profileProvider,
  roleProvider,
} from './providers.js';
import { withTransport, type TransportFacts } from './transport.js';

/** An identity with which calls can be signed. */
export interface Signer {
  readonly credential: Credential;
  /** The identity and where it comes from, in words that complete "ENS does not allow …". */
  readonly description: string;
  /** The profile of the aliyun CLI that it comes from. */
  readonly profile?: CliProfile | undefined;
}

/** An identity that a place has. It may turn out to be unusable. */
interface Found {
  readonly description: string;
  readonly profile?: CliProfile;
  /** What to do if it cannot be used. */
  readonly fix?: string;
  /** Whether its source may turn out to have no identity, with HTTP 404. */
  readonly isOptional?: boolean;
  provider(): CredentialsProvider;
}

/**
 * Looks for an identity in one place.
 *
 * @throws EckError why what is there is no identity
 */
type Look = (world: World, settings: Settings) => Found | undefined | Promise<Found | undefined>;

/** In the order of Alibaba Cloud's default credential chain. */
const places: readonly (readonly [name: string, look: Look])[] = [
  ['ALIBABA_CLOUD_ACCESS_KEY_ID', accessKeyOfEnvironment],
  ['ALIBABA_CLOUD_ROLE_ARN', oidcRoleOfEnvironment],
  ['~/.aliyun/config.json', cliProfile],
  ['~/.alibabacloud/credentials', profileOfCredentialsFile],
  ['the metadata service of ECS', roleOfEcsInstance],
  ['ALIBABA_CLOUD_CREDENTIALS_URI', credentialsUriOfEnvironment],
];

/**
 * Finds the identity to sign with: the CLI profile of the settings, else the first one of the default chain. If that
 * one cannot be used, no other is tried, since credentials are cached under its name.
 *
 * @throws EckError `identity-not-found` if there is none; `identity-unavailable` if its source cannot be reached or
 *   fails; `identity-refused` if that refuses with an API error code; `identity-unusable` for anything else
 */
export async function signIn(settings: Settings, world: World): Promise<Signer> {
  let problem: EckError | undefined;
  for (const [name, look] of places) {
    if (settings.profile !== undefined && look !== cliProfile) continue;
    let found: Found | undefined;
    try {
      found = await look(world, settings);
      if (found !== undefined) return await signInWith(found, settings, world);
      world.debug(`no identity in ${name}`);
    } catch (error) {
      if (!(error instanceof EckError)) throw error;
      // An ECS instance without a RAM role has no identity.
      if (found !== undefined && error.code !== 'identity-not-found') throw error;
      world.debug(`no identity in ${name}: ${error.message}`);
      problem ??= error;
    }
  }
  throw problem ?? notFound('No Alibaba Cloud identity was found');
}

function notFound(message: string): EckError {
  return new EckError('identity-not-found', message, {
    fix: 'Run "aliyun configure", or set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET',
  });
}

/** The values of variables that belong together; none if the first one is not set. */
function readTogether(names: readonly string[], { environment }: World): string[] {
  const [first = ''] = names;
  if (!environment[first]) return [];
  return names.map((name) => {
    const value = environment[name];
    if (!value) throw notFound(`${first} is set without ${name}`);
    return value;
  });
}

function accessKeyOfEnvironment(world: World): Found | undefined {
  const names = ['ALIBABA_CLOUD_ACCESS_KEY_ID', 'ALIBABA_CLOUD_ACCESS_KEY_SECRET'];
  const [access_key_id, access_key_secret] = readTogether(names, world);
  if (access_key_id === undefined) return undefined;
  const token = world.environment['ALIBABA_CLOUD_SECURITY_TOKEN'];
  return {
    description: `the AccessKey ${printable(access_key_id, 40)} of the environment`,
    provider: () => accessKeyProvider({ access_key_id, access_key_secret }, token),
  };
}

function oidcRoleOfEnvironment(world: World): Found | undefined {
  const names = ['ROLE_ARN', 'OIDC_PROVIDER_ARN', 'OIDC_TOKEN_FILE'].map((name) => `ALIBABA_CLOUD_${name}`);
  const [ram_role_arn, oidc_provider_arn, oidc_token_file] = readTogether(names, world);
  if (ram_role_arn === undefined) return undefined;
  return {
    description: `the RAM role ${printable(ram_role_arn, 120)} assumed with an OIDC token`,
    provider: () => oidcProvider({ ram_role_arn, oidc_provider_arn, oidc_token_file }),
  };
}

/** The profile of the settings, else the one of the environment, else the current one. */
async function cliProfile(world: World, { profile: named, timeoutMs }: Settings): Promise<Found | undefined> {
  const { environment } = world;
  if (named === undefined && isTrue(environment['ALIBABA_CLOUD_CLI_PROFILE_DISABLED'])) return undefined;
  const cli = await readCliProfiles(world.homeDirectory());
  const name = named ?? (environment['ALIBABA_CLOUD_PROFILE'] || cli?.current);
  if (name === undefined) return undefined;
  const shown = printable(name, 60);
  const fix = `Run "aliyun configure --profile ${shown}"`;
  const unusable = (message: string): EckError =>
    new EckError(named === undefined ? 'identity-not-found' : 'identity-unusable', message, { fix });
  const profile = cli?.profiles.find((candidate) => candidate.name === name);
  if (cli === undefined || profile === undefined) {
    const others = cli?.profiles.map((candidate) => printable(candidate.name, 60)).join(', ');
    throw unusable(printable(`The aliyun CLI has no profile ${shown}${others ? ` (it has ${others})` : ''}`));
  }
  if (profile.lacksAccessKey) {
    throw unusable(`Profile ${shown} of the aliyun CLI has no AccessKey, or half of one`);
  }
  const context = { environment, timeoutMs, fieldsOf: cli.fieldsOf };
  return {
    description: `profile ${shown} of the aliyun CLI`,
    profile,
    fix,
    provider: () => profileProvider(name, context),
  };
}

function profileOfCredentialsFile(world: World): Found | undefined {
  const { environment } = world;
  const file =
    environment['ALIBABA_CLOUD_CREDENTIALS_FILE'] || `${world.homeDirectory()}/.alibabacloud/credentials`;
  if (!existsSync(file)) return undefined;
  const profile = environment['ALIBABA_CLOUD_PROFILE'] || 'default';
  return {
    description: `profile ${printable(profile, 60)} of ${printable(file)}`,
    provider: () => ProfileCredentialsProvider.builder().withProfileName(profile).build(),
  };
}

async function roleOfEcsInstance({ environment }: World): Promise<Found | undefined> {
  if (isTrue(environment['ALIBABA_CLOUD_ECS_METADATA_DISABLED'])) return undefined;
  if (!(await isMetadataServiceThere())) return undefined;
  const role = environment['ALIBABA_CLOUD_ECS_METADATA'];
  return {
    description: `the RAM role ${role ? `${printable(role, 60)} ` : ''}of this ECS instance`,
    isOptional: true,
    provider: () => ecsProvider(role),
  };
}

function credentialsUriOfEnvironment({ environment }: World): Found | undefined {
  const uri = environment['ALIBABA_CLOUD_CREDENTIALS_URI'];
  if (!uri) return undefined;
  return {
    description: 'the identity of ALIBABA_CLOUD_CREDENTIALS_URI',
    provider: () => URICredentialsProvider.builder().withCredentialsURI(uri).build(),
  };
}

function isTrue(value: string | undefined): boolean {
  return value?.toLowerCase() === 'true';
}

/** Signs in, and asks for credentials once, so that an identity without any is found here. */
async function signInWith(found: Found, settings: Settings, { environment }: World): Promise<Signer> {
  const { roleArn, timeoutMs: totalMs } = settings;
  const assumed = roleArn ? `the RAM role ${printable(roleArn, 120)} assumed by ` : '';
  const description = `${assumed}${found.description}`;
  const facts: TransportFacts = {};
  try {
    const base = found.provider();
    const provider = roleArn ? roleProvider(base, { ram_role_arn: roleArn }) : base;
    const rules = { totalMs, maxBodyBytes: 256 * 1024, environment };
    await withTransport(rules, facts, () => provider.getCredentials());
    return { credential: new Credential(null, provider), description, profile: found.profile };
  } catch (error) {
    throw signInError(error, facts, { ...found, description });
  }
}

/**
 * Why an identity cannot be used. The library quotes whole responses and files, secrets included, so that only the
 * `Code` of a response is taken from its messages.
 */
function signInError(error: unknown, { failure, status = 0 }: TransportFacts, found: Found): EckError {
  const correct = found.fix ?? 'Correct it, or choose another identity with --profile';
  const again = 'Try again, or check the network and the proxy';
  const fail = (code: ErrorCode, why: string, fix: string): EckError =>
    new EckError(code, `Cannot sign in with ${found.description}: ${why}`, { fix });
  if (error instanceof EckError) {
    const { code, message, fix = correct } = error;
    // Others are the transport's own: an unusable proxy or certificate file.
    return code === 'identity-unusable' || code === 'identity-unavailable' ? fail(code, message, fix) : error;
  }
  if (failure !== undefined) return fail('identity-unavailable', failure.reason, failure.fix ?? again);
  const apiCode = apiCodeOf(error);
  if (apiCode !== undefined) {
    const refusals = ['ens-unauthenticated', 'ens-not-allowed'];
    const isRefused = refusals.includes(classifyFault({ status, apiCode, message: '' }));
    const why = `refused (${apiCode})`;
    return isRefused ? fail('identity-refused', why, correct) : fail('identity-unavailable', why, again);
  }
  if (status === 404 && found.isOptional) return notFound('This ECS instance has no RAM role (HTTP 404)');
  if (status > 0) {
    const why = status < 300 ? 'the response has no usable credentials' : `HTTP ${status}`;
    return fail('identity-unavailable', why, found.fix ? `Try again, or: ${found.fix}` : again);
  }
  return fail('identity-unusable', 'it has no usable credentials', correct);
}

/** The `Code` of the response in a message of the library. */
function apiCodeOf(error: unknown): string | undefined {
  const message = error instanceof Error ? error.message : '';
  // What the library says instead of SignatureDoesNotMatch.
  if (message === 'the access key secret is invalid') return 'SignatureDoesNotMatch';
  const code = /"Code"\s*:\s*"([A-Za-z0-9._-]{1,80})"/.exec(message)?.[1];
  return code === 'Success' ? undefined : code;
}

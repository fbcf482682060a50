import {
  CLIProfileCredentialsProvider,
  ECSRAMRoleCredentialsProvider,
  EnvironmentVariableCredentialsProvider,
  OIDCRoleArnCredentialsProvider,
  ProfileCredentialsProvider,
  RAMRoleARNCredentialsProvider,
  StaticSTSCredentialsProvider,
  URICredentialsProvider,
  type CredentialsProvider,
} from '@alicloud/credentials';
import { EckError, printable, type ErrorCode } from '../errors.js';
import type { Settings } from '../settings.js';
import type { Environment, World } from '../world.js';
import { connectTimeoutMs, readTimeoutMs, withTransport, type TransportFacts } from './transport.js';
import { readCliProfiles, type CliProfile, type CliProfiles } from './cli-profiles.js';
import { metadataServiceAnswers } from './metadata-service.js';
import { classifyFault, type FaultClass } from './errors.js';
import { Credential } from './client.js';

/** An identity that was found, with which calls can be signed. */
export interface Signer {
  readonly credential: Credential;
  /** Which identity it is and where it came from, in words that complete "ENS does not allow …". */
  readonly description: string;
  /** The profile of the aliyun CLI that it came from, if it did. */
  readonly profile?: CliProfile;
}

interface Found {
  readonly provider: CredentialsProvider;
  readonly description: string;
  readonly profile?: CliProfile;
}

/** A place where an identity can be. */
interface Place {
  readonly name: string;
  /** What is there, or why nothing is, in a few words. */
  look(environment: Environment, homeDirectory: string): Found | string | Promise<Found | string>;
}

/** The order of Alibaba Cloud's default credential chain, so that this plugin is who the SDKs and the CLI are. */
const places: readonly Place[] = [
  {
    name: 'ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET',
    look(environment) {
      const id = environment['ALIBABA_CLOUD_ACCESS_KEY_ID'];
      if (!id) return 'not set';
      if (!environment['ALIBABA_CLOUD_ACCESS_KEY_SECRET']) return 'no secret';
      return {
        provider: EnvironmentVariableCredentialsProvider.builder().build(),
        description: `the AccessKey ${printable(id, 40)} of the environment`,
      };
    },
  },
  {
    name: 'an OIDC role (ALIBABA_CLOUD_ROLE_ARN, …)',
    look(environment) {
      const role = environment['ALIBABA_CLOUD_ROLE_ARN'];
      if (!role) return 'not set';
      if (!environment['ALIBABA_CLOUD_OIDC_PROVIDER_ARN']) return 'no ALIBABA_CLOUD_OIDC_PROVIDER_ARN';
      if (!environment['ALIBABA_CLOUD_OIDC_TOKEN_FILE']) return 'no ALIBABA_CLOUD_OIDC_TOKEN_FILE';
      return {
        provider: OIDCRoleArnCredentialsProvider.builder().build(),
        description: `the RAM role ${printable(role, 120)} taken on with an OIDC token`,
      };
    },
  },
  {
    name: 'the aliyun CLI (~/.aliyun/config.json)',
    async look(environment, homeDirectory) {
      if (environment['ALIBABA_CLOUD_CLI_PROFILE_DISABLED']?.toLowerCase() === 'true') return 'disabled';
      const profiles = await readCliProfiles(homeDirectory);
      if (profiles === undefined) return 'no such file';
      return cliProfile(environment['ALIBABA_CLOUD_PROFILE'] || profiles.current, profiles);
    },
  },
  {
    name: '~/.alibabacloud/credentials',
    async look(environment, homeDirectory) {
      const file =
        environment['ALIBABA_CLOUD_CREDENTIALS_FILE'] || `${homeDirectory}/.alibabacloud/credentials`;
      const { existsSync } = await import('node:fs');
      if (!existsSync(file)) return 'no such file';
      const profile = environment['ALIBABA_CLOUD_PROFILE'] || 'default';
      return {
        provider: ProfileCredentialsProvider.builder().build(),
        description: `profile ${printable(profile, 60)} of ${printable(file)}`,
      };
    },
  },
  {
    name: 'the RAM role of this ECS instance (the metadata service)',
    async look(environment) {
      if (environment['ALIBABA_CLOUD_ECS_METADATA_DISABLED']?.toLowerCase() === 'true') return 'disabled';
      if (!(await metadataServiceAnswers())) return 'not on ECS';
      const role = environment['ALIBABA_CLOUD_ECS_METADATA'];
      const builder = ECSRAMRoleCredentialsProvider.builder();
      return {
        provider: (role ? builder.withRoleName(role) : builder).build(),
        description: `the RAM role ${role ? `${printable(role, 60)} ` : ''}of this ECS instance`,
      };
    },
  },
  {
    name: 'ALIBABA_CLOUD_CREDENTIALS_URI',
    look(environment) {
      const uri = environment['ALIBABA_CLOUD_CREDENTIALS_URI'];
      if (!uri) return 'not set';
      return {
        provider: URICredentialsProvider.builder().withCredentialsURI(uri).build(),
        description: 'the identity of ALIBABA_CLOUD_CREDENTIALS_URI',
      };
    },
  },
];

/** Why a place has no identity to sign with. */
interface NotUsable {
  /** In a few words. */
  readonly why: string;
  /** `identity-not-found` where there is nothing, and otherwise what is wrong with what is there. */
  readonly code: Extract<ErrorCode, `identity-${string}`>;
  /** Whether there is an identity, and it does not work. Nobody else may sign in its stead. */
  readonly isSomebody?: boolean;
}

/**
 * Finds the identity to sign with: the CLI profile that the settings name, else the first place of the default
 * chain that has a usable one.
 *
 * @throws EckError with every place that was looked at and what was found there: `identity-not-found` where there is
 *   nothing; `identity-unavailable` where there is one, and what it comes from cannot be reached; `identity-refused`
 *   where it is not accepted; `identity-unusable` where it cannot be used for another reason. No message holds a
 *   secret.
 */
export async function signIn(settings: Settings, world: World): Promise<Signer> {
  if (settings.profile !== undefined) return signInAs(settings.profile, settings, world);
  const seen: string[] = [];
  let code: NotUsable['code'] = 'identity-not-found';
  for (const place of places) {
    const found = await signInFrom(
      () => place.look(world.environment, world.homeDirectory()),
      settings,
      world,
    );
    if ('credential' in found) return found;
    seen.push(`${place.name}: ${found.why}`);
    // What is wrong with the first one that there is, is what has to be mended.
    if (code === 'identity-not-found') ({ code } = found);
    // What is kept is kept under the name of the first one, so that is who must have signed.
    if (found.isSomebody === true) break;
  }
  const summary =
    code === 'identity-not-found'
      ? 'No Alibaba Cloud identity was found'
      : 'No Alibaba Cloud identity can be used right now';
  throw new EckError(
    code,
    `${summary}. Looked at, in this order: ${seen.join('; ')}. ` +
      'The easiest ways to give one: run "aliyun configure", or set ALIBABA_CLOUD_ACCESS_KEY_ID and ' +
      'ALIBABA_CLOUD_ACCESS_KEY_SECRET',
  );
}

async function signInAs(profile: string, settings: Settings, world: World): Promise<Signer> {
  const name = printable(profile, 60);
  const found = await signInFrom(
    async () => {
      const profiles = await readCliProfiles(world.homeDirectory());
      return profiles === undefined ? 'there is no ~/.aliyun/config.json' : cliProfile(profile, profiles);
    },
    settings,
    world,
  );
  if ('credential' in found) return found;
  throw new EckError(
    found.code === 'identity-not-found' ? 'identity-unusable' : found.code,
    `Profile ${name} of the aliyun CLI cannot be used: ${found.why}; ` +
      `see "aliyun configure list", or make it with "aliyun configure --profile ${name}"`,
  );
}

/** The largest answer of a sign-in that is read. */
const maxBodyBytes = 256 * 1024;

/** Signs in with what a place has, and asks for credentials once, so that one without any is found out here. */
async function signInFrom(
  look: () => ReturnType<Place['look']>,
  { roleArn }: Settings,
  { environment }: World,
): Promise<Signer | NotUsable> {
  const facts: TransportFacts = {};
  let isThere = false;
  try {
    const looked = await look();
    isThere = typeof looked !== 'string';
    if (typeof looked === 'string') return { why: looked, code: 'identity-not-found' };
    const found = roleArn === undefined ? looked : withAssumedRole(looked, roleArn);
    const totalMs = connectTimeoutMs + readTimeoutMs;
    await withTransport({ connectTimeoutMs, readTimeoutMs, totalMs, maxBodyBytes, environment }, facts, () =>
      found.provider.getCredentials(),
    );
    const { description, profile } = found;
    const credential = new Credential(null, found.provider);
    return profile === undefined ? { credential, description } : { credential, description, profile };
  } catch (error) {
    const flaw = notUsable(error, facts);
    return { ...flaw, isSomebody: isThere && flaw.code !== 'identity-not-found' };
  }
}

/** The identity as a RAM role that it takes on (STS, AssumeRole). */
function withAssumedRole(found: Found, roleArn: string): Found {
  const provider = RAMRoleARNCredentialsProvider.builder()
    .withCredentialsProvider(found.provider)
    .withRoleArn(roleArn)
    .withRoleSessionName('kubectl-eck')
    .build();
  return {
    ...found,
    provider,
    description: `the RAM role ${printable(roleArn, 120)} taken on by ${found.description}`,
  };
}

function cliProfile(name: string, cli: CliProfiles): Found | string {
  const profile = cli.profiles.find((candidate) => candidate.name === name);
  if (profile === undefined) {
    const known = cli.profiles.map((candidate) => printable(candidate.name, 60)).join(', ');
    return `it has no profile ${printable(name, 60)}${known ? ` (it has ${known})` : ''}`;
  }
  if (cli.lacksAccessKey(profile)) return `profile ${printable(name, 60)} has no AccessKey, or half of one`;
  const provider = profile.mode === 'CloudSSO' ? keptSession(profile, cli) : cliProvider(profile);
  return {
    provider,
    description: `profile ${printable(name, 60)} of the aliyun CLI`,
    profile,
  };
}

/**
 * The CloudSSO session that the CLI has kept. It is used as it is: the library's own provider (2.4.7) asks for a new one
 * without saying for which account, and cannot get any.
 */
function keptSession(profile: CliProfile, cli: CliProfiles): CredentialsProvider {
  const session = cli.sessionOf(profile);
  if (session === undefined || session.expiresAt.getTime() <= Date.now()) {
    const why = `the CloudSSO session of profile ${printable(profile.name, 60)} has ended; sign in again with the CLI`;
    return {
      getProviderName: () => 'cloud_sso',
      getCredentials: () => Promise.reject(new EckError('identity-unusable', why)),
    };
  }
  return StaticSTSCredentialsProvider.builder()
    .withAccessKeyId(session.accessKeyId)
    .withAccessKeySecret(session.accessKeySecret)
    .withSecurityToken(session.securityToken)
    .build();
}

/** The library's provider for a profile, put together from others of the library for two modes that it lacks. */
function cliProvider({
  name,
  mode,
  credentialsUri,
  ramRoleArn,
  ramRoleName,
  sessionName,
}: CliProfile): CredentialsProvider {
  if (mode === 'CredentialsURI' && credentialsUri !== undefined) {
    return URICredentialsProvider.builder().withCredentialsURI(credentialsUri).build();
  }
  if (mode === 'RamRoleArnWithEcs' && ramRoleArn !== undefined) {
    const ecs = ECSRAMRoleCredentialsProvider.builder();
    return RAMRoleARNCredentialsProvider.builder()
      .withCredentialsProvider((ramRoleName === undefined ? ecs : ecs.withRoleName(ramRoleName)).build())
      .withRoleArn(ramRoleArn)
      .withRoleSessionName(sessionName ?? 'kubectl-eck')
      .build();
  }
  return CLIProfileCredentialsProvider.builder().withProfileName(name).build();
}

/**
 * Why a provider has no credentials. The library quotes whole answers and files in its messages, secrets included,
 * so an EckError's message and the `Code` of a refusal are all that is handed on.
 */
function notUsable(error: unknown, { failure, status }: TransportFacts): NotUsable {
  if (error instanceof EckError) return { why: error.message, code: 'identity-unusable' };
  if (failure !== undefined) return { why: failure.message, code: 'identity-unavailable' };
  const message = error instanceof Error ? error.message : '';
  const apiCode = /"Code"\s*:\s*"([A-Za-z0-9._-]{1,80})"/.exec(message)?.[1];
  if (apiCode !== undefined) {
    const fault = { status: status ?? 0, apiCode, message: '' };
    return { why: `refused (${apiCode})`, code: refusalCodes[classifyFault(fault)] };
  }
  // An ECS instance without a RAM role has none to give.
  if (status === 404) return { why: 'HTTP 404', code: 'identity-not-found' };
  if (status !== undefined && status >= 500) return { why: `HTTP ${status}`, code: 'identity-unavailable' };
  if (status !== undefined && status >= 400) return { why: `HTTP ${status}`, code: 'identity-refused' };
  const mode = /^unsupported profile mode '([A-Za-z]{1,40})'$/.exec(message)?.[1];
  if (mode !== undefined) return { why: `its mode ${mode} is not supported`, code: 'identity-unusable' };
  return { why: 'no usable credentials', code: 'identity-unusable' };
}

/** What the sign-in's refusals mean, by the classes that ENS has for the same codes. */
const refusalCodes: Record<FaultClass, NotUsable['code']> = {
  'ens-unauthenticated': 'identity-refused',
  'ens-not-allowed': 'identity-refused',
  'ens-throttled': 'identity-unavailable',
  'ens-unavailable': 'identity-unavailable',
  'ens-clock-skew': 'identity-unavailable',
  'ens-cluster-not-found': 'identity-refused',
  'ens-answer-invalid': 'identity-unavailable',
  'proxy-refused': 'identity-unavailable',
  'network-untrusted': 'identity-unavailable',
  'ens-refused': 'identity-unusable',
};

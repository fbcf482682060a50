import { existsSync } from 'node:fs';
import type { CredentialsProvider } from '@alicloud/credentials';
import { EckError, printable, quoted, type ErrorCode } from '../errors.js';
import {
  cliVariables,
  credentialsFile,
  ignoresProfiles,
  isMetadataDisabled,
  namedProfile,
  profileVariables,
  sdkVariables,
  type IdentityVariables,
} from '../identity.js';
import type { Settings } from '../settings.js';
import type { World } from '../world.js';
import { readCliProfiles, textOf, type CliProfile } from './cli-profiles.js';
import { classifyFault } from './errors.js';
import { isMetadataServiceThere } from './metadata-service.js';
import {
  accessKeyProvider,
  Credential,
  credentialsFileProvider,
  ecsProvider,
  oidcProvider,
  profileProvider,
  roleProvider,
  uriProvider,
} from './providers.js';
import { withTransport, type TransportFacts } from './transport.js';

/** An identity with which calls can be signed. */
export interface Signer {
  readonly credential: Credential;
  /** The identity and where it comes from, in words that complete "ENS does not allow …". */
  readonly description: string;
  /** The profile of the aliyun CLI that it comes from. */
  readonly profile?: CliProfile | undefined;
  /** Other identities that were found, and what keeps earlier places from having one. */
  readonly passedOver?: readonly string[];
}

/** An identity that a place has. It may turn out to be unusable. */
interface Found {
  readonly description: string;
  readonly profile?: CliProfile;
  /** The id of an AccessKey, which several places may have. */
  readonly accessKeyId?: string | undefined;
  /** What to do if it cannot be used. */
  readonly fix?: string;
  /** Whether its source may turn out to have no identity, with HTTP 404. */
  readonly isOptional?: boolean;
  provider(): CredentialsProvider;
}

/** Looks for an identity in one place. @throws EckError why what is there is no identity */
type Look = (world: World, settings: Settings) => Found | undefined | Promise<Found | undefined>;

/**
 * In the order of Alibaba Cloud's default credential chain, with the CLI's other variables after profiles. The URI is
 * before the metadata service, since an answer from the cache asks no network which of the two there is.
 */
const places: readonly (readonly [name: string, look: Look])[] = [
  ...sdkVariables.map(placeOfVariables),
  ['~/.aliyun/config.json', cliProfile],
  ...cliVariables.map(placeOfVariables),
  ['~/.alibabacloud/credentials', profileOfCredentialsFile],
  ['ALIBABA_CLOUD_CREDENTIALS_URI', credentialsUriOfEnvironment],
  ['the metadata service of ECS', roleOfEcsInstance],
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
  const passedOver: string[] = [];
  // No file of the SDK may have a profile that variables name and the CLI lacks.
  const isFinal = namedProfile(world.environment) !== undefined && !existsSync(credentialsFile(world));
  for (const [index, [name, look]] of places.entries()) {
    if (settings.profile !== undefined && look !== cliProfile) continue;
    let found: Found | undefined;
    try {
      found = await look(world, settings);
      if (found !== undefined) {
        const signer = await signInWith(found, settings, world);
        passedOver.push(...(await findOthers(found, index, settings, world)));
        return { ...signer, passedOver };
      }
      world.debug(`no identity in ${name}`);
    } catch (error) {
      if (!(error instanceof EckError)) throw error;
      // An ECS instance without a RAM role has no identity.
      if (found !== undefined && error.code !== 'identity-not-found') throw error;
      if (look === cliProfile && isFinal) throw error;
      world.debug(`no identity in ${name}: ${error.message}`);
      problem ??= error;
      // A current profile without an AccessKey is no news: the CLI makes one at its first start.
      if (look !== cliProfile || error.code !== 'identity-not-found') passedOver.push(error.message);
    }
  }
  throw problem ?? notFound('No Alibaba Cloud identity was found');
}

/** The other identities of later places, without asking the network, and the profiles that other variables name. */
async function findOthers(used: Found, index: number, settings: Settings, world: World): Promise<string[]> {
  const { environment } = world;
  const others: string[] = [];
  for (const [at, [, look]] of places.slice(0, -1).entries()) {
    // A profile that was chosen is before all places.
    if (settings.profile === undefined ? at <= index : look === cliProfile) continue;
    const found = await (async () => look(world, settings))().catch(() => undefined);
    const isSame = found?.accessKeyId !== undefined && found.accessKeyId === used.accessKeyId;
    if (found !== undefined && !isSame) others.push(found.description);
  }
  const known = used.profile?.name ?? namedProfile(environment);
  for (const variable of ignoresProfiles(environment) ? [] : profileVariables) {
    const name = environment[variable];
    if (name && name !== known) others.push(`profile ${shownName(name)} of ${variable}`);
  }
  return others;
}

function notFound(message: string): EckError {
  return new EckError('identity-not-found', message, {
    fix: 'Run "aliyun configure", or set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET',
  });
}

/** Variables that belong together: an error if some of them are set and others are not. */
function placeOfVariables({ kind, names }: IdentityVariables): [string, Look] {
  const [variable = ''] = names;
  const look: Look = ({ environment }) => {
    const set = names.find((name) => environment[name]);
    if (set === undefined) return undefined;
    const [first = '', second = '', third] = names.map((name) => {
      const value = environment[name];
      if (!value) throw notFound(`${set} is set without ${name}`);
      return value;
    });
    if (kind === 'oidc') {
      const fields = { ram_role_arn: first, oidc_provider_arn: second, oidc_token_file: third };
      const description = `the RAM role ${printable(first, 120)} assumed with an OIDC token`;
      return { description, provider: () => oidcProvider(fields) };
    }
    const token = environment[variable.replace('ACCESS_KEY_ID', 'SECURITY_TOKEN')];
    return {
      description: `the AccessKey ${printable(first, 40)} of ${variable}`,
      accessKeyId: first,
      provider: () => accessKeyProvider({ access_key_id: first, access_key_secret: second }, token),
    };
  };
  return [variable, look];
}

/** The profile of the settings, else the one that variables name, else the current one. */
async function cliProfile(world: World, { profile, timeoutMs }: Settings): Promise<Found | undefined> {
  const { environment } = world;
  if (profile === undefined && ignoresProfiles(environment)) return undefined;
  const cli = await readCliProfiles(world.homeDirectory());
  const name = profile ?? namedProfile(environment) ?? cli?.current;
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
  if (found.lacksAccessKey) {
    throw unusable(`Profile ${shown} of the aliyun CLI has no AccessKey, or half of one`);
  }
  return {
    description: `profile ${shown} of the aliyun CLI`,
    profile: found,
    accessKeyId: /^(?:AK|StsToken)$/.test(found.mode ?? '') ? textOf(cli.fieldsOf(name)?.['access_key_id']) : undefined,
    fix,
    provider: () => profileProvider(name, { environment, timeoutMs, fieldsOf: cli.fieldsOf }),
  };
}

/** A name in quotes where it has white space or control characters that could not be seen. */
function shownName(name: string): string {
  const shown = printable(name, 60);
  return shown === name ? shown : quoted(name, 60);
}

function profileOfCredentialsFile(world: World): Found | undefined {
  const file = credentialsFile(world);
  if (!existsSync(file)) return undefined;
  const profile = world.environment['ALIBABA_CLOUD_PROFILE'] || 'default';
  return {
    description: `profile ${shownName(profile)} of ${printable(file)}`,
    provider: () => credentialsFileProvider(file, profile),
  };
}

function credentialsUriOfEnvironment({ environment }: World): Found | undefined {
  const uri = environment['ALIBABA_CLOUD_CREDENTIALS_URI'];
  if (!uri) return undefined;
  return {
    description: 'the identity of ALIBABA_CLOUD_CREDENTIALS_URI',
    provider: () => uriProvider(uri, environment),
  };
}

async function roleOfEcsInstance({ environment }: World): Promise<Found | undefined> {
  if (isMetadataDisabled(environment)) return undefined;
  if (!(await isMetadataServiceThere())) return undefined;
  const role = environment['ALIBABA_CLOUD_ECS_METADATA'];
  return {
    description: `the RAM role ${role ? `${printable(role, 60)} ` : ''}of this ECS instance`,
    isOptional: true,
    provider: () => ecsProvider(environment, role),
  };
}

/** Signs in, and asks for credentials once, so that an identity without any is found here. */
async function signInWith(found: Found, settings: Settings, { environment }: World): Promise<Signer> {
  const { roleArn, timeoutMs } = settings;
  const assumed = roleArn ? `the RAM role ${printable(roleArn, 120)} assumed by ` : '';
  const description = `${assumed}${found.description}`;
  const facts: TransportFacts = {};
  const start = performance.now();
  try {
    const base = found.provider();
    const provider = roleArn ? roleProvider(base, { ram_role_arn: roleArn }) : base;
    const rules = {
      // Of all requests together.
      get totalMs() {
        return Math.max(1, start + timeoutMs - performance.now());
      },
      maxBodyBytes: 256 * 1024,
      environment,
    };
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

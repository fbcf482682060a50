import { readFile } from 'node:fs/promises';
import { EckError } from '../errors.js';

/** The profiles of the aliyun CLI, by name. Their secrets are left where they are. */
export interface CliProfiles {
  readonly current: string;
  readonly profiles: readonly CliProfile[];
  /** The session that was kept with a profile, if there is one. */
  sessionOf(profile: CliProfile): KeptSession | undefined;
  /**
   * Whether a profile is of a mode that signs with an AccessKey, and has none or half of one. The library would take
   * what is missing from the environment, and sign in as somebody else.
   */
  lacksAccessKey(profile: CliProfile): boolean;
}

/** A session that the CLI has kept with a profile. It holds secrets, and goes to a provider and nowhere else. */
export interface KeptSession {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken: string;
  readonly expiresAt: Date;
}

/** What is read of one profile: whatever is no secret. */
export interface CliProfile {
  readonly name: string;
  /** How it signs in, such as `AK`. */
  readonly mode?: string;
  readonly credentialsUri?: string;
  readonly ramRoleArn?: string;
  /** The role of the ECS instance that it runs on. */
  readonly ramRoleName?: string;
  readonly sessionName?: string;
  /** `region_id`, such as `cn-hangzhou`. */
  readonly region?: string;
}

/**
 * Reads which profiles `~/.aliyun/config.json` has.
 *
 * @returns `undefined` where there is no such file
 * @throws EckError `identity-unusable` where it cannot be read or understood
 */
export async function readCliProfiles(homeDirectory: string): Promise<CliProfiles | undefined> {
  const file = `${homeDirectory}/.aliyun/config.json`;
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(`${file} cannot be read`);
  }
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, and that holds secrets.
    throw unusable(`${file} is not JSON`);
  }
  const { current, profiles } = (config ?? {}) as { current?: unknown; profiles?: unknown };
  if (!Array.isArray(profiles)) throw unusable(`${file} has no profiles`);
  return {
    current: typeof current === 'string' && current !== '' ? current : 'default',
    profiles: profiles.flatMap(readProfile),
    sessionOf: ({ name }) => readSession(profiles.find((profile) => nameOf(profile) === name)),
    lacksAccessKey: ({ name, mode }) =>
      modesWithAccessKey.includes(mode) &&
      !hasAccessKey(profiles.find((profile) => nameOf(profile) === name)),
  };
}

const fields = {
  name: 'name',
  mode: 'mode',
  region: 'region_id',
  credentialsUri: 'credentials_uri',
  ramRoleArn: 'ram_role_arn',
  ramRoleName: 'ram_role_name',
  sessionName: 'ram_session_name',
} as const satisfies Record<keyof CliProfile, string>;

function readProfile(value: unknown): CliProfile[] {
  const written = (value ?? {}) as Record<string, unknown>;
  const profile: Partial<Record<keyof CliProfile, string>> = {};
  for (const [field, name] of Object.entries(fields) as [keyof CliProfile, string][]) {
    const text = written[name];
    // A name that is no Unicode text could not be written into a key, and nobody can have typed it.
    if (typeof text === 'string' && text !== '' && isText(text)) profile[field] = text;
  }
  const { name } = profile;
  return name === undefined ? [] : [{ ...profile, name }];
}

const modesWithAccessKey: readonly (string | undefined)[] = ['AK', 'StsToken', 'RamRoleArn'];

function hasAccessKey(value: unknown): boolean {
  const { access_key_id: id, access_key_secret: secret } = (value ?? {}) as Record<string, unknown>;
  return typeof id === 'string' && id !== '' && typeof secret === 'string' && secret !== '';
}

function nameOf(value: unknown): unknown {
  return ((value ?? {}) as Record<string, unknown>)['name'];
}

function readSession(value: unknown): KeptSession | undefined {
  const {
    access_key_id: accessKeyId,
    access_key_secret: accessKeySecret,
    sts_token: securityToken,
    sts_expiration: expiration,
  } = (value ?? {}) as Record<string, unknown>;
  if (typeof accessKeyId !== 'string' || typeof accessKeySecret !== 'string') return undefined;
  if (typeof securityToken !== 'string' || typeof expiration !== 'number') return undefined;
  // Seconds since 1970.
  return { accessKeyId, accessKeySecret, securityToken, expiresAt: new Date(expiration * 1000) };
}

function isText(text: string): boolean {
  return Buffer.from(text, 'utf8').toString('utf8') === text;
}

function unusable(message: string): EckError {
  return new EckError('identity-unusable', message);
}

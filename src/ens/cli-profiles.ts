import { readFile } from 'node:fs/promises';
import { EckError, errorCode, ifPossible, isMapping, printable, textOf, type Mapping } from '../errors.js';

/** A profile of the aliyun CLI, without its secrets. */
export type CliProfile = NonNullable<ReturnType<typeof readProfile>>;
/** The configuration of the aliyun CLI. */
export type CliProfiles = NonNullable<Awaited<ReturnType<typeof readCliProfiles>>>;

/** Reads `~/.aliyun/config.json`. @returns `undefined` if there is no such file @throws EckError `identity-unusable` */
export async function readCliProfiles(homeDirectory: string) {
  const file = `${homeDirectory}/.aliyun/config.json`;
  const unusable = (why: string, fix?: string): EckError =>
    new EckError('identity-unusable', `${printable(file)} ${why}`, { fix });
  let text: string;
  try {
    // PowerShell writes a byte order mark.
    text = (await readFile(file, 'utf8')).replace(/^\ufeff/, '');
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT') return undefined;
    throw unusable(`cannot be read (${code})`);
  }
  const fix = 'Correct the file, or move it away and run "aliyun configure"';
  const config = parseJson(text);
  if (config === undefined) throw unusable('is not JSON', fix);
  if (!isMapping(config) || !Array.isArray(config['profiles'])) throw unusable('has no profiles', fix);
  const all: readonly Mapping[] = config['profiles'].filter(isMapping);
  return {
    /** The name of the current profile, which may not exist. */
    current: textOf(config['current']) ?? 'default',
    profiles: all.flatMap((fields) => readProfile(fields) ?? []),
    /** All fields of a profile, secrets included: for credential providers only. */
    fieldsOf: (name: string): Mapping | undefined => all.find((fields) => fields['name'] === name),
  };
}

/** All that the CLI stores. */
const modes = (
  'AK StsToken RamRoleArn EcsRamRole RsaKeyPair RamRoleArnWithRoleName ChainableRamRoleArn External ' +
  'CredentialsURI OIDC CloudSSO OAuth BearerToken Anonymous'
).split(' ');

/** The mode of a profile. The CLI reads it without regard to case. */
export function modeOf(fields: Mapping): string | undefined {
  const mode = textOf(fields['mode']);
  return modes.find((known) => known.toLowerCase() === mode?.toLowerCase()) ?? mode;
}

/** The mode of a profile, then that of the one that it starts from, and so on. */
export function modesBehind({ fieldsOf }: CliProfiles, name: string): string[] {
  const found: string[] = [];
  for (let fields = fieldsOf(name); fields && found.length < 10;) {
    found.push(modeOf(fields) ?? '');
    fields = fieldsOf(textOf(fields['source_profile']) ?? '');
  }
  return found;
}

function readProfile(fields: Mapping) {
  const name = textOf(fields['name']);
  // A cache key cannot contain text that is not valid Unicode.
  if (name === undefined || Buffer.from(name).toString() !== name) return undefined;
  const mode = modeOf(fields);
  const needsAccessKey = mode === 'AK' || mode === 'StsToken' || mode === 'RamRoleArn';
  // As the CLI's first empty profile.
  const lacksAccessKey = needsAccessKey && !hasAccessKey(fields);
  return { name, mode, region: textOf(fields['region_id']), lacksAccessKey };
}

export function hasAccessKey(fields: Mapping): boolean {
  return textOf(fields['access_key_id']) !== undefined && textOf(fields['access_key_secret']) !== undefined;
}

/** JSON, or `undefined`: the parser's message quotes the text, which may contain secrets. */
export function parseJson(text: string): unknown {
  return ifPossible(() => JSON.parse(text) as unknown);
}

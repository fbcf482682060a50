import { readFile } from 'node:fs/promises';
import { EckError, printable } from '../errors.js';
import { isMapping, type Mapping } from '../mapping.js';

/** A profile of the aliyun CLI, without its secrets. */
export interface CliProfile {
  readonly name: string;
  /** How it signs in, such as `AK`. */
  readonly mode?: string;
  /** `region_id`, such as `cn-hangzhou`. */
  readonly region?: string;
}

/** The configuration of the aliyun CLI. */
export interface CliProfiles {
  /** The name of the current profile, which may not exist. */
  readonly current: string;
  readonly profiles: readonly CliProfile[];
  /** All fields of a profile, secrets included: for credential providers only. */
  readonly fieldsOf: (name: string) => Mapping | undefined;
  /** Whether a profile signs with an AccessKey and has none or half of one, as the CLI's first empty profile. */
  lacksAccessKey(profile: CliProfile): boolean;
}

/**
 * Reads `~/.aliyun/config.json`.
 *
 * @returns `undefined` if there is no such file
 * @throws EckError `identity-unusable`
 */
export async function readCliProfiles(homeDirectory: string): Promise<CliProfiles | undefined> {
  const file = `${homeDirectory}/.aliyun/config.json`;
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new EckError('identity-unusable', `${printable(file)} cannot be read (${code})`);
  }
  const fix = 'Correct the file, or move it away and run "aliyun configure"';
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which contains secrets.
    throw new EckError('identity-unusable', `${printable(file)} is not JSON`, { fix });
  }
  if (!isMapping(config) || !Array.isArray(config['profiles'])) {
    throw new EckError('identity-unusable', `${printable(file)} has no profiles`, { fix });
  }
  const { current } = config;
  const all: readonly Mapping[] = config['profiles'].filter(isMapping);
  const fieldsOf = (name: string): Mapping | undefined => all.find((fields) => fields['name'] === name);
  return {
    current: textOf(current) ?? 'default',
    profiles: all.flatMap((fields) => readProfile(fields) ?? []),
    fieldsOf,
    lacksAccessKey: ({ name, mode }) => {
      if (mode === undefined || !modesWithAccessKey.includes(mode)) return false;
      const fields = fieldsOf(name);
      return !textOf(fields?.['access_key_id']) || !textOf(fields?.['access_key_secret']);
    },
  };
}

const modesWithAccessKey: readonly string[] = ['AK', 'StsToken', 'RamRoleArn'];

function readProfile(fields: Mapping): CliProfile | undefined {
  const name = textOf(fields['name']);
  // A cache key cannot contain text that is not valid Unicode.
  if (name === undefined || Buffer.from(name).toString() !== name) return undefined;
  const mode = textOf(fields['mode']);
  const region = textOf(fields['region_id']);
  return { name, ...(mode === undefined ? {} : { mode }), ...(region === undefined ? {} : { region }) };
}

/** A field that is a text and not empty. */
export function textOf(field: unknown): string | undefined {
  return typeof field === 'string' && field !== '' ? field : undefined;
}

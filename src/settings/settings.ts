import { quoted, usageError } from '../errors.js';
import type { Environment } from '../identity/identity.js';
import { storeChoices, type StoreChoice } from '../keychain/store.js';
import { parseDuration } from './duration.js';
import { parseEndpoint, parseSite, siteOfRegion, type EndpointSetting } from './endpoint.js';

/** Who is asking, where, where credentials are kept, and how long to wait: what every call to ENS depends on. */
export interface Settings {
  /** A profile of the aliyun CLI, where one was named by flag or by `KUBECTL_ECK_PROFILE`. */
  readonly profile: string | undefined;
  /** A RAM role to take on, on top of the identity that is found. */
  readonly roleArn: string | undefined;
  readonly endpoint: EndpointSetting;
  readonly store: StoreChoice;
  /** How old a kept credential may become before ENS is asked again. */
  readonly maxAgeMs: number;
  /** How long to go on trying, all attempts and waits together. */
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
}

/** Twelve hours: access ends within a working day of the permission's end. */
export const defaultMaxAgeMs = 12 * 3_600_000;

/** The settings as they were typed. A flag that was not given is not there. */
export type SettingTexts = Readonly<Partial<Record<SettingFlag, string>>>;

/** The flags that {@link readSettings} reads, on every command that may call ENS. */
export const settingFlags = [
  'profile',
  'role-arn',
  'endpoint',
  'site',
  'store',
  'max-age',
  'timeout',
  'connect-timeout',
  'read-timeout',
] as const;
export type SettingFlag = (typeof settingFlags)[number];

/** The environment variable that stands for a flag: `--cluster-id` and `KUBECTL_ECK_CLUSTER_ID`. */
export function variableOf(flag: string): string {
  return `KUBECTL_ECK_${flag.toUpperCase().replaceAll('-', '_')}`;
}

/** A flag's text: what was typed, else its environment variable, else `undefined`. An empty variable is none. */
export function settingText(
  flag: string,
  typed: string | undefined,
  environment: Environment,
): string | undefined {
  return typed ?? (environment[variableOf(flag)] || undefined);
}

/**
 * Reads the settings from flags and their environment variables; a flag beats its variable.
 *
 * @throws EckError `usage` for a value that cannot be understood, and for both `--endpoint` and `--site`
 */
export function readSettings(typed: SettingTexts, environment: Environment): Settings {
  const text = (flag: SettingFlag): string | undefined => settingText(flag, typed[flag], environment);
  const durationMs = (flag: SettingFlag, otherwiseMs: number): number => {
    const duration = text(flag);
    return duration === undefined ? otherwiseMs : parseDuration(flag, duration);
  };
  const profile = text('profile');
  if (profile === '') throw usageError('--profile is empty; give the name of a profile of the aliyun CLI');
  const roleArn = text('role-arn');
  if (roleArn !== undefined && !/^acs:ram::\d+:role\/[\w.@-]+$/.test(roleArn)) {
    throw usageError(`--role-arn ${quoted(roleArn, 150)} is not one such as acs:ram::123456789012:role/name`);
  }
  return {
    profile,
    roleArn,
    endpoint: readEndpoint(typed, environment),
    store: parseStore(text('store') ?? 'auto'),
    maxAgeMs: durationMs('max-age', defaultMaxAgeMs),
    timeoutMs: durationMs('timeout', 20_000),
    connectTimeoutMs: durationMs('connect-timeout', 5_000),
    readTimeoutMs: durationMs('read-timeout', 10_000),
  };
}

function readEndpoint(typed: SettingTexts, environment: Environment): EndpointSetting {
  if (typed.endpoint !== undefined && typed.site !== undefined) {
    throw usageError('--endpoint and --site say the same thing twice; give one of them');
  }
  if (typed.endpoint !== undefined) return parseEndpoint(typed.endpoint);
  if (typed.site !== undefined) return { kind: 'site', site: parseSite(typed.site) };
  const endpoint = settingText('endpoint', undefined, environment);
  if (endpoint !== undefined) return parseEndpoint(endpoint);
  const site = settingText('site', undefined, environment);
  if (site !== undefined) return { kind: 'site', site: parseSite(site) };
  const region = environment['ALIBABA_CLOUD_REGION_ID'];
  return region ? { kind: 'site', site: siteOfRegion(region) } : { kind: 'default' };
}

function parseStore(text: string): StoreChoice {
  const store = storeChoices.find((choice) => choice === text);
  if (store === undefined) {
    throw usageError(`--store ${quoted(text)} is not one of ${storeChoices.join(', ')}`);
  }
  return store;
}

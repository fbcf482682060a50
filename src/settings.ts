import { parseEndpoint, siteOfRegion, sites, type EndpointSetting } from './endpoint.js';
import { quoted, usageError } from './errors.js';
import type { Environment } from './world.js';

/** The stores that save something. */
export const savingStores = ['keychain', 'kernel', 'file'] as const;
export type SavingStore = (typeof savingStores)[number];

/** The places that hold cached credentials. `none` saves nothing. */
export type StoreName = SavingStore | 'none';

/** The values of `--store`. */
export const storeChoices = ['auto', ...savingStores, 'none'] as const;
export type StoreChoice = (typeof storeChoices)[number];

/** Who asks, where, where credentials are saved, and how long to wait: what every call to ENS depends on. */
export interface Settings {
  /** A profile of the aliyun CLI. */
  readonly profile: string | undefined;
  /** A RAM role to assume first. */
  readonly roleArn: string | undefined;
  readonly endpoint: EndpointSetting;
  readonly store: StoreChoice;
  /** A cached credential that is older is renewed. */
  readonly maxAgeMs: number;
  /** The limit of a call to ENS, all attempts and waits together. */
  readonly timeoutMs: number;
}

/** Twelve hours: access ends within a working day of the permission's end. */
export const defaultMaxAgeMs = 12 * 3_600_000;
export const defaultTimeoutMs = 20_000;

/** The flags that {@link readSettings} reads. Only these have environment variables. */
export const settingFlags = ['profile', 'role-arn', 'endpoint', 'site', 'store', 'max-age', 'timeout'] as const;
export type SettingFlag = (typeof settingFlags)[number];

/** The settings as they were typed. A flag that was not given is absent. */
export type SettingTexts = Readonly<Partial<Record<SettingFlag, string>>>;

/** The environment variable of a flag: `KUBECTL_ECK_ROLE_ARN` for `role-arn`. */
export function variableOf(flag: SettingFlag): string {
  return `KUBECTL_ECK_${flag.toUpperCase().replaceAll('-', '_')}`;
}

/** Finds the text of a setting, and the flag or variable that it comes from. */
type Find = (flag: SettingFlag) => { readonly text: string; readonly source: string } | undefined;

/** Reads the settings from flags, and from variables for flags that were not given. @throws EckError `usage` */
export function readSettings(typed: SettingTexts, environment: Environment): Settings {
  const find: Find = (flag) => {
    const text = typed[flag];
    if (text !== undefined) return { text, source: `--${flag}` };
    const variable = variableOf(flag);
    const value = environment[variable];
    return value ? { text: value, source: variable } : undefined;
  };
  const durationMs = (flag: SettingFlag, otherwiseMs: number): number => {
    const found = find(flag);
    return found === undefined ? otherwiseMs : parseDuration(found.source, found.text);
  };
  const store = find('store') ?? { source: '--store', text: 'auto' };
  const profile = find('profile');
  if (profile?.text === '') {
    throw usageError('--profile is empty', 'Give the name of a profile of the aliyun CLI');
  }
  const role = find('role-arn');
  if (role !== undefined && !/^acs:ram::\d+:role\/[\w.@-]+$/.test(role.text)) {
    throw usageError(
      `${role.source} ${quoted(role.text, 150)} is not a role ARN`,
      'Give one such as acs:ram::123456789012:role/name',
    );
  }
  return {
    profile: profile?.text,
    roleArn: role?.text,
    endpoint: readEndpoint(typed, find, environment),
    store: parseChoice(store.source, store.text, storeChoices),
    maxAgeMs: durationMs('max-age', defaultMaxAgeMs),
    timeoutMs: durationMs('timeout', defaultTimeoutMs),
  };
}

/** In the order of the aliyun CLI, which also reads `REGION_ID` and `REGION`: other programs set those. */
const regionVariables = ['ALIBABA_CLOUD_REGION_ID', 'ALIBABACLOUD_REGION_ID', 'ALICLOUD_REGION_ID'] as const;

function readEndpoint(typed: SettingTexts, find: Find, environment: Environment): EndpointSetting {
  if (typed.endpoint !== undefined && typed.site !== undefined) {
    throw usageError('--endpoint and --site exclude each other', 'Give one of them');
  }
  // A typed --site beats the variable of --endpoint.
  const endpoint = typed.site === undefined ? find('endpoint') : undefined;
  if (endpoint !== undefined) return parseEndpoint(endpoint.text, endpoint.source);
  const site = find('site');
  if (site !== undefined) return { kind: 'site', site: parseChoice(site.source, site.text, sites) };
  const region = regionVariables.map((name) => environment[name]).find(Boolean);
  return region ? { kind: 'site', site: siteOfRegion(region) } : { kind: 'default' };
}

/** Parses the text of a flag, argument or variable that has a few values. @throws EckError `usage` */
export function parseChoice<T extends string>(source: string, text: string, choices: readonly T[]): T {
  const choice = choices.find((each) => each === text);
  if (choice === undefined) throw usageError(`${source} ${quoted(text)} is not one of ${choices.join(', ')}`);
  return choice;
}

/**
 * The arguments with which settings are read again: flags with their values, without defaults. Where variables set
 * something else, as in `environment`, a default is no default.
 */
export function argumentsOf(settings: Omit<Settings, 'timeoutMs'>, environment: Environment = {}): string[] {
  const { profile, roleArn, endpoint, store, maxAgeMs } = settings;
  const isPinned = (flag: SettingFlag, isDefault: boolean, defaultText: string) =>
    !isDefault || !['', defaultText].includes(environment[variableOf(flag)] ?? '');
  const typed: SettingTexts = {
    ...(profile !== undefined && { profile }),
    ...(roleArn !== undefined && { 'role-arn': roleArn }),
    ...(endpoint.kind === 'address' && { endpoint: endpoint.address }),
    ...(endpoint.kind === 'site' && { site: endpoint.site }),
    ...(isPinned('store', store === 'auto', 'auto') && { store }),
    ...(isPinned('max-age', maxAgeMs === defaultMaxAgeMs, '12h') && { 'max-age': formatDuration(maxAgeMs) }),
  };
  return Object.entries(typed).flatMap(([flag, value]) => [`--${flag}`, value]);
}

/** Returns a cluster id, such as `eck-0123abcd`. @throws EckError `usage` for anything else */
export function parseClusterId(text: string): string {
  if (isClusterId(text)) return text;
  throw usageError(
    text === '' ? 'the cluster id is empty' : `${quoted(text)} is not a cluster id`,
    'Give one such as eck-0123abcd',
  );
}

/** Whether a text has the form of a cluster id: letters, digits, `-` and `_`, at most 63 of them. */
export function isClusterId(text: string): boolean {
  return /^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$/.test(text);
}

const unitsMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** Parses a duration as Go's tools write it, such as `500ms` or `1h30m`. It is not 0. @throws EckError `usage` */
export function parseDuration(source: string, text: string): number {
  let durationMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    durationMs += Number(amount) * unitsMs[unit as keyof typeof unitsMs];
  }
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text) || durationMs <= 0 || durationMs >= 2 ** 31) {
    throw usageError(`${source} ${quoted(text)} is not a duration`, 'Give one such as 30s, 10m or 12h');
  }
  return durationMs;
}

/** Formats a duration as {@link parseDuration} parses it. */
export function formatDuration(durationMs: number): string {
  return durationMs % 1000 === 0 ? `${durationMs / 1000}s` : `${durationMs}ms`;
}

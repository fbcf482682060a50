import { settingFlags, type SettingTexts } from '../settings.js';
import type { Environment } from '../world.js';

/** The command line of a request for a credential, as it was typed. */
export interface ExecArguments {
  readonly clusterId: string | undefined;
  /** `v1` or `v1beta1`, for clients that do not set `KUBERNETES_EXEC_INFO`. */
  readonly execApiVersion?: string | undefined;
  readonly settings: SettingTexts;
}

const flags: readonly string[] = ['cluster-id', 'exec-api-version', ...settingFlags];

/** Flags that earlier versions wrote into contexts. They are ignored. */
const retiredFlags: readonly string[] = ['connect-timeout', 'read-timeout'];

/**
 * Reads the command lines that kubectl waits for, without loading an argument parser: `exec-credential --flag VALUE…`,
 * and `get-credentials …` if kubectl runs it.
 *
 * @returns `undefined` for everything else, mistakes and `--help` included, which the command line handles
 */
export function readExecArguments(args: readonly string[], environment: Environment): ExecArguments | undefined {
  const [command, ...rest] = args;
  const isGetCredentials = command === 'get-credentials' && Boolean(environment['KUBERNETES_EXEC_INFO']);
  if (command !== 'exec-credential' && !isGetCredentials) return undefined;

  const values: Record<string, string> = {};
  for (let index = 0; index < rest.length; index += 1) {
    const argument = rest[index] ?? '';
    if (!argument.startsWith('--')) {
      if (!isGetCredentials || argument.startsWith('-') || 'cluster-id' in values) return undefined;
      values['cluster-id'] = argument;
      continue;
    }
    const equals = argument.indexOf('=');
    const name = argument.slice(2, equals < 0 ? undefined : equals);
    const isRetired = retiredFlags.includes(name);
    if ((!isRetired && !flags.includes(name)) || name in values) return undefined;
    const value = equals < 0 ? rest[(index += 1)] : argument.slice(equals + 1);
    if (value === undefined) return undefined;
    if (!isRetired) values[name] = value;
  }
  const { 'cluster-id': clusterId, 'exec-api-version': execApiVersion, ...settings } = values;
  return { clusterId, execApiVersion, settings };
}

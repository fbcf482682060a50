import { Option, type Argument, type Command } from 'commander';
import { quoted, usageError } from '../errors.js';
import { execApiVersions, type ExecApiVersion } from '../exec-credential/protocol.js';
import type { Environment } from '../identity/identity.js';
import { storeChoices } from '../keychain/store.js';
import { locateKubeconfig, type KubeconfigPaths } from '../kubeconfig/user.js';
import { sites } from '../settings/endpoint.js';
import { settingFlags, variableOf, type SettingTexts } from '../settings/settings.js';
import type { World } from '../world.js';

/** The options of one command, as they were typed or given by environment variables, by the flag's long name. */
export type OptionTexts = Readonly<Record<string, string | boolean | undefined>>;

const helpGroup = 'Who, where and how:';

/** Adds the options that say who, and where: what a credential is kept under besides its cluster. */
export function addIdentityOptions(command: Command): Command {
  return addInGroup(command, [
    new Option('--profile <NAME>', 'sign calls with this profile of the aliyun CLI'),
    new Option('--role-arn <ARN>', 'take on this RAM role first'),
    new Option('--endpoint <HOST>', 'call this ENS endpoint, a host or a URL'),
    withChoices(new Option('--site <SITE>', 'call the endpoint of this site of Alibaba Cloud'), sites),
  ]);
}

/** Adds the options of a command that calls ENS: who calls, where, and how long it may take. */
export function addAccountOptions(command: Command): Command {
  return addInGroup(addIdentityOptions(command), [
    new Option('--timeout <DURATION>', 'give up after this long, all attempts together').default('20s'),
    new Option('--connect-timeout <DURATION>', 'wait this long for a connection').default('5s'),
    new Option('--read-timeout <DURATION>', 'wait this long for an answer').default('10s'),
  ]);
}

/** Adds the option that says where credentials are kept. */
export function addStoreOption(command: Command): Command {
  return addInGroup(command, [
    withChoices(new Option('--store <STORE>', 'keep credentials here'), storeChoices).default('auto'),
  ]);
}

/** Adds all the options that {@link readSettings} reads, of a command that fetches credentials and keeps them. */
export function addSettingOptions(command: Command): Command {
  addStoreOption(addAccountOptions(command));
  return addInGroup(command, [
    new Option('--max-age <DURATION>', 'ask ENS again for a credential that is older').default('12h'),
  ]);
}

/** Defaults are shown, and applied where the settings are read: there an environment variable comes first. */
function addInGroup(command: Command, options: readonly Option[]): Command {
  for (const option of options) command.addOption(withVariable(option).helpGroup(helpGroup));
  return command;
}

/** The option that says which kubeconfig is read or written; see {@link kubeconfigPaths}. */
export function kubeconfigOption(): Option {
  return withVariable(
    new Option('--kubeconfig <FILE>', 'use this kubeconfig, instead of $KUBECONFIG or ~/.kube/config'),
  );
}

/** The files of the user kubeconfig, by the option, its variable, `$KUBECONFIG` or their usual place. */
export function kubeconfigPaths(command: Command, world: World): KubeconfigPaths {
  return locateKubeconfig({
    flag: textOption(command, 'kubeconfig', world.environment),
    environment: world.environment,
    homeDirectory: world.homeDirectory(),
    platform: world.platform,
  });
}

/** The option that says which version of the exec credential protocol kubectl is to speak; see {@link execApiVersion}. */
export function execApiVersionOption(): Option {
  return withVariable(
    withChoices(
      new Option('--exec-api-version <VERSION>', 'of the exec entry; v1beta1 for kubectl before 1.22'),
      ['v1', 'v1beta1'],
    ).default('v1'),
  );
}

/**
 * The version that was asked for.
 *
 * @throws EckError `usage` for one that there is not
 */
export function execApiVersion(command: Command, environment: Environment): ExecApiVersion {
  const text = textOption(command, 'exec-api-version', environment) ?? 'v1';
  const version = execApiVersions.find((known) => known.endsWith(`/${text}`));
  if (version === undefined) throw usageError(`--exec-api-version ${quoted(text)} is not one of v1, v1beta1`);
  return version;
}

/** The option that says in which format data goes to standard output. The first format is the default. */
export function outputOption(formats: readonly [string, ...string[]]): Option {
  return withVariable(
    withChoices(new Option('-o, --output <FORMAT>', 'print in this format'), formats).default(formats[0]),
  );
}

/**
 * The format that was asked for.
 *
 * @throws EckError `usage` for one that there is not
 */
export function outputFormat<Format extends string>(
  command: Command,
  formats: readonly [Format, ...Format[]],
  environment: Environment,
): Format {
  const text = textOption(command, 'output', environment) ?? formats[0];
  const format = formats.find((known) => known === text);
  if (format === undefined) throw usageError(`--output ${quoted(text)} is not one of ${formats.join(', ')}`);
  return format;
}

/**
 * Makes an option or an argument take some values only, which help and completion show. An environment variable that
 * stands for it has to be checked where it is read.
 */
export function withChoices<Taker extends Option | Argument>(
  taker: Taker,
  choices: readonly string[],
): Taker {
  const name = taker instanceof Option ? (taker.long ?? taker.flags) : taker.name();
  // Not commander's own check: a mistake is told in the same words wherever it was made.
  taker.argParser((text) => {
    if (choices.includes(text)) return text;
    throw usageError(`${name} ${quoted(text)} is not one of ${choices.join(', ')}`);
  });
  taker.argChoices = [...choices];
  return taker;
}

/** Makes an option show, and later take, the environment variable that stands for it. */
export function withVariable(option: Option): Option {
  const flag = option.long?.replace(/^--/, '') ?? '';
  option.description += ` [$${variableOf(flag)}]`;
  return option;
}

/** What was typed of the flags that `readSettings` reads. */
export function typedSettings(command: Command): SettingTexts {
  return Object.fromEntries(
    settingFlags.flatMap((flag) => {
      const text = typedText(command, flag);
      return text === undefined ? [] : [[flag, text]];
    }),
  );
}

/** The text of an option that takes a value, where it was typed. */
export function typedText(command: Command, flag: string): string | undefined {
  const attribute = camelCase(flag);
  if (command.getOptionValueSource(attribute) !== 'cli') return undefined;
  const value: unknown = command.getOptionValue(attribute);
  return typeof value === 'string' ? value : undefined;
}

/** The text of an option, typed or from its environment variable. */
export function textOption(command: Command, flag: string, environment: Environment): string | undefined {
  return typedText(command, flag) ?? (environment[variableOf(flag)] || undefined);
}

/**
 * Whether an option without a value is on: typed, or its environment variable is true.
 *
 * @throws EckError `usage` for a variable that is neither true nor false
 */
export function switchOption(command: Command, flag: string, environment: Environment): boolean {
  // Commander files --no-headers under "headers".
  if (command.getOptionValueSource(camelCase(flag.replace(/^no-/, ''))) === 'cli') return true;
  const text = environment[variableOf(flag)]?.toLowerCase();
  if (text === undefined || text === '' || ['false', '0', 'no'].includes(text)) return false;
  if (['true', '1', 'yes'].includes(text)) return true;
  throw usageError(`${variableOf(flag)}=${quoted(text)} is neither true nor false`);
}

function camelCase(flag: string): string {
  return flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

import { Option, type Argument, type Command } from 'commander';
import { sites } from '../endpoint.js';
import { printable } from '../errors.js';
import { parseExecApiVersion, type ExecApiVersion } from '../exec-credential/protocol.js';
import {
  parseChoice,
  settingFlags,
  storeChoices,
  variableOf,
  type SettingFlag,
  type SettingTexts,
} from '../settings.js';
import { shellWord } from '../terminal/format.js';
import type { World } from '../world.js';
import { locateKubeconfig, type KubeconfigPaths } from '../kubeconfig/files.js';

const helpGroup = 'Who, where and how:';

/** Adds the options that say who signs, and where. */
export function addIdentityOptions(command: Command): Command {
  return addSettings(command, [
    new Option('--profile <NAME>', 'sign calls with this profile of the aliyun CLI'),
    new Option('--role-arn <ARN>', 'assume this RAM role first'),
    new Option('--endpoint <HOST>', 'call this ENS endpoint, a host or a URL'),
    withChoices(new Option('--site <SITE>', 'call the endpoint of this site of Alibaba Cloud'), sites),
  ]);
}

/** Adds the options of a command that calls ENS. */
export function addAccountOptions(command: Command): Command {
  return addSettings(addIdentityOptions(command), [
    new Option('--timeout <DURATION>', 'give up after this time, all attempts together').default('20s'),
  ]);
}

/** Adds the options of a command that fetches and saves credentials. */
export function addSettingOptions(command: Command): Command {
  return addSettings(addAccountOptions(command), [
    withChoices(new Option('--store <STORE>', 'save credentials here'), storeChoices).default('auto'),
    new Option('--max-age <DURATION>', 'renew a credential that is older').default('12h'),
  ]);
}

/** Defaults are shown here and applied by `readSettings`, where a variable beats them. */
function addSettings(command: Command, options: readonly Option[]): Command {
  for (const option of options) {
    option.description += ` [$${variableOf(option.long?.slice(2) as SettingFlag)}]`;
    command.addOption(option.helpGroup(helpGroup));
  }
  return command;
}

export function typedSettings(command: Command): SettingTexts {
  return Object.fromEntries(
    settingFlags.flatMap((flag) => {
      const text = textOption(command, flag);
      return text === undefined ? [] : [[flag, text]];
    }),
  );
}

export function kubeconfigOption(): Option {
  return new Option('--kubeconfig <FILE>', 'use this kubeconfig, instead of $KUBECONFIG or ~/.kube/config');
}

/** The files of the user kubeconfig. Warns about a `~` that the shell did not replace. */
export function kubeconfigPaths(command: Command, world: World): KubeconfigPaths {
  const paths = locateKubeconfig({
    flag: textOption(command, 'kubeconfig'),
    environment: world.environment,
    homeDirectory: world.homeDirectory(),
    platform: world.platform,
  });
  for (const path of paths.filter((each) => /(?:^|[\\/])~[\\/]/.test(each))) {
    world.warn(`${printable(path)} is in a directory named "~": shells replace ~ only outside of quotes`);
  }
  return paths;
}

/** Flags with their values; `true` for a flag without a value. */
export type Flags = Readonly<Record<string, string | true | undefined>>;

/** A command of this plugin that can be copied into a shell. */
export function commandLine(words: string, flags: Flags): string {
  const typed = Object.entries(flags).map(([flag, value]) => {
    if (value === undefined) return '';
    return ` --${flag}${value === true ? '' : ` ${shellWord(value)}`}`;
  });
  return printable(`kubectl eck ${words}${typed.join('')}`, Infinity);
}

export function execApiVersionOption(): Option {
  const help = 'of the exec entry; v1beta1 for kubectl before 1.22';
  return withChoices(new Option('--exec-api-version <VERSION>', help), ['v1', 'v1beta1']).default('v1');
}

export function execApiVersion(command: Command): ExecApiVersion {
  return parseExecApiVersion(textOption(command, 'exec-api-version'));
}

/** The option for the format of data on standard output. The first format is the default. */
export function outputOption(formats: readonly string[]): Option {
  const option = new Option('-o, --output <FORMAT>', 'print in this format');
  return withChoices(option, formats).default(formats[0]);
}

export function outputFormat<Format extends string>(command: Command, formats: readonly [Format, ...Format[]]): Format {
  const text = textOption(command, 'output');
  return formats.find((known) => known === text) ?? formats[0];
}

/** Adds examples to a command's help, given without the program's name. */
export function addExamples(command: Command, ...examples: readonly string[]): Command {
  const lines = examples.map((example) => `\n  kubectl eck ${command.name()} ${example}`.trimEnd());
  return command.addHelpText('after', `\nExamples:${lines.join('')}`);
}

/** Limits an option or an argument to some values, which help and completion show. */
export function withChoices<T extends Option | Argument>(taker: T, choices: readonly string[]): T {
  const name = taker instanceof Option ? (taker.long ?? taker.flags) : taker.name();
  // Commander's own check has another message than the one for a variable.
  taker.argParser((text) => parseChoice(name, text, choices));
  taker.argChoices = [...choices];
  return taker;
}

/** The value of an option, if it was typed. */
export function textOption(command: Command, flag: string): string | undefined {
  const attribute = camelCase(flag);
  const isTyped = command.getOptionValueSource(attribute) === 'cli';
  return isTyped ? (command.getOptionValue(attribute) as string) : undefined;
}

export function switchOption(command: Command, flag: string): boolean {
  return command.getOptionValueSource(camelCase(flag)) === 'cli';
}

function camelCase(flag: string): string {
  return flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

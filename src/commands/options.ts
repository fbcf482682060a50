import { Option, type Command } from 'commander';
import { quoted, usageError } from '../errors.js';
import type { Environment } from '../identity/identity.js';
import { storeChoices } from '../keychain/store.js';
import { sites } from '../settings/endpoint.js';
import { settingFlags, variableOf, type SettingTexts } from '../settings/settings.js';

/** The options of one command, as they were typed or given by environment variables, by the flag's long name. */
export type OptionTexts = Readonly<Record<string, string | boolean | undefined>>;

const helpGroup = 'Who, where and how:';

/** Adds the options that every command which calls ENS has in common. */
export function addSettingOptions(command: Command): Command {
  const options = [
    new Option('--profile <NAME>', 'sign calls with this profile of the aliyun CLI'),
    new Option('--role-arn <ARN>', 'take on this RAM role first'),
    new Option('--endpoint <HOST>', 'call this ENS endpoint, a host or a URL'),
    new Option('--site <SITE>', `call the endpoint of this site: ${sites.join(' or ')}`),
    new Option('--store <STORE>', `keep credentials in: ${storeChoices.join(', ')}`).default('auto'),
    new Option('--max-age <DURATION>', 'ask ENS again for a credential that is older').default('12h'),
    new Option('--timeout <DURATION>', 'give up after this long, all attempts together').default('20s'),
    new Option('--connect-timeout <DURATION>', 'wait this long for a connection').default('5s'),
    new Option('--read-timeout <DURATION>', 'wait this long for an answer').default('10s'),
  ];
  // The defaults are shown, and applied where the settings are read: there an environment variable comes first.
  for (const option of options) {
    command.addOption(withVariable(option).helpGroup(helpGroup));
  }
  return command;
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
  if (command.getOptionValueSource(camelCase(flag)) === 'cli') return true;
  const text = environment[variableOf(flag)]?.toLowerCase();
  if (text === undefined || text === '' || ['false', '0', 'no'].includes(text)) return false;
  if (['true', '1', 'yes'].includes(text)) return true;
  throw usageError(`${variableOf(flag)}=${quoted(text)} is neither true nor false`);
}

function camelCase(flag: string): string {
  return flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

import { Command, Option, type Argument } from 'commander';
import { sites } from '../endpoint.js';
import { printable } from '../errors.js';
import { parseExecApiVersion, type ExecApiVersion } from '../exec-credential/protocol.js';
import { locateKubeconfig, type KubeconfigPaths } from '../kubeconfig/files.js';
import * as settings from '../settings.js';
import { shellWord } from '../terminal/format.js';
import type { World } from '../world.js';

/** A command with the options that several commands have. */
export class EckCommand extends Command {
  override createCommand(name?: string): EckCommand {
    return new EckCommand(name);
  }

  /** Adds the options that say who signs, and where. */
  addIdentityOptions(): this {
    return this.#addSettings(
      new Option('--profile <NAME>', 'sign calls with this profile of the aliyun CLI'),
      new Option('--role-arn <ARN>', 'assume this RAM role first'),
      new Option('--endpoint <HOST>', 'call this ENS endpoint, a host or a URL'),
      withChoices(new Option('--site <SITE>', 'call the endpoint of this site of Alibaba Cloud'), sites),
    );
  }

  /** Adds the options of a command that calls ENS. */
  addAccountOptions(): this {
    const timeout = new Option('--timeout <DURATION>', 'give up after this time, all attempts together');
    return this.addIdentityOptions().#addSettings(timeout.default('20s'));
  }

  /** Adds the options of a command that fetches and saves credentials. */
  addSettingOptions(): this {
    const store = new Option('--store <STORE>', 'save credentials here');
    return this.addAccountOptions().#addSettings(
      withChoices(store, settings.storeChoices).default('auto'),
      new Option('--max-age <DURATION>', 'renew a credential that is older').default('12h'),
    );
  }

  /** Defaults are shown here and applied by `readSettings`, where a variable beats them. */
  #addSettings(...options: readonly Option[]): this {
    for (const option of options) {
      option.description += ` [$${settings.variableOf(option.long?.slice(2) as settings.SettingFlag)}]`;
      this.addOption(option.helpGroup('Who, where and how:'));
    }
    return this;
  }

  addKubeconfigOption(): this {
    return this.option('--kubeconfig <FILE>', 'use this kubeconfig, instead of $KUBECONFIG or ~/.kube/config');
  }

  addExecApiVersionOption(): this {
    const help = 'of the exec entry; v1beta1 for kubectl before 1.22';
    const option = new Option('--exec-api-version <VERSION>', help);
    return this.addOption(withChoices(option, ['v1', 'v1beta1']).default('v1'));
  }

  /** Adds the option for the format of data on standard output. The first format is the default. */
  addOutputOption(formats: readonly string[]): this {
    const option = new Option('-o, --output <FORMAT>', 'print in this format');
    return this.addOption(withChoices(option, formats).default(formats[0]));
  }

  /** Adds examples to the help, given without the command's name. */
  addExamples(...examples: readonly string[]): this {
    const lines = examples.map((example) => `\n  kubectl eck ${this.name()} ${example}`.trimEnd());
    return this.addHelpText('after', `\nExamples:${lines.join('')}`);
  }

  /** The value of an option, if it was typed. */
  textOption(flag: string): string | undefined {
    const attribute = new Option(`--${flag}`).attributeName();
    const isTyped = this.getOptionValueSource(attribute) === 'cli';
    return isTyped ? (this.getOptionValue(attribute) as string) : undefined;
  }

  switchOption(flag: string): boolean {
    return this.textOption(flag) !== undefined;
  }

  typedSettings(): settings.SettingTexts {
    const typed = settings.settingFlags.map((flag) => [flag, this.textOption(flag)] as const);
    return Object.fromEntries(typed.filter(([, text]) => text !== undefined));
  }

  /** The settings that were typed, and those of variables. @throws EckError `usage` */
  settings(world: World): settings.Settings {
    return settings.readSettings(this.typedSettings(), world.environment);
  }

  execApiVersion(): ExecApiVersion {
    return parseExecApiVersion(this.textOption('exec-api-version'));
  }

  outputFormat<Format extends string>(formats: readonly [Format, ...Format[]]): Format {
    const text = this.textOption('output');
    return formats.find((known) => known === text) ?? formats[0];
  }

  /** The files of the user kubeconfig. Warns about a `~` that the shell did not replace. */
  kubeconfigPaths(world: World): KubeconfigPaths {
    const paths = locateKubeconfig(world, this.textOption('kubeconfig'));
    for (const path of paths.filter((each) => /(?:^|[\\/])~[\\/]/.test(each))) {
      world.warn(`${printable(path)} is in a directory named "~": shells replace ~ only outside of quotes`);
    }
    return paths;
  }
}

/** Limits an option or an argument to some values, which help and completion show. */
export function withChoices<T extends Option | Argument>(taker: T, choices: readonly string[]): T {
  const name = taker instanceof Option ? (taker.long ?? taker.flags) : taker.name();
  // Commander's own check has another message than the one for a variable.
  taker.argParser((text) => settings.parseChoice(name, text, choices));
  taker.argChoices = [...choices];
  return taker;
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
